"""Theories give the same float64 numbers whatever JAX's precision flag is, and leave the flag alone."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
import json, warnings
warnings.simplefilter("error")
import jax, jax.numpy as jnp, numpy as np
import solvable as sv

before = jax.config.jax_enable_x64
model = sv.PowerLawRF(0.7, 0.6, 20, 80, noise=0.1)
problem = model.draw(jax.random.key(0))
algorithm = sv.SGD(0.3, 2)
out = {}
for name, subject in {"model": model, "problem": problem}.items():
    curve = sv.solve(subject, algorithm, sv.Recursion(), [0, 10, 1000, 10**15])
    for array in (curve.risk, curve.stderr, curve.stats["kernel_norm"], curve.stats["limit_risk"]):
        assert isinstance(array, np.ndarray) and array.dtype == np.float64, (name, type(array), array.dtype)
    assert curve.steps.dtype == np.int64 and curve.steps[-1] == 10**15
    out[name] = curve.risk.tolist()
    out[name + " threshold"] = [float(sv.stability(subject, algorithm).critical_learning_rate)]
out["volterra"] = sv.solve(problem, algorithm, sv.Volterra(), [0, 10, 50]).risk.tolist()
out["schedule"] = sv.solve(problem, sv.SGD(lambda t: 0.3 / (1 + t), 2), sv.Recursion(), [0, 10, 50]).risk.tolist()
out["kernel"] = sv.theory.kernel(problem, algorithm, np.array([0, 10, 1000])).tolist()
out["floor"] = [float(model.floor()), float(problem.floor)]
out["eigvals"] = problem.eigvals.tolist()
for kind, steps in {
    "list": [0, 7, 300], "int32": np.array([0, 7, 300], np.int32), "int64": np.array([0, 7, 300]),
    "uint8": np.array([0, 7, 30], np.uint8), "jnp": jnp.array([0, 7, 300]), "range": range(3),
}.items():
    curve = sv.solve(problem, algorithm, sv.Recursion(), steps)
    assert curve.steps.dtype == np.int64
    out["steps " + kind] = curve.risk.tolist()
assert jax.config.jax_enable_x64 == before
assert jnp.zeros(2).dtype == (np.float64 if before else np.float32)
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def numbers():
    """The same script in two processes, with 64-bit types off and on."""
    processes = []
    for flag in "01":
        environment = os.environ | {"JAX_ENABLE_X64": flag}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    results = []
    for process in processes:
        out, error = process.communicate(timeout=280)
        assert process.returncode == 0, error
        results.append(json.loads(out.splitlines()[-1]))
    return results


@pytest.mark.slow
def test_the_numbers_are_the_same(numbers):
    off, on = numbers
    assert off.keys() == on.keys()
    for name in off:
        np.testing.assert_allclose(off[name], on[name], rtol=1e-12, err_msg=name)


@pytest.mark.slow
def test_every_kind_of_integers_is_the_same_steps(numbers):
    for result in numbers:
        for kind in ("int32", "int64", "jnp"):
            assert result[f"steps {kind}"] == result["steps list"]
        assert result["steps uint8"][:2] == result["steps list"][:2]
