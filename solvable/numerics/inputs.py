"""The inputs behind random features, as everything that reads them sees them: sums over their modes.

The modes have eigenvalues D_1 >= D_2 >= ... > 0 of the input covariance and target powers p_j = D_j b_j^2. Theories of
the typical draw need two families of sums, at complex w,

    S(w) = sum_j D_j / (D_j + w),        R(w) = sum_j p_j / (D_j + w),

a draw the modes themselves, theories of finite data a list of nodes. Which modes they are is nobody else's business: a
power law (`power_law_inputs`), or a list that power laws continue (`listed_inputs`).

Eigenvalues, and w, are in units of the largest one: D_1 = 1. Only what a draw or a finite data set reads
(`coordinates`, `beyond`, `nodes`) is in units of the inputs.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Complex, Float


class Rest(NamedTuple):
    """Sums over the modes beyond some index: of D, D^2, D p and p."""

    trace: Float[Array, ""]
    square: Float[Array, ""]
    overlap: Float[Array, ""]
    power: Float[Array, ""]


class AbstractInputs(eqx.Module):
    """Eigenvalues and target powers of the inputs."""

    @property
    @abc.abstractmethod
    def count(self) -> Float[Array, ""]:
        """Number of modes, which may be real or infinite."""

    @property
    @abc.abstractmethod
    def scale(self) -> Float[Array, ""]:
        """The largest eigenvalue in units of the inputs."""

    @property
    @abc.abstractmethod
    def second(self) -> Float[Array, ""]:
        """D_2, which stays below D_1 or equals it."""

    @abc.abstractmethod
    def sums(self, w: Complex[Array, "..."]) -> tuple[Complex[Array, "..."], Complex[Array, "..."]]:
        """S(w) and w dS/dw, any shape of w != 0 off the poles w = -D_j."""

    @abc.abstractmethod
    def all_sums(self, w: Complex[Array, "..."]) -> tuple[Complex[Array, "..."], ...]:
        """S(w), w dS/dw and R(w)."""

    @abc.abstractmethod
    def moments(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """sum_j D_j and sum_j D_j^2."""

    @abc.abstractmethod
    def ridge_bracket(
        self, width: Float[Array, "..."], trace: Float[Array, ""]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Bounds of log kappa, S(kappa) = width; any where there are no more modes than that. ``trace`` is sum D."""

    @abc.abstractmethod
    def depth(self, width: Any) -> Any:
        """log(D_1 / D_width), roughly: over how many e-folds the spectrum of that many features reaches."""

    @abc.abstractmethod
    def coordinates(self, count: int) -> tuple[Float[Array, " count"], Float[Array, " count"]]:
        """Square roots of the first eigenvalues and of their target powers, in units of the inputs."""

    @abc.abstractmethod
    def beyond(self, count: int) -> Rest:
        """Sums over all modes but the first ``count``, in units of the inputs."""

    @abc.abstractmethod
    def nodes(self) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"], Float[Array, " nodes"]]:
        """(eigenvalues, mass, power) in units of the inputs: sums over modes as sums over nodes."""
