"""Online SGD on non-convex losses, Ben Arous, Gheissari, Jagannath 2021 (arXiv 2003.10409)."""
