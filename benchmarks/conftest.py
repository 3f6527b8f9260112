"""The machine's own limits, measured in the same run as the ratios."""

import pytest
from timing import keep, limits, processor


@pytest.fixture(scope="session", autouse=True)
def machine():
    found = limits()
    print(f"\n{processor()}: " + ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in found.items()))
    keep({"name": "limits of the machine", **found})
