"""What every law of random features can say, whatever its inputs are."""

import abc
from typing import Any, ClassVar

from jaxtyping import Array, Float, Key

from solvable.arguments import check_integer
from solvable.arrays import as_float64, is_concrete
from solvable.forms.population import Population
from solvable.forms.spectrum import Spectrum
from solvable.keys import require_key
from solvable.models.base import AbstractModel, AbstractProblem, HasPopulation, HasWidths, sizes
from solvable.models.checks import check_started_at_zero
from solvable.models.finite import FiniteProblem
from solvable.models.random_feature_draw import AbstractFeatureLaw, ProjectedFeatures, RandomFeatureProblem
from solvable.models.random_feature_spectrum import (
    input_trace,
    typical_density,
    typical_floor,
    typical_spectrum,
    typical_support,
)
from solvable.numerics.precision import in_float64
from solvable.numerics.resolvent import Law, default_nodes

FEWEST_NODES, MOST_NODES = 64, 10**6


class AbstractRandomFeatures(HasWidths, HasPopulation, AbstractModel, AbstractFeatureLaw):
    """x ~ N(0, D) with D = diag(D_1, D_2, ...), features W^T x, W_ij ~ N(0, 1/width), targets <x, b> + noise * eps.

    The width parameters theta are trained on E (W^T x . theta - y)^2 (no factor 1/2). A subclass states its `inputs`:
    the eigenvalues D_j and the target powers p_j = D_j b_j^2.
    """

    references: ClassVar[tuple[str, ...]] = ("paquette2024", "silverstein1995")

    def law(self) -> Law:
        """The inputs, and the width as a float64 scalar."""
        return Law(self.inputs(), as_float64(self.width))

    @in_float64
    def trace(self) -> Float[Array, ""]:
        """Expected trace of the feature covariance, sum_j D_j."""
        return input_trace(self.inputs())

    @in_float64
    def floor(self) -> Float[Array, ""]:
        """Risk of the best parameters, F_0 + noise^2, F_0 = sum_j p_j kappa / (D_j + kappa).

        kappa is the effective ridge, sum_j D_j / (D_j + kappa) = width; tau = 1 / kappa in Paquette et al.
        """
        return typical_floor(self.law(), as_float64(self.noise))

    @in_float64
    def support(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Smallest and largest eigenvalue of the typical feature covariance (edges of the density's support)."""
        self._require_wide("support()")
        return typical_support(self.law())

    @in_float64
    def density(self, eigvals: Float[Array, " points"]) -> Float[Array, " points"]:
        """Eigenvalue density of the typical feature covariance, normalised to the width: Im S(w) / (pi lambda)."""
        self._require_wide("density()")
        return typical_density(self.law(), as_float64(eigvals))

    @in_float64
    def default_nodes(self, width: Any) -> int:
        """Contour nodes for an accuracy of about 1e-10 at that width."""
        return default_nodes(self.inputs().depth(width))

    @in_float64
    def spectrum(self, nodes: int | None = None) -> Spectrum:
        """The typical draw's spectrum as ``nodes`` contour nodes; the default suits the decades it must span.

        The sum of the masses is the width (to 1e-12), ``sum(eigvals * error) + floor`` the risk at the start: what
        they miss measures the quadrature error.
        """
        if nodes is not None:
            nodes = check_integer("nodes", nodes, FEWEST_NODES, MOST_NODES)
        self._require_wide("spectrum()")
        law, parameters = self.law(), (as_float64(x) for x in (self.noise, self.init_std))
        return typical_spectrum(law, *parameters, nodes or default_nodes(law.inputs.depth(law.width)))

    @in_float64
    def population(self) -> Population:
        """The input modes as nodes, behind ``width`` features."""
        check_started_at_zero(self.init_std)
        return Population(*self.inputs().nodes(), *sizes(self.width, self), as_float64(self.noise))

    def draw(self, key: Key[Array, ""]) -> AbstractProblem:
        """One draw of W (and of the initial parameters), with its data where ``samples`` is set.

        A wider model extends a narrower one with the same key, and more samples extend fewer.
        """
        require_key(key, "to draw from")
        problem = RandomFeatureProblem.of(self, key)
        return problem if self.samples is None else FiniteProblem.gaussian(problem, key, self.samples)

    def ambient_draw(self, key):
        return ProjectedFeatures.of(self, require_key(key, "to draw from"))

    def _require_wide(self, caller: str) -> None:
        """Raise where fewer inputs than features leave the typical feature covariance singular."""
        if not is_concrete(self.input_count, self.width) or float(self.input_count) >= float(self.width):
            return
        where = f"for {caller} and one-pass theories of a model (a draw of it may have fewer)"
        raise ValueError(self._narrow(where))

    @abc.abstractmethod
    def _narrow(self, where: str) -> str:
        """The message where there are fewer inputs than features."""
