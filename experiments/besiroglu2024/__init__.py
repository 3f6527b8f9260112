"""Chinchilla scaling: a replication attempt, Besiroglu et al. 2024 (arXiv 2404.10102)."""
