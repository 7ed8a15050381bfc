"""Ids: whatever a file is called, its id is a safe name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.task_ids import is_task_id, qualify, task_id


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("dark-mode", "dark-mode"),
        ("Dark Mode", "dark-mode"),
        ("Add a dark mode!", "add-a-dark-mode"),
        ("v1.2_beta", "v1.2_beta"),
        ("a  --  b", "a-b"),
        ("../../etc/passwd", "etc-passwd"),
        ("a..b...c", "a.b.c"),
        (".hidden.", "hidden"),
        ("-rf", "rf"),
        ("x.lock", "x"),
        ("x.lock.lock", "x"),
        ("x.LOCK.", "x"),
        ("x.preflight", "x"),
        ("x.d", "x"),
        ("x.D.lock.preflight.d", "x"),
        ("x.dd", "x.dd"),
        (".d", "d"),
        ("con", "con"),
        ("Cafe\u0301", "caf\u00e9"),
        ("日本語 タスク", "日本語-タスク"),
        ("a@{b}~^:?*[\\", "a-b"),
        ("a\nb\0c\x7f", "a-b-c"),
        ("zero\u200bwidth", "zero-width"),
        ("", "task"),
        ("...", "task"),
        ("!?", "task"),
        (".lock", "lock"),
        ("x" * 100, "x" * 80),
        ("x" * 79 + ".y", "x" * 79),
        ("x" * 75 + ".lock5", "x" * 75),
        ("\U00010400" * 80, "\U00010428" * 50),
    ],
)
def test_ids(stem: str, name: str) -> None:
    assert task_id(stem) == name


@pytest.mark.parametrize("text", ["a", "a-b", "a.b", "日本語", "x" * 80, "x.d", "x.preflight"])
def test_ids_that_can_be_written(text: str) -> None:
    assert is_task_id(text)


@pytest.mark.parametrize("text", ["", "../../evil", "a/b", "A", "a b", "a..b", ".a", "-a", "a.lock", "x" * 81, ".d"])
def test_what_is_written_and_cannot_be_an_id(text: str) -> None:
    assert not is_task_id(text)


@pytest.mark.parametrize(
    ("name", "folder", "qualified"),
    [
        ("setup", "api", "api-setup"),
        ("setup", "tasks/back end/API/", "api-setup"),
        ("setup", "", "setup"),
        ("setup", "..", "setup"),
    ],
)
def test_a_taken_id_gets_its_folder_in_front(name: str, folder: str, qualified: str) -> None:
    assert qualify(name, folder) == qualified


def is_ref_component(name: str) -> bool:
    """The rules of git-check-ref-format(1) for what stands between two slashes, and no option of a command."""
    return not (
        name.startswith((".", "-"))
        or name.endswith((".lock", ".", ".preflight", ".d"))
        or ".." in name
        or "@{" in name
        or name in {"", "@"}
        or any(ord(c) < 0x20 or c in "\x7f ~^:?*[\\/" for c in name)
    )


@given(st.text(max_size=120) | st.text(st.sampled_from("aA.-_/ ~lockd@{é\u0301\u0130\u1e9eß"), max_size=120))
def test_every_id_is_a_ref_component_and_a_file_name(stem: str) -> None:
    name = task_id(stem)
    assert is_ref_component(name)
    assert len(name) <= 80
    assert len(name.encode()) <= 200
    assert name == name.lower() == unicodedata.normalize("NFC", name)
    assert task_id(name) == name
    assert is_ref_component(qualify(name, stem))
