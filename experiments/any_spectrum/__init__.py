"""Theories of solvable models beside networks' simplest relatives trained on real images."""
