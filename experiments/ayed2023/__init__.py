"""Data pruning and neural scaling laws: limits of score-based algorithms, Ayed and Hayou 2023 (arXiv 2302.06960)."""
