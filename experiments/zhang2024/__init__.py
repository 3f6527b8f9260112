"""Zhang et al. 2024, how the critical batch size scales in pre-training (arXiv 2410.21676)."""
