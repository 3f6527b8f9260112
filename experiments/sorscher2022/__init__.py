"""Beyond neural scaling laws: beating power law scaling via data pruning, Sorscher et al. 2022 (arXiv 2206.14486)."""
