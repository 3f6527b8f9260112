"""The probe of `.ci/mutants`: public calls that reach every area, their numbers, and the functions they execute."""

import dataclasses
import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path

TOLERANCE = 1e-6  # of itself: a number that moves less has not changed


class Tracer:
    """Notes the functions of the package that are called, as 'file:line' of their code."""

    def __init__(self, tree):
        self.prefix, self.seen = str(Path(tree) / "solvable") + os.sep, set()

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if code.co_filename.startswith(self.prefix):
            self.seen.add((code.co_filename, code.co_firstlineno))

    def start(self):
        self.seen = set()
        sys.settrace(self)
        threading.settrace(self)

    def stop(self):
        sys.settrace(None)
        threading.settrace(None)
        base = len(self.prefix) - len("solvable/")
        return sorted(f"{name[base:]}:{line}" for name, line in self.seen)


def forget_programs():
    """So that what comes next traces its programs itself, though it shares them with what came before."""
    import equinox as eqx
    import jax

    jax.clear_caches()
    eqx.clear_caches()


def probes():
    """name -> a call that returns numbers; public names only."""
    import jax
    import numpy as np
    import optax

    import solvable as sv
    from solvable import exponents, models
    from solvable.exponents import conventions

    key, steps, few = jax.random.key(0), [0, 1, 7, 60, 1000, 10**6], [0, 1, 5, 30]
    law = sv.PowerLawRF(0.8, 0.6, 20, 64, noise=0.1, init_std=0.3)
    wide, endless = sv.PowerLawRF(0.45, 0.9, 300, 1200), sv.PowerLawRF(1.0, 0.4, 24, np.inf)
    data = sv.PowerLawRF(0.8, 0.6, 12, 40, noise=0.2, samples=18)
    more = sv.PowerLawRF(1.1, 0.3, 150, 600, noise=0.05, samples=90)
    lines = sv.LinearRegression(0.9, 0.5, 16, noise=0.2, init_std=0.1)
    sgd, full, schedule = sv.SGD(0.2, 2), sv.SGD(0.2, None), sv.SGD(lambda t: 0.3 / (1 + t / 9), 3)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 8)) * np.arange(1.0, 9) ** -0.8
    targets = features @ np.arange(1.0, 9) ** -0.5 + 0.3 * rng.standard_normal(60)
    x = np.geomspace(1, 1e4, 24)
    y = 2.0 * x**-0.7 * np.exp(0.05 * rng.standard_normal(24))
    widths, times = 2.0 ** np.arange(3, 10), np.unique(np.round(np.geomspace(1, 1e4, 60)))
    surface = 3 * widths[:, None, None] ** -0.6 + 2 * times**-0.9 * np.exp(0.1 * rng.standard_normal((7, 4, 1)))
    plane = dict(
        alpha=np.array([0.75, 0.4, 0.2, 1.0, 0.7, 0.45, 0.27]), beta=np.array([0.25, 0.3, 1.0, 0.6, 1.2, 0.9, 0.9])
    )

    def simulated(model, algorithm, at=few, **options):
        return sv.solve(model, algorithm, sv.Simulation(**{"num_runs": 6, **options}), at, key=key)

    def theory(method, *triples, at=steps):
        return [sv.solve(m, a, method, at) for m, a in triples]

    ridge, drawn = sv.Ridge(1e-3), lambda: law.draw(key)
    return (
        {
            "recursion": lambda: theory(sv.Recursion(), (law, sgd), (wide, sgd), (drawn(), sgd), (lines, sgd)),
            "recursion, endless": lambda: theory(sv.Recursion(), (endless, sgd), (endless.draw(key), sgd)),
            "recursion, schedule": lambda: theory(sv.Recursion(), (law, schedule), (drawn(), schedule), at=few),
            "recursion, full batch": lambda: theory(sv.Recursion(), (law, full)),
            "volterra": lambda: theory(sv.Volterra(), (law, sgd), (drawn(), sgd), at=few),
            "volterra, schedule": lambda: theory(sv.Volterra(), (law, schedule), at=few),
            "volterra parts": lambda: [f(law, sgd, np.array(few)) for f in (sv.theory.forcing, sv.theory.kernel)],
            "stability": lambda: [sv.stability(m, a) for m in (law, drawn(), lines) for a in (sgd, full)],
            "spectrum": lambda: [
                law.spectrum(),
                law.floor(),
                law.support(),
                law.trace(),
                law.density(np.array([0.02, 0.3])),
            ],
            "frontier": lambda: sv.compute_frontier(wide, sv.SGD(0.2, 1), [1e6, 1e9]),
            "frontier map": lambda: sv.frontier_map(law, sgd, [1e6], alpha=[0.8, 1.0], beta=[0.4, 0.9]),
            "exact": lambda: theory(sv.Exact(), (data.draw(key), full), (data.draw(key), sv.GradientFlow(0.2))),
            "exact, batches": lambda: theory(sv.Exact(), (data.draw(key), sgd), at=few),
            "exact, schedule": lambda: theory(
                sv.Exact(), (data.draw(key), sv.SGD(lambda t: 0.3 / (1 + t), None)), at=few
            ),
            "exact, ridge": lambda: [sv.solve(data.draw(key), sv.Ridge(p), sv.Exact()) for p in (0.0, 0.01)],
            "dmft": lambda: theory(
                sv.DMFT(), (data, full), (more, full), (law_at_zero, full), at=[0, 1, 30, 300, 10**6]
            ),
            "dmft, flow": lambda: theory(sv.DMFT(), (data, sv.GradientFlow(0.2)), at=[0, 30, 10**4]),
            "two times": lambda: [
                f(data, full, np.array([0, 2, 40])) for f in (sv.theory.responses, sv.theory.correlations)
            ],
            "parts of training": lambda: sv.theory.decompose_training(data, full, [0, 20, 300]),
            "ensembles": lambda: sv.theory.ensemble(data, full, [0, 20, 300], features=2, data=3),
            "ridge": lambda: [sv.solve(m, ridge, sv.DeterministicEquivalent()) for m in (data, more)],
            "ridge parts": lambda: [sv.theory.decompose(m, sv.Ridge(p)) for m in (data, more) for p in (0.0, 0.01)],
            "ridge map": lambda: [
                sv.ridge_map(more, width=[20, 150, 900], samples=80, penalty=p) for p in (1e-4, "optimal")
            ],
            "best penalty": lambda: [
                sv.optimal_penalty(data),
                sv.theory.optimal_power_law(0.9, np.array([50.0]), np.array([80.0])),
            ],
            "regime": lambda: [
                sv.regime(more, width=[20, 100, 900, 90], samples=[90, 80, 80, 90], penalty=p)
                for p in (1e-6, "optimal")
            ],
            "ridgeless": lambda: sv.theory.ridgeless_mean(models.from_data(features, targets), [8, 9, 15, 30]),
            "from data": lambda: [
                models.from_data(features, targets, samples=20),
                models.from_data(targets=targets, kernel=features @ features.T, samples=20),
                sv.solve(models.from_data(features, targets, samples=20), ridge, sv.DeterministicEquivalent()),
            ],
            "learning curve": lambda: [
                sv.measure_learning_curve(features, targets, [10, 20], 0.1, num_subsets=4, key=key),
                sv.measure_learning_curve(features, targets, [10], sv.SGD(0.1, None), [0, 10], num_subsets=3, key=key),
            ],
            "power law": lambda: [
                sv.fit_power_law(x, y),
                sv.fit_power_law(x, y + 0.01, floor="fit"),
                sv.fit_power_law(x, y, stderr=0.1 * y),
                sv.fit_power_law(x, y, confidence=0.8),
            ],
            "fit of a spectrum": lambda: sv.fits.fit_spectrum(
                np.arange(1.0, 200) ** -1.4, np.arange(1.0, 200) ** -2.2 * np.exp(0.02 * np.cos(np.arange(199.0)))
            ),
            "measured frontier": lambda: [
                (f := sv.fits.measure_frontier(widths, times, surface, approach=a, num_samples=20, key=key), f.fit())
                for a in ("envelope", "isoflop")
            ],
            "phases": lambda: [
                sv.phase(**plane),
                exponents.boundaries(),
                *(exponents.terms(a, 0.7) for a in (0.4, 0.8)),
                *(exponents.balance(exponents.terms(a, 0.7)) for a in (0.4, 0.8)),
            ],
            "pieces": lambda: [
                exponents.approximation_floor(**plane, width=200.0, ambient=800.0),
                exponents.approximation_floor([0.8, 0.8], [0.50003, 0.3], 200.0),
                exponents.risk_law(
                    **plane, width=200, learning_rate=0.2, batch_size=2, steps=1e4, ambient=800, kernel_norm=0.3
                ),
                exponents.risk_law(1.0, 0.8, 200, 0.2, 2, 1e4),
                exponents.ridge_constant(0.7),
                exponents.ridge_constant(0.3, 4.0),
                exponents.forcing(0.8, 0.6, 0.2, 100),
                exponents.kernel(0.8, 0.2, 2, 100),
                exponents.distortion(0.8, 0.7, 50, 0.2, 100),
            ],
            "optimal width": lambda: exponents.optimal_width(0.8, 0.3, [1e6, 1e9], 0.2, aspect=4.0),
            "conventions": lambda: [
                f(1.3, 0.7) if f.__code__.co_argcount == 2 else f(1.3)
                for name, f in sorted(vars(conventions).items())
                if hasattr(f, "__code__")
            ],
            "kernels": lambda: [
                models.arc_cosine(np.linspace(-1, 1, 5)),
                models.relu_ntk(np.linspace(-1, 1, 5)),
                models.sphere_eigvals(models.arc_cosine, 3, 6),
                models.kernel_eigvals(features @ features.T),
            ],
            "nonlinear": lambda: [
                sv.solve(sv.NonlinearRF(a, m, alpha=0.4, bias=0.2, noise=0.1).draw(key), sv.Ridge(0.01), sv.Exact())
                for a, m in (("relu", "sphere"), ("erf", "gaussian"), ("tanh", "torus"), ("linear", "sphere"))
            ],
            "draws": lambda: [d for m in (law, endless, data, lines) for d in (m.draw(key), m.draw(key).batch(key, 3))],
            "simulation, batch": lambda: [
                simulated(law, sgd, sampler="batch"),
                simulated(drawn(), schedule, sampler="batch"),
            ],
            "simulation, direct": lambda: [simulated(law, a, sampler="direct") for a in (sgd, full)],
            "simulation, wishart": lambda: [
                simulated(drawn(), sgd),
                simulated(drawn(), sv.SGD(0.2, 100)),
                simulated(law, full),
            ],
            "simulation, linear": lambda: [simulated(lines, sgd), simulated(lines, sgd, sampler="direct")],
            "simulation, measured": lambda: simulated(models.from_data(features, targets), sgd, sampler="direct"),
            "simulation, long": lambda: simulated(drawn(), sgd, at=[0, 100, 700]),
            "simulation, optax": lambda: [
                simulated(drawn(), sv.Optax(t, 2)) for t in (optax.adam(0.02), optax.sgd(0.1, 0.9))
            ],
            "simulation, data": lambda: [
                simulated(data, a, order=o) for a in (sgd, full) for o in ("replacement", "epochs")
            ],
            "simulation, no steps": lambda: [
                simulated(data, sv.Ridge(0.01), None),
                simulated(data, sv.GradientFlow(0.2)),
            ],
            "simulation, draws": lambda: simulated(law, sgd, num_draws=2),
            "simulated ensemble": lambda: sv.simulation.simulate_ensemble(
                data, ridge, num_features=2, num_bags=2, num_runs=2, key=key
            ),
            "check": lambda: sv.check(drawn(), sgd, sv.Recursion(), few, key=key, simulation=sv.Simulation(8)),
            "widths": lambda: sv.compute_frontier(
                law, sv.SGD(0.2, 1), method=sv.Recursion(), widths=[10, 16, 24, 32], steps=np.arange(1, 400), key=key
            ),
        }
        if (law_at_zero := sv.PowerLawRF(0.8, 0.6, 30, 120, noise=0.1))
        else {}
    )


def numbers_in(value):
    """Every number of a result as a flat list, in the order of its fields."""
    import jax
    import numpy as np

    if isinstance(value, dict):
        return [x for k in sorted(value) for x in numbers_in(value[k])]
    if isinstance(value, list | tuple):
        return [x for v in value for x in numbers_in(v)]
    if value is None or isinstance(value, str) or hasattr(value, "__code__"):
        return [float(sum(map(ord, value)))] if isinstance(value, str) else []
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return []
    if isinstance(value, int | float | complex | np.ndarray | np.generic | jax.Array):
        array = np.asarray(value)
        if array.dtype.kind in "US":
            return [float(sum(map(ord, str(x)))) for x in array.ravel()]
        return [float(y) for x in array.astype(complex).ravel() for y in (x.real, x.imag)]
    names = [f.name for f in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else vars(value)
    return numbers_in({name: getattr(value, name) for name in names if not name.startswith("_")})


def probe(out, names=(), before=None):
    """Run the named entries (all if none is named) and write their numbers.

    With the numbers ``before`` the mutation, the first entry that has changed ends it; without them, the functions that
    each entry executes are noted too.
    """
    warnings.simplefilter("ignore")
    result, tracer, calls = {}, Tracer(Path.cwd()), probes()
    for name in names or calls:
        if not before:
            forget_programs()
            tracer.start()
        start = time.time()
        try:
            found = {"numbers": numbers_in(calls[name]())}
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
        found |= {"seconds": time.time() - start, "functions": [] if before else tracer.stop()}
        result[name] = found
        Path(out).write_text(json.dumps(result))
        if before and difference({name: before[name]}, result) == "changed":
            break


def difference(before, after):
    """'same', 'changed' or 'raises': what became of the numbers of the probe."""
    verdict = "same"
    for name, old in before.items():
        new = after.get(name, {"error": "killed"})
        if "error" in new:
            verdict = "raises"
        elif _moved(old["numbers"], new["numbers"]):
            return "changed"
    return verdict


def _moved(old, new):
    if len(old) != len(new):
        return True
    for a, b in zip(old, new, strict=True):
        if a != b and not (a != a and b != b) and not abs(a - b) <= TOLERANCE * max(abs(a), abs(b), 1e-12):
            return True
    return False
