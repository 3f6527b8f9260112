"""A model cut along its features over several devices is the model on one device, and is never whole anywhere."""

import json
import os
import pickle
import re
import subprocess
import sys

import jax
import numpy as np
import pytest

import solvable as sv

MESH = jax.make_mesh((1,), ("anything",))

PRELUDE = """
import json, re
import jax, jax.numpy as jnp, numpy as np, optax
import solvable as sv
from solvable.simulation.direct import direct
from solvable.simulation.runs import numbered_keys, runs_of_one

key, steps = jax.random.key(7), [0, 1, 5, 40]
devices = jax.device_count()
mesh = jax.make_mesh((devices,), ("x",))
law = lambda width: sv.PowerLawRF(0.7, 0.6, width, 41, noise=0.2, init_std=0.5)

def runs(target, algorithm, mesh, num_runs=3, key=key, **options):
    method = sv.Simulation(num_runs, "direct", mesh=mesh, **options)
    return np.asarray(sv.solve(target, algorithm, method, steps, key=key).stats["runs"], float)

def error(target, algorithm, mesh=mesh, **options):
    return float(np.abs(runs(target, algorithm, mesh, **options) / runs(target, algorithm, None, **options) - 1).max())
"""


def on_devices(count: int, code: str, timeout: int = 120):
    """What the last expression of ``code`` prints, in a process with ``count`` virtual devices."""
    flags = f"--xla_force_host_platform_device_count={count}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


HELD = """
sampler = direct(law(10).ambient_draw(key), 8, jnp.float32, mesh)
whole = direct(law(10).ambient_draw(key), 8, jnp.float32, None)
arguments = sampler, sv.SGD(0.1, 8), jnp.asarray(steps, jnp.int32), numbered_keys(key, 3)
text = runs_of_one.lower(*arguments).compile().compiled.as_text()
print(json.dumps({
    "shards": [list(x.data.shape) for x in sampler.factor.addressable_shards],
    "params": [list(x.data.shape) for x in sampler.start.addressable_shards],
    "difference": float(np.abs(np.asarray(sampler.factor)[:, :10] - whole.factor).max()),
    "absent": float(np.abs(np.asarray(sampler.factor)[:, 10:]).max()),
    "program": text,
    "error": error(law(10), sv.SGD(0.1, 8)),
}))
"""


@pytest.mark.slow
def test_a_device_holds_and_draws_its_features_alone():
    """41 x 10 features on 4 devices: 41 x 3 each, 2 of 12 absent. One sum of 3 runs x 8 samples a step crosses them."""
    found = on_devices(4, HELD)
    assert found["shards"] == [[41, 3]] * 4
    assert found["params"] == [[3]] * 4
    assert found["difference"] <= 1e-7
    assert found["absent"] == 0
    assert found["error"] < 2e-6
    sums = re.findall(r"= f32\[([\d,]*)\]\S* all-reduce(?:-start)?\(", found["program"])
    assert "3,8" in sums or "24" in sums
    others = [shape for shape in sums if shape not in ("3,8", "24")]
    assert len(sums) <= 3  # the others are predictions of all inputs, for the risk before and after
    assert set(others) <= {"41,3", "3,41", "123", "41"}
    assert not re.search(r"all-gather|all-to-all|collective-permute", found["program"])
    assert not re.search(r"f32\[41,1[02]\]", found["program"])


GRID = """
errors = {}
for size in (1, 8):
    for algorithm in (sv.SGD(0.1, size), sv.Optax(optax.adam(0.02), size)):
        for width in (12, 10):
            errors[f"{width} {size} {type(algorithm).__name__}"] = error(law(width), algorithm)
errors["fewer features than devices"] = error(law(3), sv.SGD(0.1, 8))
errors["population gradient"] = error(law(10), sv.SGD(0.1, None))
errors["a draw"] = error(law(10).draw(key), sv.SGD(0.1, 8))
clipped = optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(0.1))
errors["a norm over all features"] = error(law(10), sv.Optax(clipped, 8))
errors["shared draws"] = error(law(10), sv.SGD(0.1, 8), num_runs=6, num_draws=2)
errors["no projection"] = error(sv.LinearRegression(0.7, 0.6, 10, noise=0.2, init_std=0.3), sv.SGD(0.1, 8))
errors["a given spectrum"] = error(sv.LinearProblem([2.0, 0.5, 0.1], [1.0, -1.0, 1.0], 0.1), sv.SGD(0.1, 8))
errors["runs in groups"] = error(law(10), sv.SGD(0.1, 8), num_runs=600, num_draws=1)
for kind in (jax.sharding.AxisType.Auto, jax.sharding.AxisType.Explicit):
    square = jax.make_mesh((2, devices // 2), ("a", "b"), axis_types=(kind, kind))
    errors[f"{kind} axes"] = error(law(10), sv.SGD(0.1, 8), mesh=square)
with jax.enable_x64(True):
    errors["float64"] = error(law(10), sv.SGD(0.1, 8)) * 1e8
print(json.dumps(errors))
"""


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 4])
def test_any_number_of_devices_is_one_device(devices):
    errors = on_devices(devices, GRID, timeout=280)
    assert len(errors) == 19
    assert {name: error for name, error in errors.items() if not error < 3e-6} == {}


LAWFUL = """
problem = law(10).draw(jax.random.key(1))
algorithm = sv.SGD(0.3, 4)
simulation = sv.Simulation(2000, "direct", mesh=mesh)
check = sv.check(problem, algorithm, sv.Recursion(), steps, key=key, simulation=simulation)
print(json.dumps(np.abs(np.asarray(check.z, float)[1:]).tolist()))
"""


@pytest.mark.slow
def test_a_cut_model_obeys_the_exact_recursion():
    z = on_devices(4, LAWFUL)
    assert len(z) == 3
    assert max(z) < 4.5


def test_direct_on_a_law_is_direct_on_its_draw():
    """The law says its ambient features and its start without the eigenbasis; the draw by way of it."""
    law, key = sv.PowerLawRF(0.7, 0.6, 11, 40, noise=0.2, init_std=0.5), jax.random.key(2)
    free, drawn = law.ambient_draw(key), law.draw(key).ambient_draw()
    index = np.arange(11)
    np.testing.assert_array_equal(free.columns(index), law.draw(key).ambient_draw().features())
    np.testing.assert_array_equal(drawn.columns(index[3:5]), free.columns(index)[:, 3:5])
    np.testing.assert_array_equal(drawn.readout, free.readout)
    np.testing.assert_allclose(drawn.start, free.start, rtol=0, atol=1e-14)
    assert free.start.std() > 0.2


@pytest.mark.parametrize("problem", [sv.LinearRegression(0.7, 0.6, 5, noise=0.3, init_std=0.2).draw(jax.random.key(0)),
                                     sv.LinearProblem([2.0, 0.5], [1.0, -1.0], 0.25, [0.5, 0.0])])  # fmt: skip
def test_ambient_draws_are_the_ambient_features(problem):
    """Features, targets and start of the ambient draw are those of the eigenbasis, where nothing is projected."""
    draw, lam = problem.ambient_draw(), np.asarray(problem.eigvals)
    np.testing.assert_allclose(draw.features(), np.diag(np.sqrt(lam)), rtol=1e-15)
    np.testing.assert_allclose(draw.readout, np.sqrt(lam) * problem.target, rtol=1e-15)
    np.testing.assert_allclose(draw.noise**2, problem.floor, rtol=1e-14)
    np.testing.assert_array_equal(draw.start, problem.initial)


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(ValueError, match="sampler: wanted 'direct' for a model over the devices of a mesh; got 'auto'"):
        sv.Simulation(mesh=MESH)
    with pytest.raises(ValueError, match=r"mesh: wanted a jax.sharding.Mesh or None; got 4"):
        sv.Simulation(sampler="direct", mesh=4)  # pyright: ignore[reportArgumentType]
    cut, key = sv.Simulation(sampler="direct", mesh=MESH), jax.random.key(0)
    with pytest.raises(ValueError, match=r"samples: wanted None \(a fresh stream\) for Simulation\(\); got 9"):
        sv.solve(sv.PowerLawRF(width=4, samples=9), sv.SGD(), cut, [0, 1], key=key)
    with pytest.raises(ValueError, match="algorithm: wanted one that states how it moves step by step"):
        sv.solve(sv.PowerLawRF(width=4, samples=9), sv.Ridge(), cut, key=key)
    with pytest.raises(ValueError, match="ambient: wanted a finite integer"):
        sv.solve(sv.PowerLawRF(width=4, ambient=np.inf), sv.SGD(), cut, [0, 1], key=key)
    with pytest.raises(ValueError, match="mesh: wanted None for a simulation that goes to another process"):
        pickle.dumps(cut)
    with jax.set_mesh(MESH), pytest.raises(ValueError, match=r"mesh: wanted no jax.set_mesh"):
        sv.solve(sv.PowerLawRF(width=4), sv.SGD(), cut, [0, 1], key=key)


@pytest.mark.slow
def test_a_sweep_takes_a_cut_model():
    """Cell by cell, with the numbers of one device."""

    def build(width):
        return sv.PowerLawRF(width=width), sv.SGD(0.1)

    axes, key = {"width": [4, 6], "seed": [0]}, jax.random.key(0)
    cut, whole = (
        sv.sweep(build, axes, sv.Simulation(2, "direct", mesh=mesh), [0, 3], key=key) for mesh in (MESH, None)
    )
    np.testing.assert_allclose(cut.risk, whole.risk, rtol=2e-6)
