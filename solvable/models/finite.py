"""One problem with its data set, finitely many samples that are reused, and the law of such data sets."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable.arguments import as_real, check_integer, check_reals, refusal
from solvable.arrays import is_concrete
from solvable.forms.draws import DataDraw
from solvable.forms.sample import Sample
from solvable.keys import require_key, stream
from solvable.models.base import AbstractModel, AbstractProblem, AbstractStream, HasPopulation, given_features
from solvable.models.checks import check_samples, concrete_size
from solvable.numerics.padding import rounded_up
from solvable.numerics.precision import in_float64


class FiniteProblem(AbstractProblem):
    """A problem and the ``samples`` data drawn for it; an algorithm sees these data only.

    Population quantities (eigenvalues, target, floor, `risk`) are those of ``problem``. The data are in the same
    eigenbasis: by the Gaussian reduction features are sqrt(eigvals) z with z ~ N(0, I), and targets are
    features . target + sqrt(floor) eps with eps ~ N(0, 1), where the part of the target that the features cannot
    express acts as label noise.

    A row of zeros in features and targets beyond ``samples`` is an absent sample, a column of zeros where the
    eigenvalue is 0 an absent feature: ragged sizes can be padded with zeros and stacked.

    Attributes:
        problem: the draw of the features, with its population quantities.
        features: training features in the eigenbasis; shape (rows, width).
        targets: training targets; shape (rows,).
        samples: number of samples present; all rows by default.
    """

    problem: AbstractProblem
    features: Float[Array, "rows width"]
    targets: Float[Array, " rows"]
    samples: Int[Array, ""]
    references: ClassVar[tuple[str, ...]] = ("bordelon2024", "maloney2022")

    def __init__(self, problem: AbstractProblem, features, targets, samples=None):
        self.problem = problem
        self.features, self.targets = as_real(features), as_real(targets)
        rows: Any = np.asarray((*getattr(self.features, "shape", ()), 0)[0])
        self.samples = rows if samples is None else samples

    def __check_init__(self):
        if not isinstance(self.problem, AbstractProblem):
            raise refusal("problem", "one draw of a model", self.problem)
        for name, ndim in (("features", 2), ("targets", 1)):
            check_reals(name, getattr(self, name), "finite values", ndim=ndim)
        shape, width = np.shape(self.features), np.shape(self.problem.eigvals)[-1]
        if len(shape) != 2 or shape[0] < 1 or shape[1] != width:
            raise ValueError(f"features: wanted shape (samples, width = {width}), samples >= 1; got {shape}")
        if np.shape(self.targets) != shape[:1]:
            raise ValueError(f"targets: wanted shape {shape[:1]}; got {np.shape(self.targets)}")
        if is_concrete(self.samples):
            check_integer("samples", self.samples, 1, shape[0], f"an integer from 1 to the {shape[0]} rows")

    @classmethod
    def gaussian(cls, problem: AbstractProblem, key: Key[Array, ""], samples: int) -> "FiniteProblem":
        """``samples`` data of the Gaussian reduction of ``problem``.

        Sample i has its own stream, so that more samples extend fewer with the same key.
        """
        require_key(key, "to draw data from")
        size = concrete_size("samples", samples, "drawing a data set")
        width = np.shape(problem.eigvals)[-1]
        absent = rounded_up(width) - width
        pad = np.pad if is_concrete(problem.eigvals, problem.target) else jnp.pad
        eigvals, target = (pad(x, (0, absent)) for x in (problem.eigvals, problem.target))
        features, targets = _gaussian_data(key, eigvals, target, problem.floor, rounded_up(size))
        return cls(problem, features[:size, :width], targets[:size])

    @property
    def eigvals(self):
        return self.problem.eigvals

    @property
    def target(self):
        return self.problem.target

    @property
    def initial(self):
        return self.problem.initial

    @property
    def floor(self):
        return self.problem.floor

    def train_risk(self, params: Float[Array, " width"]) -> Float[Array, ""]:
        """Mean squared error of ``params`` (eigenbasis) on the training data."""
        residual = jnp.matmul(self.features, params, precision="highest") - self.targets
        return (residual**2).sum() / self.samples

    def batch(self, key: Key[Array, ""], size: int):
        """``size`` samples of the data set, drawn with replacement."""
        index = jax.random.randint(stream(key, "index"), (size,), 0, self.samples)
        return jnp.asarray(self.features)[index], jnp.asarray(self.targets)[index]

    @in_float64
    def sample(self) -> Sample:
        """Eigenvalues of the sample covariance, and the population risk as a quadratic form in its eigenbasis.

        One eigendecomposition of the smaller of the covariance (width) and the Gram matrix (samples).
        """
        population = self.eigvals, self.target, self.initial, self.floor
        return _lower(self.features, self.targets, *population, self.samples)

    def lowerings(self):
        return {Sample: self.sample, DataDraw: lambda: DataDraw(self)}

    def basis(self):
        return self.problem.basis()

    def ambient_draw(self):
        """The ambient coordinates of the features; the data set is left aside."""
        return self.problem.ambient_draw()


class DataSets(HasPopulation, AbstractModel):
    """The law of data sets drawn for one problem: the features are given, the samples are not.

    Attributes:
        problem: the draw of the features, on a fresh stream.
        samples: size of a data set, an integer to draw, any real number >= 1 for theory.
    """

    problem: AbstractStream
    samples: Any
    references: ClassVar[tuple[str, ...]] = ("bordelon2024",)

    def __check_init__(self):
        if not isinstance(self.problem, AbstractStream):
            raise ValueError(f"problem: wanted one draw on a fresh stream; got {type(self.problem).__name__}")
        if self.samples is None:
            raise ValueError("samples: wanted a finite number of samples >= 1; got None (the problem is a stream)")
        check_samples(self.samples)

    def population(self):
        return given_features(self.problem, self.samples)

    def draw(self, key):
        """One data set; more samples extend fewer with the same key."""
        return FiniteProblem.gaussian(self.problem, key, self.samples)


@in_float64
@eqx.filter_jit
def _gaussian_data(key, eigvals, target, floor, samples: int):
    """Features (samples, width) and targets (samples,); the normals are drawn in float32, whatever the flags."""
    eigvals, target, floor = (jnp.asarray(x, float) for x in (eigvals, target, floor))

    def sample(i):
        one = jax.random.fold_in(stream(key, "data"), i)
        z = jax.random.normal(stream(one, "features"), eigvals.shape, jnp.float32)
        return z.astype(float), jax.random.normal(stream(one, "residual"), (), jnp.float32).astype(float)

    z, eps = jax.vmap(sample)(jnp.arange(samples))
    features = jnp.sqrt(eigvals) * z
    return features, features @ target + jnp.sqrt(floor) * eps


@jax.jit
def _lower(features, targets, eigvals, target, initial, floor, samples):
    """Null directions (eigenvalue below rounding) get eigenvalue 0 and gradient 0."""
    features, targets, samples = (jnp.asarray(x, float) for x in (features, targets, samples))
    initial, roots = jnp.asarray(initial, float), jnp.sqrt(jnp.asarray(eigvals, float))
    rows, width = features.shape
    residual = features @ initial - targets
    # The eigenvalues as squared lengths: those far below the largest keep more digits than the solver gives them.
    if width <= rows:
        basis = jnp.linalg.eigh(features.T @ features / samples)[1]
        scores = features @ basis
        lengths = jnp.linalg.norm(scores, axis=0)
    else:
        left = jnp.linalg.eigh(features @ features.T / samples)[1]
        basis = features.T @ left
        lengths = jnp.linalg.norm(basis, axis=0)
        scores = left * lengths
    sample_eigvals = lengths**2 / samples
    present = sample_eigvals > max(rows, width) * jnp.finfo(float).eps * sample_eigvals.max()
    sample_eigvals = jnp.where(present, sample_eigvals, 0.0)
    if width > rows:
        basis = jnp.where(present, basis / jnp.where(present, lengths, 1.0), 0.0)
    return Sample(
        eigvals=sample_eigvals,
        gradient=jnp.where(present, scores.T @ residual / samples, 0.0),
        rows=jnp.where(present, scores, 0.0),
        residual=residual,
        root=basis.T * roots,
        offset=roots * (initial - jnp.asarray(target, float)),
        floor=jnp.asarray(floor, float),
        samples=samples,
    )
