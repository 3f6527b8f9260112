"""What is published says one thing everywhere: version, licence, names."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import yaml

from solvable.references import bibliography

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
# The keys that version 1.2.0 of the citation file format knows, and those it requires.
KNOWN = set(
    "abstract authors cff-version commit contact date-released doi identifiers keywords license license-url "
    "message preferred-citation references repository repository-artifact repository-code title type url "
    "version".split()
)
REQUIRED = {"authors", "cff-version", "message", "title"}


def test_one_version():
    version = PROJECT["project"]["version"]
    assert CITATION["version"] == version == metadata.version("solvable")
    assert f"version = {{{version}}}" in bibliography()["solvable"]


def test_the_citation_file_is_valid():
    assert REQUIRED <= set(CITATION) <= KNOWN
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    assert [author["name"] for author in CITATION["authors"]] == ["The solvable authors"]
    assert CITATION["license"] == PROJECT["project"]["license"] == "Apache-2.0"
    assert len(CITATION["keywords"]) == len(set(CITATION["keywords"]))


def test_the_licence_is_the_full_text():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_dependencies_have_lower_bounds_and_no_caps():
    for requirement in PROJECT["project"]["dependencies"]:
        assert re.fullmatch(r"[\w.-]+>=[\d.]+", requirement), requirement


def test_the_command_is_installed():
    (script,) = [s for s in metadata.distribution("solvable").entry_points if s.group == "console_scripts"]
    assert (script.name, script.value) == ("solvable", "solvable.cli:main")


def test_the_package_brings_its_types():
    package = ROOT / "solvable"
    assert (package / "py.typed").is_file()
    assert (package / "__init__.pyi").is_file()  # names are loaded from it, too
