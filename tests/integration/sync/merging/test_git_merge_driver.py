"""The merge driver under real git: merge, rebase, cherry-pick, stash pop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coworkd.sync.merging.git_merge_driver import ATTRIBUTES, installed_program
from tests.integration.gitkit import Checkout, checkout
from tests.integration.product import ROOT, coworkd, told

TASK = ".cowork/tasks/one.md"
TEXT = """\
---
title: One
status: ready
labels: [ui]
---
First.

Second.

Third.
"""
BROKEN = TEXT.replace("labels: [ui]", "labels: [ui")
ENV = {"PYTHONPATH": str(ROOT)}
"""git hands it on to the driver."""


def git(at: Checkout, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *args], cwd=at.root, env={**os.environ, **ENV}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def here(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "repo")
    made.commit("a task", {TASK: TEXT})
    done = coworkd(made.root, "merge-driver", "install")
    assert done.returncode == 0, done.stderr
    return made


def by_merge(at: Checkout) -> int:
    return git(at, "merge", "-q", "--no-edit", "topic").returncode


def by_rebase(at: Checkout) -> int:
    git(at, "checkout", "-q", "topic")
    return git(at, "rebase", "-q", "main").returncode


def by_cherry_pick(at: Checkout) -> int:
    return git(at, "cherry-pick", "topic").returncode


def by_stash(at: Checkout) -> int:
    """The topic's version is a change in the working tree that waited while `main` went on."""
    ours = at.git("rev-parse", "HEAD")
    at.git("reset", "-q", "--hard", f"{ours}~1")
    at.git("checkout", "-q", "topic", "--", ".")
    at.git("stash", "-q")
    at.git("reset", "-q", "--hard", ours)
    return git(at, "stash", "pop", "-q").returncode


WAYS = [by_merge, by_rebase, by_cherry_pick, by_stash]


def diverge(at: Checkout, ours: str, theirs: str) -> None:
    at.branch("topic", "main", {TASK: theirs})
    at.commit("ours", {TASK: ours})


@pytest.mark.parametrize("way", WAYS)
def test_different_fields_lists_and_lines_merge_clean(here: Checkout, way: Callable[[Checkout], int]) -> None:
    diverge(
        here,
        TEXT.replace("One", "Two").replace("[ui]", "[ui, mine]").replace("Second.", "Zweit."),
        TEXT.replace("ready", "paused").replace("[ui]", "[theirs, ui]").replace("Third.", "Dritt."),
    )
    assert way(here) == 0
    text = (here.root / TASK).read_text()
    assert all(words in text for words in ("title: Two", "status: paused", "mine", "theirs", "Zweit.", "Dritt."))
    assert "<<<<<<<" not in text


@pytest.mark.parametrize("way", WAYS)
def test_the_same_field_is_a_conflict_around_its_line(here: Checkout, way: Callable[[Checkout], int]) -> None:
    diverge(here, TEXT.replace("One", "Two"), TEXT.replace("One", "Three").replace("Third.", "Dritt."))
    assert way(here) != 0
    text = (here.root / TASK).read_text()
    assert here.git("ls-files", "--unmerged", "--", TASK).count("\n") == 2
    assert text.count("<<<<<<< ") == 1
    assert sorted(text.split("<<<<<<< ")[1].split(">>>>>>>")[0].splitlines()[1:]) == [
        "=======",
        "title: Three",
        "title: Two",
    ]
    assert "Dritt." in text


def test_coworkd_holds_a_conflict_and_names_its_line(here: Checkout) -> None:
    diverge(here, TEXT.replace("ready", "draft"), TEXT.replace("ready", "paused"))
    assert by_merge(here) == 1
    os.utime(here.root / TASK, (1_700_000_000, 1_700_000_000))  # not a save that may still go on
    problems = told(here.root, "status")["problems"]
    assert [(problem["path"], problem["line"]) for problem in problems] == [("tasks/one.md", 3)]
    (here.root / TASK).write_text(TEXT.replace("ready", "draft"))
    assert told(here.root, "status")["problems"] == []


def test_windows_line_endings_are_kept(here: Checkout) -> None:
    here.git("config", "core.autocrlf", "false")
    windows = TEXT.replace("\n", "\r\n").encode()
    (here.root / TASK).write_bytes(windows)
    here.git("commit", "-qam", "line endings")
    here.git("checkout", "-qb", "topic")
    (here.root / TASK).write_bytes(windows.replace(b"ready", b"paused"))
    here.git("commit", "-qam", "theirs")
    here.git("checkout", "-q", "main")
    (here.root / TASK).write_bytes(windows.replace(b"One", b"Two"))
    here.git("commit", "-qam", "ours")
    assert by_merge(here) == 0
    assert (here.root / TASK).read_bytes() == windows.replace(b"One", b"Two").replace(b"ready", b"paused")


def test_a_note_without_header(here: Checkout) -> None:
    here.commit("a note", {TASK: "one\n\ntwo\n"})
    diverge(here, "ONE\n\ntwo\n", "one\n\nTWO\n")
    assert by_merge(here) == 0
    assert (here.root / TASK).read_text() == "ONE\n\nTWO\n"


@pytest.mark.parametrize("other", ["Third.", "title: One"])
def test_broken_yaml_is_merged_as_git_merges_any_text(here: Checkout, other: str) -> None:
    here.commit("broken", {TASK: BROKEN})
    diverge(here, BROKEN.replace("title: One", "title: Two"), BROKEN.replace(other, "else"))
    sides = [here.root / f".git/{name}" for name in ("ours", "base", "theirs")]
    for file, revision in zip(sides, ("HEAD", "HEAD~1", "topic"), strict=True):
        file.write_text(here.git("show", f"{revision}:{TASK}") + "\n")
    expected = git(here, "merge-file", "-p", "-L", "ours", "-L", "base", "-L", "theirs", *map(str, sides))
    assert (by_merge(here) == 0) == (expected.returncode == 0)
    assert (here.root / TASK).read_text() == expected.stdout


def test_what_is_no_text_is_left_to_the_user(here: Checkout) -> None:
    here.commit("bytes", {TASK: "\0one\n"})
    diverge(here, "\0two\n", "\0three\n")
    assert by_merge(here) == 1
    assert (here.root / TASK).read_bytes() == b"\0two\n"


def test_two_branches_that_add_the_same_file(here: Checkout) -> None:
    here.branch("topic", "main", {".cowork/tasks/new.md": TEXT.replace("ready", "draft")})
    here.commit("ours", {".cowork/tasks/new.md": TEXT})
    assert by_merge(here) == 1
    assert "<<<<<<< ours\nstatus: ready\n=======\nstatus: draft\n" in (here.root / ".cowork/tasks/new.md").read_text()


def test_install_writes_two_files_once_and_says_so(here: Checkout) -> None:
    attributes = here.root / ".git/info/attributes"
    assert attributes.read_text().splitlines() == list(ATTRIBUTES)
    attributes.write_text("*.png binary\n" + attributes.read_text())
    before = attributes.read_bytes(), here.state()
    again = coworkd(here.root, "merge-driver", "install", "--json")
    assert (again.returncode, again.stdout) == (0, '{\n  "wrote": []\n}\n')
    assert (attributes.read_bytes(), here.state()) == before
    with here.open() as repo:
        assert installed_program(repo) == sys.executable


def test_without_it_nothing_is_registered(tmp_path: Path) -> None:
    with checkout(tmp_path / "repo").open() as repo:
        assert installed_program(repo) == ""


def test_the_driver_by_hand(tmp_path: Path) -> None:
    at = checkout(tmp_path / "repo")
    for name, text in (("o", TEXT), ("a", TEXT.replace("One", "Two")), ("b", TEXT.replace("One", "Three"))):
        (at.root / name).write_text(text)
    done = coworkd(at.root, "merge-driver", "run", "o", "a", "b", TASK)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{TASK}: to be chosen between the markers: title\n"
    assert (
        (at.root / "a").read_text().startswith("---\n<<<<<<< ours\ntitle: Two\n=======\ntitle: Three\n>>>>>>> theirs\n")
    )
