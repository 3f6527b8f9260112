"""Numbers of (alpha, beta) alone: phases, compute-optimal exponents, power laws with their constants."""

from solvable.exponents.compute_optimal import Balance as Balance
from solvable.exponents.compute_optimal import Optimum as Optimum
from solvable.exponents.compute_optimal import balance as balance
from solvable.exponents.compute_optimal import optimal_width as optimal_width
from solvable.exponents.compute_optimal import terms as terms
from solvable.exponents.phases import PHASES as PHASES
from solvable.exponents.phases import Phase as Phase
from solvable.exponents.phases import boundaries as boundaries
from solvable.exponents.phases import phase as phase
from solvable.exponents.pieces import approximation_floor as approximation_floor
from solvable.exponents.pieces import distortion as distortion
from solvable.exponents.pieces import forcing as forcing
from solvable.exponents.pieces import kernel as kernel
from solvable.exponents.pieces import ridge_constant as ridge_constant
from solvable.exponents.pieces import risk_law as risk_law
