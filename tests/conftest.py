"""Settings every test shares."""

import hypothesis
import pytest

# Compiling is slow and its time varies, so a deadline per example would fail at random.
hypothesis.settings.register_profile("solvable", deadline=None, max_examples=30)
hypothesis.settings.load_profile("solvable")


@pytest.fixture(autouse=True)
def _unchanged_precision():
    """No test, and nothing it calls, may leave JAX's global precision changed."""
    import jax

    before = jax.config.jax_enable_x64
    yield
    assert jax.config.jax_enable_x64 == before
