"""Settings every test shares."""

from pathlib import Path

import hypothesis
import jax
import pytest
import sweep_worker

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
def free_compiled_programs():
    """Free compiled programs before they exhaust the memory maps of a Linux process (65530, several a program)."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 35_000:
        jax.clear_caches()


@pytest.fixture(scope="module")
def whole():
    """An uninterrupted sweep without a store: what every other way of running it must give."""
    return sweep_worker.run("slow")


@pytest.fixture
def finished(tmp_path):
    """The store of a finished sweep."""
    sweep_worker.run("slow", tmp_path)
    return tmp_path
