"""The form of data still to be drawn: all that a theory of the typical finite data set may look at."""

from typing import ClassVar

from jaxtyping import Array, Float

from solvable.forms.base import AbstractForm


class Population(AbstractForm):
    """A linear regression behind random features, as nodes of its population spectrum.

    Inputs have independent Gaussian coordinates of variances lambda_k, targets are sum_k w_k x_k plus label noise.
    ``width`` random features of them are trained on ``samples`` data. Every sum over population modes is
    ``sum_k h(lambda_k) = mass @ h(eigvals)`` or ``sum_k lambda_k w_k^2 h(lambda_k) = power @ h(eigvals)``: for a short
    list of eigenvalues the nodes are the eigenvalues themselves (mass 1), for a long power law a quadrature of them.

    Attributes:
        eigvals: population eigenvalues lambda_k >= 0 (never their square roots); shape (modes,).
        mass: number of directions at each node; shape (modes,).
        power: target power lambda_k w_k^2, summed over the directions of the node; shape (modes,). Its sum plus
            noise^2 is the risk of zero parameters.
        width: number N of random features; ``inf`` where all population coordinates are trained.
        samples: number P of training samples; ``inf`` for a fresh stream.
        noise: standard deviation of the label noise.
    """

    eigvals: Float[Array, " modes"]
    mass: Float[Array, " modes"]
    power: Float[Array, " modes"]
    width: Float[Array, ""]
    samples: Float[Array, ""]
    noise: Float[Array, ""]
    what: ClassVar[str] = "the population behind a data set still to be drawn (Population)"
    data: ClassVar[bool | None] = True


class Endless(Population):
    """The population of a fresh stream: ``samples`` is infinite, and there is no training risk."""

    what: ClassVar[str] = "the population of a fresh stream (Endless)"
    data: ClassVar[bool | None] = False

    @classmethod
    def of(cls, population: Population) -> "Endless":
        """The same population, said to be that of a stream."""
        p = population
        return cls(p.eigvals, p.mass, p.power, p.width, p.samples, p.noise)
