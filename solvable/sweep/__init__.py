"""Sweeps: every combination of the axes' values, stacked, resumable, on many devices and machines."""

from solvable.sweep.collect import Status as Status
from solvable.sweep.collect import collect as collect
from solvable.sweep.collect import sweep_status as sweep_status
from solvable.sweep.layout import Plan as Plan
from solvable.sweep.run import plan as plan
from solvable.sweep.run import sweep as sweep
