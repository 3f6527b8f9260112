"""Sweeps: every combination of the axes' values, stacked, resumable, on many devices and machines."""

from solvable.sweeps.collect import Status as Status
from solvable.sweeps.collect import collect as collect
from solvable.sweeps.collect import sweep_status as sweep_status
from solvable.sweeps.plan import Plan as Plan
from solvable.sweeps.run import plan as plan
from solvable.sweeps.run import sweep as sweep
