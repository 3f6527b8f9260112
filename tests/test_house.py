"""The rules of the house: which module may know which, and what every module must say about itself."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import solvable
from solvable.references import bibliography

ROOT = Path(solvable.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "experiments" not in path.relative_to(ROOT).parts)
IDS = [str(path.relative_to(ROOT)) for path in FILES]

# An import may only point to a lower floor, or stay in its own unit.
FLOORS = {
    **dict.fromkeys(["__main__"], 10),
    **dict.fromkeys(["cli"], 9),
    **dict.fromkeys(["explore"], 8.5),
    **dict.fromkeys(["plots", "config"], 8),
    **dict.fromkeys(["sweeps"], 7),
    **dict.fromkeys(["verbs"], 6),
    **dict.fromkeys(["methods"], 6),
    **dict.fromkeys(["theory", "simulation"], 5),
    **dict.fromkeys(["method", "fits"], 4),
    **dict.fromkeys(["models", "algorithms", "results"], 3),
    **dict.fromkeys(["numerics", "exponents", "forms", "keys"], 2),
    **dict.fromkeys(["references", "io"], 1),
    **dict.fromkeys(["arguments", "showing"], 0.5),
    **dict.fromkeys(["arrays"], 0),
}

# Who may know what, besides the floors: package -> the only units that may import it.
WALLS = {
    "xarray": {"results", "sweeps", "fits/measured_frontier", "plots", "cli", "config/sweep"},
    "matplotlib": {"plots"},
    "tyro": {"cli"},
    "tqdm": {"cli", "sweeps"},
    "optax": {"algorithms/optax"},
    "hashlib": {"io/hashing"},
    "psutil": {"io/files", "sweeps/cost"},
    "starlette": {"explore/server"},
    "uvicorn": {"explore/server"},
    "bokeh": {"explore/server"},
}


def module_name(path: Path) -> str:
    """models/base for solvable/models/base.py, models for solvable/models/__init__.py."""
    return path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__")


def imports(path: Path) -> set[str]:
    """Dotted names of every module a file imports, wherever in the file, with ``from a import b`` as a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{path}: wanted absolute imports; got a relative one on line {node.lineno}"
            )
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def house_imports(path: Path) -> set[str]:
    return {
        name.removeprefix("solvable.").replace(".", "/")
        for name in imports(path)
        if name.startswith("solvable.")
    }


def within(module: str, place: str) -> bool:
    return module == place or module.startswith(place + "/")


def test_the_files_are_found():
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_imports_point_down(path):
    unit = module_name(path).split("/")[0]
    if path in (ROOT / "__init__.py", ROOT / "methods.py"):
        return  # the face and the table of methods show every floor
    assert unit in FLOORS, f"{unit}: give it a floor"
    for name in house_imports(path):
        other = name.split("/")[0]
        assert other in FLOORS, (
            f"{path} imports solvable.{other}: import the module that defines it, not the face"
        )
        assert other == unit or FLOORS[other] < FLOORS[unit], f"{unit} (floor {FLOORS[unit]}) imports {name}"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_walls_stand(path):
    module = module_name(path)
    for name in imports(path):
        for package, places in WALLS.items():
            if name.split(".")[0] == package:
                assert any(within(module, place) for place in places), f"{module} imports {package}"
        assert name.split(".")[0] != "experiments", f"{module} imports an experiment"
        assert not name.startswith("solvable.experiments"), f"{module} imports an experiment"
        assert not name.startswith(("jax._src", "equinox.internal")), f"{module} imports {name}: not public"


@pytest.mark.parametrize("path", [p for p in FILES if within(module_name(p), "theory")], ids=str)
def test_theory_knows_models_and_algorithms_by_their_bases_alone(path):
    for name in house_imports(path):
        if name.split("/")[0] in ("models", "algorithms"):
            assert name.split("/")[1] == "base", f"{path} imports {name}"
        assert not within(name, "simulation"), f"{path} imports {name}"


@pytest.mark.parametrize("path", [p for p in FILES if within(module_name(p), "simulation")], ids=str)
def test_simulation_never_looks_at_a_theory(path):
    for name in house_imports(path):
        assert not within(name, "theory"), f"{path} imports {name}"
        assert not within(name, "exponents"), f"{path} imports {name}"


def graph(paths: list[Path]) -> dict[str, set[str]]:
    """Every module of the package and the modules of the package that it imports."""
    modules = {module_name(path): path for path in paths}
    found = {}
    for name, path in modules.items():
        targets = {t if t in modules else t.rsplit("/", 1)[0] for t in house_imports(path)}
        found[name] = {target for target in targets if target in modules and target != name}
    return found


def test_no_file_imports_itself_by_way_of_others():
    remaining = {n: set(t) for n, t in graph([p for p in FILES if p != ROOT / "__init__.py"]).items()}
    # A folder's __init__ names what its files define; importing the folder is importing those files.
    while free := [name for name, targets in remaining.items() if not targets & remaining.keys()]:
        for name in free:
            del remaining[name]
    assert not remaining, f"circles among {sorted(remaining)}"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_nothing_is_imported_inside_a_function(path):
    """Except what is heavy or optional: by the command line and its files, by pyplot's users, across processes."""
    if module_name(path).split("/")[0] in ("cli", "config", "plots") or path.name == "executors.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not inner, f"{path}: {node.name} imports inside"


def outside_files() -> list[Path]:
    root = ROOT.parent
    return sorted(
        path
        for folder in ("experiments", "notebooks", "benchmarks")
        for path in (root / folder).rglob("*.py")
    )


@pytest.mark.parametrize("path", outside_files(), ids=str)
def test_experiments_use_the_public_face(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.ImportFrom)
            and node.level == 0
            and (node.module or "").startswith("solvable.")
        ):
            assert node.module.count(".") == 1, f"{path}: {node.module} is not public"
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        assert not any(name.startswith("_") for name in names), f"{path} imports a private name"


def stated_references(tree: ast.AST) -> list[tuple[str, ...]]:
    """Every tuple assigned to a name or attribute called ``references``."""
    found = []
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {getattr(target, "id", getattr(target, "attr", None)) for target in targets}
        if isinstance(node, ast.Assign | ast.AnnAssign) and "references" in names and node.value is not None:
            found.append(ast.literal_eval(node.value))
    return found


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_reference_is_in_the_bibliography(path):
    for keys in stated_references(ast.parse(path.read_text(encoding="utf-8"))):
        assert set(keys) <= set(bibliography()), (
            f"{path}: {set(keys) - set(bibliography())} not in references.bib"
        )


FINAL_BASES = (
    "AbstractModel", "AbstractProblem", "AbstractStream", "AbstractMethod", "AbstractResumable", "AbstractAlgorithm",
    "AbstractStepwise", "AbstractModewise", "AbstractLinear", "AbstractSpectral",
)  # fmt: skip


def final_classes(path: Path) -> list[ast.ClassDef]:
    """Classes that implement one of the package's nouns."""
    classes = [
        node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)
    ]
    return [
        node
        for node in classes
        if not node.name.startswith("Abstract")
        and any(ast.unparse(base).split("[")[0] in FINAL_BASES for base in node.bases)
    ]


FINAL = [path for path in FILES if final_classes(path)]


@pytest.mark.parametrize("path", FINAL, ids=[module_name(path) for path in FINAL])
def test_every_file_of_a_model_algorithm_or_method_names_its_papers(path):
    assert any(stated_references(node) for node in final_classes(path)), f"{path} states no references"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_public_names_have_docstrings(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, f"{path} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            signature = any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)
            assert signature or ast.get_docstring(node), f"{path}: {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_function_bodies_stay_under_forty_lines(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= 40, f"{path}: {node.name} has {length} lines"


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("flag", ["0", "1"])
def test_importing_leaves_the_configuration_of_jax_alone(flag):
    code = (
        "import jax; before = dict(jax.config.values); import solvable; after = dict(jax.config.values);"
        "assert before == after, {k for k in after if before.get(k) != after[k]};"
        f"assert jax.config.jax_enable_x64 is bool({flag})"
    )
    run(code, JAX_ENABLE_X64=flag)


def test_importing_loads_neither_plots_nor_tables():
    heavy = "{'matplotlib', 'matplotlib.pyplot', 'xarray', 'pandas'}"
    run(f"import sys, solvable; loaded = {heavy} & set(sys.modules); assert not loaded, loaded")


def face() -> dict[str, str]:
    """Names of the face and the modules they come from, as the stub says; rooms come from the package itself."""
    tree = ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    return {a.name: n.module or "" for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}


INNER_ROOMS = {"schedules": "solvable.algorithms.schedules"}  # rooms of the face that lie within another room


def test_the_face_is_short_and_every_name_is_what_the_stub_says():
    names = [name for name, module in face().items() if module]
    assert sorted(face()) == sorted(solvable.__all__)
    assert len(names) <= 70  # verbs, models, algorithms and methods; what else there is has a room
    for name in names:
        home = importlib.import_module(f"solvable.{face()[name]}")
        assert getattr(solvable, name) is getattr(home, name)
        wanted = INNER_ROOMS.get(name, name)
        assert getattr(solvable, name).__name__ == wanted, f"{name}: wanted the function or class, not a submodule"


def test_a_name_of_the_face_stays_itself_whatever_is_imported_first():
    code = """
import importlib, pkgutil, sys, solvable as sv
import solvable.sweeps.walk as walk
assert walk is sys.modules["solvable.sweeps.walk"] is sv.sweeps.walk
for module in pkgutil.walk_packages(sv.__path__, "solvable."):
    if not module.name.startswith(("solvable.__main__", "solvable.experiments", "solvable.explore.server")):
        importlib.import_module(module.name)
for name in sv.__all__:
    thing = getattr(sv, name)
    room = sys.modules.get(f"solvable.{name}") is thing and hasattr(thing, "__path__")
    room = room or name == "schedules" and thing is sys.modules["solvable.algorithms.schedules"]
    assert callable(thing) or room, f"sv.{name} is {thing}"
assert callable(sv.solve) and callable(sv.check) and callable(sv.sweep)
"""
    run(code)


def test_importing_the_package_imports_nothing_heavy():
    heavy = ["jax", "numpy", "scipy", "matplotlib", "xarray", "tyro", "optax"]
    program = f"import sys, solvable, solvable.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
