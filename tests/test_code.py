"""No number of old code for new code: what a cell runs is part of what its result is named by."""

import inspect
import json
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import sweep_worker

import solvable as sv
from solvable.io.fingerprint import code_of, fingerprint

KEY, STEPS = jax.random.key(3), [0, 5, 20]
MODEL = sv.PowerLawRF(alpha=0.8, beta=0.3, width=8, ambient=32)
AXES = {"learning_rate": [0.1, 0.2], "seed": [0, 1]}


def defined(source):
    """The class ``A`` of a notebook's cell."""
    scope = {"sv": sv, "jnp": jnp, "__name__": "__main__"}
    exec(textwrap.dedent(source), scope)
    return scope["A"]


PLAIN = """
class A(sv.SGD):
    def decay(self, eigvals, step):
        return sv.SGD.decay(self, eigvals, step)
"""
EDITED = PLAIN.replace("return ", "return 1.5 * ")
REFORMATTED = '''
# A comment.
class A(sv.SGD):

    def decay(self, eigvals, step):
        """What is lost in a step."""

        return sv.SGD.decay(
            self, eigvals, step,  # as it was
        )
'''


def swept(algorithm, method, **options):
    return sv.sweep(lambda learning_rate: (MODEL, algorithm(learning_rate, 2)), AXES, method, STEPS, key=KEY, **options)


def solved(algorithm):
    draw = MODEL.draw(jax.random.fold_in(sv.keys.stream(KEY, "draw"), np.uint32(1)))
    return np.asarray(sv.solve(draw, algorithm(0.2, 2), sv.Recursion(), STEPS).risk)


@pytest.mark.parametrize("how", ["defined again", "edited in place"])
def test_an_edited_method_gives_new_numbers_in_the_same_process(how):
    first = defined(PLAIN)
    before = swept(first, sv.Recursion()).risk.values[1, 1]
    np.testing.assert_allclose(before, solved(first), rtol=1e-12)
    second = defined(EDITED)
    if how == "edited in place":
        first.decay = second.decay
        second = first
    after = swept(second, sv.Recursion()).risk.values[1, 1]
    np.testing.assert_allclose(after, solved(second), rtol=1e-12)
    assert np.abs(after / before - 1)[1:].min() > 1e-3


def test_a_store_of_other_code_is_refused_and_says_what_changed(tmp_path):
    swept(defined(PLAIN), sv.Recursion(), store=tmp_path)
    with pytest.raises(ValueError, match=r"differs in code \(changed since the store began: __main__\.A"):
        swept(defined(EDITED), sv.Recursion(), store=tmp_path)
    swept(defined(REFORMATTED), sv.Recursion(), store=tmp_path)


def test_an_edited_package_of_the_same_version_is_refused(tmp_path, monkeypatch):
    """Any function that a cell runs, however deep."""
    from solvable.numerics import padding
    from solvable.theory import recursion

    swept(sv.SGD, sv.Recursion(), store=tmp_path)
    from solvable.models import random_feature_draw

    for module, name in ((recursion, "Recursion"), (random_feature_draw, "_reduced"), (padding, "rounded_up")):
        original = getattr(module, name)
        function = original if inspect.isfunction(original) else original.curve
        code = function.__code__
        changed = code.replace(co_consts=(*code.co_consts, 17))
        monkeypatch.setattr(function, "__code__", changed)
        with pytest.raises(ValueError, match=f"differs in code .*{name}"):
            swept(sv.SGD, sv.Recursion(), store=tmp_path)
        monkeypatch.undo()


OTHERS = (
    "verbs", "keys", "method", "arguments", "arrays", "io", "numerics.precision.in_float64", "algorithms.base.check",
    "algorithms.settings.check",
)  # fmt: skip
METHODS = [sv.Recursion(), sv.Volterra(), sv.Simulation(2), sv.Simulation(2, "direct")]


@pytest.mark.parametrize(
    "method", [METHODS[0], *(pytest.param(method, marks=pytest.mark.slow) for method in METHODS[1:])], ids=repr
)
def test_every_function_of_the_package_that_a_cell_runs_is_part_of_its_code(method):
    """Watched while cells are drawn and solved anew."""
    ran = set()

    def watch(frame, event, _):
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("solvable.") and not module.startswith("solvable.sweeps"):
            ran.add((module, frame.f_code.co_qualname))

    algorithm, jitted = sv.SGD(0.1234, 3), jax.random.key(9)
    model = sv.PowerLawRF(alpha=0.81, beta=0.31, width=9, ambient=33)
    jax.clear_caches()
    sys.setprofile(watch)
    try:
        for subject in (model, model.draw(jitted)):
            sv.solve(subject, algorithm, method, [0, 3], key=jitted)
    finally:
        sys.setprofile(None)
    named = code_of(model, algorithm, method)
    # The verb's checks, and what Python writes for a dataclass.
    others = tuple(f"solvable.{name}" for name in OTHERS)
    missing = set()
    for module, name in ran:
        outer = name.split(".<locals>")[0].removesuffix(".<lambda>")
        full = f"{module}.{outer}"
        if not any(known == full or known.startswith(full) or full.startswith(f"{known}.") for known in named):
            missing.add(full)
    missing = {name for name in missing if not name.endswith(".__create_fn__") and "<" not in name}
    assert {name for name in missing if not name.startswith(others)} == set()
    assert len(ran) > 20


def test_settings_of_jax_that_change_numbers_are_part_of_a_store(tmp_path):
    swept(sv.SGD, sv.Recursion(), store=tmp_path)
    with jax.default_matmul_precision("float32"), pytest.raises(ValueError, match="differs in settings"):
        swept(sv.SGD, sv.Recursion(), store=tmp_path)


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_keys_whose_numbers_depend_on_the_stack_are_refused(impl):
    key = jax.random.key(0, impl=impl)
    with pytest.raises(ValueError, match=rf"key: wanted one of threefry2x32.*; got one of {impl}"):
        sv.sweep(sweep_worker.build, sweep_worker.AXES, sv.Simulation(2), STEPS, key=key)


def test_equal_values_have_one_fingerprint_and_others_another():
    def decaying(scale):
        return lambda step: scale / (1 + step)

    values = [
        sv.SGD(0.1, 2), sv.SGD(0.2, 2), sv.SGD(0.1, 3), sv.SGD(decaying(0.1)), sv.SGD(decaying(0.2)),
        sv.SGD(lambda step: 0.1 / (2 + step)), sv.SGD(optax.cosine_decay_schedule(0.1, 100)),
        sv.SGD(optax.cosine_decay_schedule(0.1, 101)), sv.Optax(optax.adam(0.1)), sv.Optax(optax.adam(0.2)),
        sv.Ridge(0.1), [1, 2], (1, 2), {1, 2}, {1: 2}, 1, 1.0, True, "1", b"1", None, np.float32(1), jax.random.key(1),
    ]  # fmt: skip
    assert len({fingerprint(value) for value in values}) == len(values)
    assert fingerprint(sv.SGD(decaying(0.1))) == fingerprint(sv.SGD(decaying(0.1)))
    assert fingerprint(sv.Optax(optax.adam(0.1))) == fingerprint(sv.Optax(optax.adam(0.1)))
    assert json.dumps(code_of(*values)) == json.dumps(code_of(*values))


def test_a_value_that_holds_itself_has_a_fingerprint():
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert fingerprint(one) == fingerprint(other) != fingerprint([1, [1]])
