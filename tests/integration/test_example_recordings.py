"""The example's recorded sessions do what its tasks ask for, on real git and with its real tests.

The steps are played here without a daemon, so that a recording that no longer fits the example fails by itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/workspace"
RECORDINGS = EXAMPLE / ".cowork/recordings"
VERIFY = "python3 -m unittest -q"
FIRST = "fix-word-count"
FOLLOWERS = ("report-title", "json-output")
KNOWN_STEPS = {"say", "read", "write", "edit", "run", "ask", "permit", "usage", "commit", "pause", "end"}
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Example"), ("EMAIL", "example@example.org"))
}

Step = dict[str, Any]


def recording(task: str) -> list[Step]:
    lines = (RECORDINGS / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def shell(command: str, folder: Path) -> int:
    """Exit code of `command`, run in `folder` without the settings of whoever runs the tests."""
    environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, timeout=60, check=False
    ).returncode


def git(arguments: str, folder: Path) -> None:
    assert shell(f"git {arguments}", folder) == 0, arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Plays steps in `folder`, where a person gives `answer` to questions and `permit` to permissions."""

    folder: Path
    answer: str = "Words at a glance"
    permit: bool = True

    def play(self, steps: list[Step]) -> None:
        for step in steps:
            self.apply(step)
            if "permit" in step and not self.permit:
                self.play(step["otherwise"])
                return

    def apply(self, step: Step) -> None:
        match step:
            case {"read": path}:
                assert (self.folder / path).is_file(), path
            case {"write": path, "text": text}:
                (self.folder / path).write_text(text.replace("{{answer:title.md}}", self.answer), encoding="utf-8")
            case {"edit": path, "old": old, "new": new}:
                text = (self.folder / path).read_text(encoding="utf-8")
                assert text.count(old) == 1, f"{path} holds {text.count(old)} times: {old}"
                (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")
            case {"run": command, "expect": code}:
                assert shell(command, self.folder) == code, command
            case {"commit": message}:
                git("add -A", self.folder)
                git(f"commit -qm '{message}'", self.folder)
            case _:
                assert step.keys() & KNOWN_STEPS, f"unknown step: {step}"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The example's program as a repository of its own; its workspace folder stays out, as it does for agents."""
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".cowork", "__pycache__"))
    git("init -q -b main", folder)
    git("add -A", folder)
    git("commit -qm Start", folder)
    return folder


def work_on(task: str, repository: Path, *, permit: bool = True) -> None:
    """Leave `task` finished on a branch of its own that starts from main."""
    git(f"checkout -q -b {task} main", repository)
    Player(folder=repository, permit=permit).play(recording(task)[1:])
    assert shell('git diff --quiet HEAD && test -z "$(git status --porcelain)"', repository) == 0
    git("checkout -q main", repository)


def land(task: str, repository: Path) -> None:
    git(f"merge -q --no-ff -m 'Land {task}' {task}", repository)
    assert shell(VERIFY, repository) == 0, f"the tests are red after {task} landed"


def test_the_example_starts_with_a_failing_test(repository: Path) -> None:
    assert shell(VERIFY, repository) == 1


def test_there_is_one_recording_for_each_task() -> None:
    tasks = {path.stem for path in (EXAMPLE / ".cowork/tasks").glob("*.md")}
    assert {path.stem for path in RECORDINGS.glob("*.jsonl")} == tasks == {FIRST, *FOLLOWERS}


@pytest.mark.parametrize("task", [FIRST, *FOLLOWERS])
def test_a_recording_starts_with_its_header_and_ends(task: str) -> None:
    header, *steps = recording(task)
    assert header["recording"] == 1
    assert steps[-1]["end"] == "done"


@pytest.mark.parametrize("order", [FOLLOWERS, FOLLOWERS[::-1]], ids=["title-first", "json-first"])
def test_tests_are_green_after_each_landing(repository: Path, order: tuple[str, ...]) -> None:
    work_on(FIRST, repository)
    land(FIRST, repository)
    for task in order:
        work_on(task, repository)
    for task in order:
        land(task, repository)
    shown = subprocess.run(
        ["python3", "-m", "textreport", "samples/fox.txt"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("Words at a glance\n=================\nthe")
    assert json.loads((repository / "samples/fox.json").read_text())[0] == {"word": "the", "count": 4}


def test_a_refused_permission_still_ends_in_a_green_change(repository: Path) -> None:
    work_on(FIRST, repository)
    land(FIRST, repository)
    work_on("json-output", repository, permit=False)
    land("json-output", repository)
    assert not (repository / "samples/fox.json").exists()
