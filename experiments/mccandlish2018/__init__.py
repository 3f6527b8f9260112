"""McCandlish et al. 2018, an empirical model of large-batch training (arXiv 1812.06162)."""
