"""The risk as a sum of bias and variances: one type for ridge regression and for training in steps."""

import equinox as eqx
from jaxtyping import Array, Float

from solvable.arguments import check_real


def check_draws(features: float, data: float) -> None:
    """Raise unless both are numbers >= 1, or infinite."""
    for name, count in (("features", features), ("data", data)):
        check_real(name, count, "a number of independent draws >= 1", lambda x: x >= 1)


class RiskParts(eqx.Module):
    """The typical risk and the seven parts that it is the sum of; all of one shape.

    A prediction is random in three ways: through the features, the training inputs and the label noise. Average it
    over all three and compare with the target: that squared error is ``bias``. Average it over all but one of them:
    the variance that is left is what that one contributes alone (``features``, ``inputs``, ``noise``). What two of
    them contribute together, beyond their two single contributions, is their interaction. Label noise belongs to its
    inputs, and averages to zero over them, so its contributions are taken at given inputs.

    Attributes:
        risk: population mean squared error, label noise included.
        bias: squared error of the prediction averaged over everything; neither ensembling nor bagging removes it.
        features: variance over features alone. Averaged over data sets, the risk is label + bias + features.
        inputs: variance over training inputs alone. Averaged over features, it is label + bias + inputs + noise.
        features_inputs: interaction of features and inputs.
        noise: variance over label noise of the prediction averaged over features.
        noise_features: interaction of label noise and features.
        label: sigma^2, the noise of the test labels.
    """

    risk: Float[Array, "*points"]
    bias: Float[Array, "*points"]
    features: Float[Array, "*points"]
    inputs: Float[Array, "*points"]
    features_inputs: Float[Array, "*points"]
    noise: Float[Array, "*points"]
    noise_features: Float[Array, "*points"]
    label: Float[Array, "*points"]
    references = ("bordelon2024",)

    def averaged(self, features: float = 1, data: float = 1) -> Float[Array, "*points"]:
        """Risk of the mean prediction over ``features`` draws of the features and ``data`` data sets, each with each,

            label + bias + features / E + (inputs + noise) / B + (features_inputs + noise_features) / (E B),

        E = ``features`` and B = ``data``, infinity included. Each system is trained by itself, as the one described.

        Raises:
            ValueError: a number is below 1.
        """
        check_draws(features, data)
        alone = self.label + self.bias + self.features / features + (self.inputs + self.noise) / data
        return alone + (self.features_inputs + self.noise_features) / (features * data)
