"""Compiled programs are kept between processes: by the command line unless told otherwise, in a library by one call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from solvable.cli.programs import OLDER, QUICK, VARIABLE, quick_settings, settings, take_flag
from solvable.io import program_folder

MINE = "--xla_force_host_platform_device_count=1"  # a flag of XLA that the user has set
COMPILE = "import jax; jax.jit(lambda x: x + 1)(1)"
AS_IT_WAS = (
    "import jax; before = dict(jax.config.values); import solvable as sv; sv.solve; sv.sweep; sv.Simulation; "
    "assert dict(jax.config.values) == before; "
)


def run(script, folder, **more):
    """In a process whose user's caches are in ``folder``; the number of programs kept there after it."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_COMPILATION_CACHE", "SOLVABLE_"))}
    environ |= {"XDG_CACHE_HOME": str(folder), "HOME": str(folder), "LOCALAPPDATA": str(folder), **more}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return len(list(folder.rglob("*-cache")))


def command(*words):
    return f"import sys; sys.argv = {['solvable', *words]!r}; from solvable.cli import main; assert main() == 0; "


def test_a_command_keeps_its_programs_and_compiles_nothing_twice(tmp_path):
    script = command("info") + COMPILE
    first = run(script, tmp_path)
    assert first > 0
    assert run(script, tmp_path) == first


@pytest.mark.parametrize("how", ["flag", "variable", "not the command line"])
def test_it_is_told_not_to(tmp_path, how):
    words = ("info", "--no-compilation-cache") if how == "flag" else ("info",)
    called = command(*words).replace("main()", "main(['info'])") if how == "not the command line" else command(*words)
    assert run(called + COMPILE, tmp_path, **({"SOLVABLE_COMPILATION_CACHE": "no"} if how == "variable" else {})) == 0


@pytest.mark.slow
def test_a_library_keeps_them_after_one_call_and_import_changes_nothing(tmp_path):
    assert run(AS_IT_WAS + COMPILE, tmp_path) == 0
    assert run(AS_IT_WAS + "sv.keep_compiled_programs(); " + COMPILE, tmp_path) > 0
    inside = tmp_path / "chosen"
    run(AS_IT_WAS + COMPILE + f"; sv.keep_compiled_programs({str(inside)!r}); " + COMPILE.replace("1", "2"), tmp_path)
    assert list(inside.iterdir())


def test_what_is_said_goes_before_the_default(tmp_path):
    folder = tmp_path / "mine"
    found = settings({VARIABLE: str(folder)})
    assert found["JAX_COMPILATION_CACHE_DIR"] == str(folder)
    assert settings({VARIABLE: str(folder), "JAX_COMPILATION_CACHE_DIR": "/else"}) == {}
    for no in ("no", "0", "OFF", "false"):
        assert settings({VARIABLE: no}) == {}
    assert take_flag(["check", "--no-compilation-cache", "--json"]) == (False, ["check", "--json"])
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        settings({VARIABLE: str(tmp_path / "file")})


@pytest.mark.parametrize("words", [["--tiny"], []])
def test_a_trial_is_compiled_quickly(words):
    shown = "import os, solvable.cli.experiments as x; x.phase_diagram = lambda _: print(os.environ['XLA_FLAGS']) or 0"
    script = f"{shown}; " + command("phase-diagram", *words) + COMPILE  # XLA knows the flags
    environ = {**os.environ, "XLA_FLAGS": MINE}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (f"{QUICK} {OLDER} {MINE}" if words else MINE)
    assert quick_settings({}, "9.0.0") == {"XLA_FLAGS": QUICK}


@pytest.mark.skipif(os.name == "nt", reason="the custom of Unix")
def test_the_folder_follows_the_custom_of_the_system(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setattr(sys, "platform", "linux")
    home = "/home/someone/.cache"
    for said, wanted in (("/caches", "/caches"), ("", home), ("not/absolute", home)):
        monkeypatch.setenv("XDG_CACHE_HOME", said)
        assert program_folder.default_folder().parent == Path(wanted, "solvable", "programs")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert program_folder.default_folder().parent == Path("/home/someone/Library/Caches/solvable/programs")


def test_another_processor_has_another_folder(monkeypatch):
    ours = program_folder.default_folder()
    monkeypatch.setattr(program_folder, "_processor", lambda: "another")
    assert program_folder.default_folder() != ours


def test_the_longest_unused_go_first_and_only_programs_go(tmp_path):
    key = "0123456789abcdef" * 4
    names = [f"jit_f-{i}{key[1:]}-cache" for i in range(4)]
    for i, name in enumerate(names):
        path = tmp_path / "machine" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + i, 1000 + i))
    mine = [tmp_path / "notes.txt", tmp_path / "machine" / "my-cache", tmp_path / "machine" / f"{key}-cache.old"]
    for path in mine:
        path.write_bytes(bytes(1000))
        os.utime(path, (1, 1))
    program_folder.trim(tmp_path, limit=250)
    assert sorted(p.name for p in (tmp_path / "machine").glob("jit*")) == names[2:]
    assert all(path.exists() for path in mine)
