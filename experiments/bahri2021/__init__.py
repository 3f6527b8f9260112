"""Explaining neural scaling laws, Bahri et al. 2021 (arXiv 2102.06701)."""
