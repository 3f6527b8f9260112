"""The form of one data set: all that a theory conditional on the data may look at."""

from typing import ClassVar

from jaxtyping import Array, Float

from solvable.forms.base import AbstractForm


class Sample(AbstractForm):
    """The training loss and the population risk of linear parameters, in the eigenbasis of the sample covariance.

    With features Phi (samples, width), the sample covariance Phi^T Phi / samples has at most
    modes = min(samples, width) eigenvalues s_i > 0, with orthonormal eigenvectors u_i. An algorithm that sees the data
    only moves the parameters along the u_i: theta = theta_0 - sum_i c_i u_i. Then

        residuals      = residual - rows @ c                          shape (samples,)
        training risk  = |residuals|^2 / samples
        population risk = floor + |offset - c @ root|^2.

    A mode with eigenvalue 0 has gradient 0 and, where it stands for no direction at all, a row of zeros in ``root``.

    Attributes:
        eigvals: eigenvalues s_i of the sample covariance; shape (modes,).
        gradient: gradient of half the training risk at the start, along each u_i; shape (modes,).
        rows: the features along each u_i, Phi u_i; shape (samples, modes). Columns are orthogonal, of squared length
            samples * s_i.
        residual: Phi theta_0 - y; shape (samples,).
        root: root of the population quadratic form, u_i . (population eigenvector) * sqrt(population eigenvalue);
            shape (modes, width).
        offset: sqrt(population eigenvalue) * initial parameter error; shape (width,).
        floor: population risk of the best parameters; shape ().
        samples: number of training samples; shape ().
    """

    eigvals: Float[Array, " modes"]
    gradient: Float[Array, " modes"]
    rows: Float[Array, "samples modes"]
    residual: Float[Array, " samples"]
    root: Float[Array, "modes width"]
    offset: Float[Array, " width"]
    floor: Float[Array, ""]
    samples: Float[Array, ""]
    what: ClassVar[str] = "one data set (Sample)"
    data: ClassVar[bool | None] = True

    @property
    def start_risk(self) -> Float[Array, ""]:
        """Population risk of the initial parameters."""
        return self.floor + (self.offset**2).sum()
