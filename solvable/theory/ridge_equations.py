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

import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.forms.population import Population
from solvable.numerics import real_ridge
from solvable.numerics.real_ridge import FixedPoint, Nodes, learned
from solvable.theory.risk_parts import RiskParts


class RidgeRisk(RiskParts):
    """Typical risk of ridge regression with its parts (`RiskParts`), and what its equations go through.

    Attributes:
        train_risk: mean squared error on the training data, b^2 risk.
        effective_ridge: kappa; 0 where all modes are fitted exactly.
        width_left, samples_left: a = 1 - z/N and b = 1 - z/T, the shares of features and of samples that the modes
            learned leave free.
    """

    train_risk: Float[Array, "*points"]
    effective_ridge: Float[Array, "*points"]
    width_left: Float[Array, "*points"]
    samples_left: Float[Array, "*points"]
    references = ("maloney2022", "defilippis2024", "atanasov2024")


def divide(x, y):
    """x / y, and 0 where x = 0: a part that is absent stays absent where its amplification diverges."""
    return jnp.where(x == 0, 0.0, x / jnp.where((x == 0) & (y == 0), 1.0, y))


def times(x, y):
    """x y, and 0 where x = 0, for an infinite y too."""
    return jnp.where(x == 0, 0.0, x * jnp.where(x == 0, 0.0, y))


def fixed_point(population: Population, penalty: Float[Array, ""]) -> FixedPoint:
    """kappa, a and b of a population at one penalty (`solvable.numerics.real_ridge`)."""
    nodes = Nodes(population.eigvals, population.mass, 1 / population.width, 1 / population.samples)
    return real_ridge.fixed_point(nodes, penalty)


def risk_at(population: Population, point: FixedPoint) -> RidgeRisk:
    """The risk and its parts, given the fixed point.

    Two systems trained on the same or on independent features (A) and inputs (X), the noise going with the inputs,
    have errors whose overlap C solves, with y an overlap of gradients and 1_A, 1_X whether A and X are shared,

        C = B2 + 1_X (q/T) (C + sigma^2) + 1_A (s/N) y,       y = B1 + 1_X (s/T) (C + sigma^2) + 1_A (q/N) y,

    q = z - s: the limit of infinite time of the cross-correlators of Bordelon et al. 2024 (arXiv 2402.01092). The
    parts are differences of these C with 1 - q/N = a + s/N, 1 - q/T = b + s/T.
    """
    kappa, a, b = point
    share, left = learned(population.eigvals, kappa), _left(population, kappa)
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
        risk=risk,
        bias=bias,
        features=features,
        inputs=divide(bias * used, data),
        features_inputs=times(bias, amplified) + divide(features * (used + per_sample * (1 - kept)), both),
        noise=divide(label * used, data),
        noise_features=times(label, amplified),
        label=label,
        train_risk=jnp.where(b > 0, b**2 * jnp.where(b > 0, risk, 0.0), 0.0),
        effective_ridge=kappa,
        width_left=a,
        samples_left=b,
    )


def _left(population: Population, kappa):
    """kappa / (lambda + kappa): the part of a mode that is not learned."""
    total = population.eigvals + kappa
    return jnp.where(total > 0, kappa / jnp.where(total > 0, total, 1.0), 1.0)


def ridge_risk(population: Population, penalty: Float[Array, ""]) -> RidgeRisk:
    """The typical risk of one population at one penalty."""
    return risk_at(population, fixed_point(population, penalty))
