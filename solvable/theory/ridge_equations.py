"""The typical risk of ridge regression on finite data: one fixed point, then closed forms.

Modes lambda_k with target power p_k = lambda_k w_k^2, N random features, T samples, label noise sigma, penalty rho.
With z = sum lambda / (lambda + kappa), the effective ridge kappa solves

    rho = kappa a b,      a = 1 - z/N,      b = 1 - z/T.

Every quantity below is a sum of positive terms of a, b and

    s  = sum lambda kappa / (lambda + kappa)^2,    t = (s/N) / (a + s/N),
    B2 = sum p kappa^2 / (lambda + kappa)^2,       B1 = sum p lambda kappa / (lambda + kappa)^2,

so nothing cancels: not where width and samples are 10^9, not in the ridgeless limit. The risk is

    L = (B2 + t B1 + sigma^2) / (b + (s/T)(1 - t)).

Maloney, Roberts, Sully 2022 (arXiv 2210.16859); the same equations in Defilippis, Loureiro, Misiakiewicz 2024
(2405.15699) and, by S-transforms, Atanasov, Zavatone-Veth, Pehlevan 2024 (2405.00592).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.population import Population

BISECTIONS = 24  # of a bracket in log kappa: leaves at most 1e-5 of it
NEWTON = 3  # squares the error three times, and carries derivatives
SAME = 1e-12  # relative difference below which a count of modes is a size


class RidgeRisk(eqx.Module):
    """Typical risk of ridge regression, and the seven parts that it is the sum of; all of one shape.

    The predictor depends on the features, on the training inputs and on the label noise. Averages are nested: a part
    is the variance over what it names of the average over the rest (a main effect), or what two of them together have
    beyond their main effects (an interaction). Label noise acts only through the inputs it belongs to: averaged over
    the inputs it vanishes.

    Attributes:
        risk: population mean squared error, label noise included.
        train_risk: mean squared error on the training data, b^2 risk.
        effective_ridge: kappa; 0 where all modes are fitted exactly.
        width_left, samples_left: a = 1 - z/N and b = 1 - z/T, the shares that the modes learned leave free.
        bias: squared error of the predictor averaged over everything; what ensembling and bagging cannot remove.
        features: variance over features. Averaging over data leaves bias + features.
        inputs: variance over inputs. Averaging over features leaves bias + inputs + noise (+ label).
        features_inputs: interaction of features and inputs.
        noise: variance over label noise with the features averaged.
        noise_features: the rest of the variance over label noise.
        label: sigma^2, the noise of the test labels.
    """

    risk: Float[Array, "*points"]
    train_risk: Float[Array, "*points"]
    effective_ridge: Float[Array, "*points"]
    width_left: Float[Array, "*points"]
    samples_left: Float[Array, "*points"]
    bias: Float[Array, "*points"]
    features: Float[Array, "*points"]
    inputs: Float[Array, "*points"]
    features_inputs: Float[Array, "*points"]
    noise: Float[Array, "*points"]
    noise_features: Float[Array, "*points"]
    label: Float[Array, "*points"]


class FixedPoint(NamedTuple):
    """kappa with the shares a = 1 - z/N and b = 1 - z/T."""

    kappa: Float[Array, ""]
    a: Float[Array, ""]
    b: Float[Array, ""]


def divide(x, y):
    """x / y, and 0 where x = 0: a part that is absent stays absent where its amplification diverges."""
    return jnp.where(x == 0, 0.0, x / jnp.where((x == 0) & (y == 0), 1.0, y))


def times(x, y):
    """x y, and 0 where x = 0, for an infinite y too."""
    return jnp.where(x == 0, 0.0, x * jnp.where(x == 0, 0.0, y))


def learned(population: Population, kappa) -> Float[Array, " modes"]:
    """lambda / (lambda + kappa) of each mode; 0 for an absent mode."""
    total = population.eigvals + kappa
    return jnp.where(total > 0, population.eigvals / jnp.where(total > 0, total, 1.0), 0.0)


def fixed_point(population: Population, penalty: Float[Array, ""]) -> FixedPoint:
    """The effective ridge. Differentiable in everything: the last steps are Newton's."""
    u, v = 1 / population.width, 1 / population.samples
    modes = population.mass.sum()
    # Without a penalty z = min(N, T); where there are no more modes than that, all are fitted and kappa is 0.
    exhausted = (penalty == 0) & (modes * jnp.maximum(u, v) <= 1 + SAME)
    penalty = jnp.where(exhausted, 1.0, penalty)
    x = _solve(population, penalty, u, v)
    r = penalty * jnp.exp(-x)
    unbounded = u + v == 0  # infinite width and samples: a = b = 1
    difference = jnp.where(unbounded, 0.0, (v - u) * (1 - r) / jnp.where(unbounded, 1.0, _steepness(r, u, v)))
    # a - b = z (1/T - 1/N) and a b = rho / kappa: the smaller share from the product keeps its digits
    size = jnp.where(difference > 0, difference, -difference)  # unlike abs, differentiable along each branch
    large = (size + _root(difference**2 + 4 * r)) / 2
    small = divide(r, large)
    a, b = jnp.where(difference > 0, large, small), jnp.where(difference > 0, small, large)
    shares = [jnp.where(modes * w >= 1 - SAME, 0.0, 1 - modes * w) for w in (u, v)]
    a, b = jnp.where(exhausted, shares[0], a), jnp.where(exhausted, shares[1], b)
    return FixedPoint(jnp.where(exhausted, 0.0, jnp.exp(x)), a, b)


def _root(x):
    """Square root, with derivative 0 at 0."""
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)


def _steepness(r, u, v):
    """c with (1 - z u)(1 - z v) = r  <=>  c z = 1 - r on the branch z <= 1 / max(u, v)."""
    return (u + v + _root((u - v) ** 2 + 4 * r * u * v)) / 2


def _solve(population: Population, penalty, u, v):
    """log kappa, the root of c(r) z(kappa) - (1 - r), r = rho / kappa, which decreases in kappa."""

    def excess(x, population, penalty, u, v):
        r = penalty * jnp.exp(-x)
        return _steepness(r, u, v) * (population.mass @ learned(population, jnp.exp(x))) - (1 - r)

    arguments = population, penalty, u, v
    fixed = jax.lax.stop_gradient(arguments)
    trace = fixed[0].mass @ fixed[0].eigvals
    present = (fixed[0].mass != 0) & (fixed[0].eigvals > 0)
    least = jnp.where(present, fixed[0].eigvals, jnp.inf).min()
    high = jnp.log(fixed[1] + trace * (fixed[2] + fixed[3])) + 1e-3
    low = jnp.log(jnp.where(fixed[1] > 0, fixed[1], least * SAME * 1e-3)) - 1e-3

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        above = excess(middle, *fixed) > 0
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    low, high = jax.lax.fori_loop(0, BISECTIONS, halve, (low, jnp.maximum(low, high)))

    def polish(_, x):
        value, slope = jax.jvp(lambda x: excess(x, *arguments), (x,), (jnp.ones_like(x),))
        return x - jnp.clip(value / slope, -1.0, 1.0)

    return jax.lax.fori_loop(0, NEWTON, polish, (low + high) / 2)


def risk_at(population: Population, point: FixedPoint) -> RidgeRisk:
    """The risk and its parts, given the fixed point.

    Two systems trained on the same or on independent features (A) and inputs (X), the noise going with the inputs,
    have errors whose overlap C solves, with y an overlap of gradients and 1_A, 1_X whether A and X are shared,

        C = B2 + 1_X (q/T) (C + sigma^2) + 1_A (s/N) y,       y = B1 + 1_X (s/T) (C + sigma^2) + 1_A (q/N) y,

    q = z - s: the limit of infinite time of the cross-correlators of Bordelon et al. 2024 (arXiv 2402.01092). The
    parts are differences of these C with 1 - q/N = a + s/N, 1 - q/T = b + s/T.
    """
    kappa, a, b = point
    share, left = learned(population, kappa), _left(population, kappa)
    s, q = population.mass @ (share * left), population.mass @ share**2
    bias, pull = population.power @ left**2, population.power @ (share * left)
    per_feature, per_sample, used = s / population.width, s / population.samples, q / population.samples
    kept = jnp.where(a + per_feature > 0, divide(a, a + per_feature), 1.0)  # 1 - t
    features = (1 - kept) * pull
    data = b + per_sample  # 1 - q/T
    both = b + per_sample * kept
    amplified = divide((1 - kept) * per_sample, both * data)  # 1/both - 1/data
    label = population.noise**2
    risk = divide(bias + features + label, both)
    return RidgeRisk(
        risk,
        jnp.where(b > 0, b**2 * jnp.where(b > 0, risk, 0.0), 0.0),
        kappa, a, b, bias, features,
        inputs=divide(bias * used, data),
        features_inputs=times(bias, amplified) + divide(features * (used + per_sample * (1 - kept)), both),
        noise=divide(label * used, data),
        noise_features=times(label, amplified),
        label=label,
    )  # fmt: skip


def _left(population: Population, kappa):
    """kappa / (lambda + kappa): the part of a mode that is not learned."""
    total = population.eigvals + kappa
    return jnp.where(total > 0, kappa / jnp.where(total > 0, total, 1.0), 1.0)


def ridge_risk(population: Population, penalty: Float[Array, ""]) -> RidgeRisk:
    """The typical risk of one population at one penalty."""
    return risk_at(population, fixed_point(population, penalty))
