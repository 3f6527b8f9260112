"""Compiled programs kept in a folder, for the length of a sweep."""

from solvable.io.compilation import compilation_cached as compilation_cached
