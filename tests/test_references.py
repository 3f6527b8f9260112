"""`cite` prints the papers of exactly what was used."""

import dataclasses
import re
from typing import ClassVar

import pytest

from solvable.references import bibliography, cite


class Base:
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)


class Derived(Base):
    references: ClassVar[tuple[str, ...]] = ("bordelon2024", "paquette2024")


@dataclasses.dataclass
class Holder:
    part: Derived | str


@dataclasses.dataclass
class Part:
    references: ClassVar[tuple[str, ...]] = ("ferbach2025",)


def keys(bibtex: str) -> list[str]:
    return re.findall(r"^@\w+\{([^,]+),", bibtex, flags=re.MULTILINE)


def test_the_package_is_always_cited():
    assert keys(cite()) == ["solvable"]
    assert keys(cite(object())) == ["solvable"]


def test_keys_come_from_the_whole_class_hierarchy_once_in_order_of_use():
    assert keys(cite(Derived())) == ["solvable", "bordelon2024", "paquette2024"]
    assert keys(cite(Derived)) == keys(cite(Derived()))
    assert keys(cite(Base(), Derived(), "lin2024")) == ["solvable", "paquette2024", "bordelon2024", "lin2024"]


def test_parts_held_in_fields_are_followed_but_text_fields_are_not_keys():
    assert keys(cite(Holder(Part()))) == ["solvable", "ferbach2025"]
    assert keys(cite(Holder("ferbach2025"))) == ["solvable"]


def test_a_function_may_carry_references():
    def law():
        pass

    law.references = ("silverstein1995",)
    assert keys(cite(law)) == ["solvable", "silverstein1995"]


def test_an_unknown_key_is_named():
    with pytest.raises(ValueError, match="no-such-paper"):
        cite("no-such-paper")


@pytest.mark.parametrize("key", sorted(bibliography()))
def test_every_entry_is_balanced_bibtex_with_author_title_year(key):
    entry = bibliography()[key]
    assert entry.count("{") == entry.count("}")
    assert entry.startswith("@")
    assert entry.endswith("}")
    for field in ("author", "title", "year"):
        assert re.search(rf"^\s*{field} = \{{", entry, flags=re.MULTILINE), (key, field)


def test_keys_are_unique_in_the_file():
    from importlib import resources

    text = resources.files("solvable").joinpath("references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([^,]+),", text, flags=re.MULTILINE)
    assert len(found) == len(set(found)) == len(bibliography())


def test_every_arxiv_number_looks_like_one():
    for entry in bibliography().values():
        for number in re.findall(r"eprint = \{([^}]*)\}", entry):
            assert re.fullmatch(r"\d{4}\.\d{5}", number)
