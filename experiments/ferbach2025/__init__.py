"""Dimension-adapted momentum: Ferbach et al. 2025 (arXiv 2505.16098)."""
