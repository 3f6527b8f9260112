"""A solvable model of neural scaling laws, Maloney et al. 2022 (arXiv 2210.16859)."""
