"""Scaling laws of synthetic data with deliberate practice, Askari-Hemmat et al. 2025 (arXiv 2502.15588)."""
