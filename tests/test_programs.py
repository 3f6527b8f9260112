"""How many programs the first calls of a process compile, counted by JAX's own monitoring events."""

import subprocess
import sys

import pytest

COUNT = """
import jax
import jax.monitoring

programs = []

def listen(event, duration, **more):
    if event == "/jax/core/compile/backend_compile_duration":
        programs.append(more.get("fun_name"))

jax.monitoring.register_event_duration_secs_listener(listen)
import solvable as sv

model = sv.PowerLawRF(alpha=1.0, beta=0.7, width=16)
algorithm, steps = sv.SGD(learning_rate=0.3, batch_size=4), sv.log_steps(10_000)
key, problem = jax.random.key(0), model.draw(jax.random.key(1))
assert len(programs) <= 8, programs  # two keys and a draw

def count(call):
    programs.clear()
    call()
    return len(programs)

"""

# name -> (the call, the largest number of programs); run in this order, in one process
CALLS = {
    "a curve of a model": ("sv.solve(model, algorithm, sv.Recursion(), steps)", 2),
    "the same at other numbers": ("sv.solve(sv.PowerLawRF(0.8, 0.5, 1000), sv.SGD(0.2, 4), sv.Recursion(), steps)", 0),
    "other steps": ("sv.solve(model, algorithm, sv.Recursion(), sv.log_steps(9_000, 98))", 0),
    "every step": ("sv.solve(model, algorithm, sv.Volterra(), steps)", 1),
    "a check on a problem": ("sv.check(problem, algorithm, sv.Recursion(), steps, key=key)", 4),
    "a check on a model": ("sv.check(model, algorithm, sv.Recursion(), steps, key=key)", 4),
    "stability": ("sv.stability(model, algorithm)", 1),
}  # fmt: skip


@pytest.fixture(scope="module")
def counted():
    script = COUNT + "\n".join(f"print(count(lambda: {call}))" for call, _ in CALLS.values())
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(CALLS, map(int, done.stdout.split()), strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_no_more_programs_than(counted, name):
    assert counted[name] <= CALLS[name][1]


MAIN = """
import sys
from solvable.cli import main

folder = sys.argv[1]
print(count(lambda: main(["phase-diagram", *sys.argv[2:], "--output", folder])), file=sys.stderr)
"""


@pytest.mark.slow
def test_a_trial_of_the_main_job_compiles_at_most_40_programs(tmp_path):
    script = [sys.executable, "-c", COUNT + MAIN, str(tmp_path / "out"), "--tiny"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.split()[-1]) <= 40
