from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.checks.portable_names import folded, name_findings


@pytest.mark.parametrize(
    ("added", "there", "what"),
    [
        ("readme.md", "README.md", "one name"),
        ("src/App.ts", "src/app.ts", "one name"),
        ("Src/other.ts", "src/app.ts", "Src/other.ts and src are one name"),
        ("stra\u00dfe", "STRASSE", "one name"),
        ("caf\u00e9.txt", "cafe\u0301.txt", "one name"),
        ("doc", "DOC/a", "one name"),
        ("a.", "a", "one name"),
        ("con", "", "reserved name"),
        ("src/aux.py", "", "reserved name"),
        ("NUL.tar.gz", "", "reserved name"),
        ("Com1/x", "", "reserved name"),
        ("lpt\u00b2", "", "reserved name"),
        ("docs/end.", "", "dot or space"),
        ("docs /x", "", "dot or space"),
    ],
)
def test_names_that_do_not_go_everywhere(added: str, there: str, what: str) -> None:
    assert any(what in text for text in name_findings([added], [added, there] if there else [added]))


@pytest.mark.parametrize(
    "name", ["console.py", "auxiliary", "com10", "com", "null", "a.con", "...x", "src/a b.txt", ".env"]
)
def test_ordinary_names(name: str) -> None:
    assert name_findings([name], [name, "README.md", "src/app.ts"]) == ()


def test_a_collision_that_was_there_already_is_no_reason() -> None:
    assert name_findings(["new.py"], ["new.py", "A", "a", "con"]) == ()
    assert name_findings([], ["A", "a"]) == ()


def test_two_added_names_collide_with_each_other() -> None:
    assert len(name_findings(["X.py", "x.py"], ["X.py", "x.py"])) == 2


@given(st.lists(st.text(alphabet="aAb/. \u00e9e\u0301", min_size=1), max_size=5))
def test_any_names(names: list[str]) -> None:
    told = name_findings(names, names)
    if len({folded(name) for name in names}) < len(set(names)):
        assert told
    assert all(folded(folded(name)) == folded(name) for name in names)
