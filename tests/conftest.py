"""Settings every test shares."""

import hypothesis
import jax
import pytest

# Compiling is slow and its time varies, so a deadline per example would fail at random.
hypothesis.settings.register_profile("solvable", deadline=None, max_examples=30)
hypothesis.settings.load_profile("solvable")


@pytest.fixture(autouse=True)
def _unchanged_precision():
    """No test, and nothing it calls, may leave JAX's global precision changed."""
    before = jax.config.jax_enable_x64
    yield
    assert jax.config.jax_enable_x64 == before


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_programs():
    """Compiled programs are freed after each file: thousands at once exhaust the memory maps of a Linux process."""
    yield
    jax.clear_caches()
