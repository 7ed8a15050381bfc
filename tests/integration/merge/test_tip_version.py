"""The candidate with the tip's version of what its checks execute, on real commits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from coworkd.merge.tip_version import tip_version
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout

BASE: Mapping[str, str | None] = {
    "check.sh": "bash more.sh\n", "more.sh": "true\n", "app.py": "1\n", "Makefile": "test:\n\tbash check.sh\n",
    "package.json": '{"version": "1", "scripts": {"test": "node a.js"}}', "a.js": "",
}  # fmt: skip


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "project")
    made.commit("base", BASE)
    return made


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


def files(user: Checkout, commit: str) -> dict[str, str]:
    names = user.git("ls-tree", "-r", "--name-only", commit).splitlines()
    return {name: user.git("show", f"{commit}:{name}") for name in names}


@pytest.mark.parametrize(
    ("change", "command", "paths", "differs"),
    [
        ({"check.sh": "true\n"}, "bash check.sh", ("check.sh",), {"check.sh": "bash more.sh"}),
        ({"more.sh": None, "check.sh": "true\n"}, "make test", ("check.sh", "more.sh"), {"more.sh": "true", "check.sh": "bash more.sh"}),
        ({"GNUmakefile": "test:\n\ttrue\n"}, "make test", ("GNUmakefile",), {"GNUmakefile": None}),
        ({"a.js": "x\n"}, "npm test", ("a.js",), {"a.js": ""}),
    ],
)  # fmt: skip
def test_what_a_command_executes_is_as_on_the_tip(
    user: Checkout, repo: Repo, change: Mapping[str, str | None], command: str, paths: tuple[str, ...],
    differs: Mapping[str, str | None],
) -> None:  # fmt: skip
    tip = user.git("rev-parse", "main")
    sub = user.branch("work", "main", {**change, "app.py": "2\n"})
    before = user.state()
    found = tip_version(repo, tip, sub, ["true", command])
    assert found is not None
    assert (found.commands, found.paths) == ((command,), paths)
    want: dict[str, str | None] = {**files(user, sub), **differs}
    assert files(user, found.commit) == {name: text for name, text in want.items() if text is not None}
    assert user.state() == before


def test_of_a_package_json_only_the_scripts_are_put_back(user: Checkout, repo: Repo) -> None:
    tip = user.git("rev-parse", "main")
    sub = user.branch("work", "main", {"package.json": '{"version": "2", "scripts": {"test": "true"}}'})
    found = tip_version(repo, tip, sub, ["npm test"])
    assert found is not None
    assert json.loads(files(user, found.commit)["package.json"]) == {"version": "2", "scripts": {"test": "node a.js"}}


@pytest.mark.parametrize(
    "change",
    [{"app.py": "2\n"}, {"new.sh": "true\n"}, {"package.json": '{"version": "3", "scripts": {"test": "node a.js"}}'}],
)
def test_an_ordinary_edit_needs_no_second_look(user: Checkout, repo: Repo, change: Mapping[str, str | None]) -> None:
    tip = user.git("rev-parse", "main")
    sub = user.branch("work", "main", change)
    assert tip_version(repo, tip, sub, ["bash check.sh", "npm test", "make test"]) is None


def test_a_module_that_a_tasks_own_command_runs_is_what_the_task_changes(user: Checkout, repo: Repo) -> None:
    user.git("checkout", "-q", "main")
    tip = user.commit("a program", {"prog/__main__.py": "print(1)\n"})
    sub = user.branch("json", "main", {"prog/__main__.py": "print(2)\n"})
    command = "python3 -m prog --json"
    assert tip_version(repo, tip, sub, [command], frozenset({command})) is None
    found = tip_version(repo, tip, sub, [command])
    assert found is not None
    assert found.paths == ("prog/__main__.py",)
