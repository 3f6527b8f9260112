"""A fitted number."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A fitted number: value, standard error and confidence interval (low, high)."""

    value: float
    stderr: float
    low: float
    high: float

    def __float__(self) -> float:
        return self.value

    def __contains__(self, truth: float) -> bool:
        """Whether ``truth`` lies in the interval."""
        return self.low <= truth <= self.high
