"""Experiments of Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074): phases of compute-optimal scaling."""
