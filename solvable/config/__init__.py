"""Frozen configurations: at once objects of the API, flags, the content of TOML files, and help texts.

Importing them loads nothing heavy; building what they describe does.
"""

from solvable.config.check import CheckConfig
from solvable.config.curve import CurveConfig, FrontierConfig
from solvable.config.fit import FitConfig
from solvable.config.sweep import SweepConfig

__all__ = ["CheckConfig", "CurveConfig", "FitConfig", "FrontierConfig", "SweepConfig"]
