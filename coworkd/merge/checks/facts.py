"""Reads from git what a change does to its checks, and to what others landed. Blocking: for jobs."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from coworkd.core.model import RiskLevel
from coworkd.core.policy.tool_risk import Feature
from coworkd.core.text_formats import shorten
from coworkd.merge.checks.executed_files import executed_files, executed_part, named_tests, run_modules
from coworkd.merge.checks.landings import MAX_LINES, changed_hunks, latest_landings
from coworkd.merge.checks.portable_names import name_findings
from coworkd.merge.checks.restored_lines import restored_lines
from coworkd.merge.checks.test_configuration import (
    changes_lint_configuration,
    changes_test_configuration,
    named_configuration,
)
from coworkd.merge.checks.tree import CommitTree
from coworkd.merge.checks.weakened_tests import ChangedText, may_hold_tests, weakened_tests
from coworkd.merge.git.change_summary import FileChange
from coworkd.system.git import Repo

_MAX_FILES = 2000
"""Changed files whose text is read."""
_MAX_FINDINGS = 20
"""Findings that a review names."""
_NEVER_READ = (".md", ".rst", ".html", ".css", ".svg", ".csv", ".lock", ".png", ".jpg", ".pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeContext:
    """What a change is judged with."""

    task: str
    commands: tuple[str, ...]
    """What verifies it."""
    own: frozenset[str] = frozenset()
    """Those of the commands that prove what is new in this task: a module that one runs is what is proven."""
    dependencies: frozenset[str] = frozenset()
    """Tasks whose landings it may know of and take back."""


def check_findings(
    repo: Repo, tip: str, candidate: str, files: Sequence[FileChange], context: ChangeContext
) -> tuple[Feature, ...]:
    """Why this change deserves a close look although its checks are green, what touches the checks first."""
    before, after = CommitTree.read(repo, tip), CommitTree.read(repo, candidate)
    named = named_tests(context.commands)
    texts = [_changed_text(before, after, file) for file in files[:_MAX_FILES] if _is_read(file, named)]
    landings = latest_landings(repo, files, {context.task, *context.dependencies})
    high = (
        *_execution_findings(changed_executed_files(before, after, files, context.commands, context.own)),
        *_configuration_findings(texts, named_configuration(context.commands)),
        *weakened_tests(texts, named),
        *restored_lines(changed_hunks(repo, tip, candidate, files) if landings else {}, landings),
        *name_findings((file.path for file in files if file.status in "AR"), after.paths),
    )
    linted = [text.path for text in texts if changes_lint_configuration(text.path, text.old, text.new)]
    medium = tuple(f"{path}: changes how the code is checked" for path in linted)
    return (*_features(RiskLevel.HIGH, high), *_features(RiskLevel.MEDIUM, medium))


def weakens_tests(repo: Repo, tip: str, candidate: str, files: Sequence[FileChange], commands: Sequence[str]) -> bool:
    """Whether a change deletes, skips or loosens tests that were there, or changes how tests are run."""
    before, after = CommitTree.read(repo, tip), CommitTree.read(repo, candidate)
    named, configuration = named_tests(commands), named_configuration(commands)
    texts = [_changed_text(before, after, file) for file in files[:_MAX_FILES] if _is_read(file, named)]
    return bool(weakened_tests(texts, named)) or any(_may_configure_tests(text, configuration) for text in texts)


def added_tests(files: Sequence[FileChange], commands: Sequence[str]) -> tuple[str, ...]:
    """The files that a change adds and that hold tests."""
    named = named_tests(commands)
    return tuple(file.path for file in files if file.status == "A" and may_hold_tests(file.path, named))


def _features(level: RiskLevel, findings: Sequence[str]) -> list[Feature]:
    more = [f"and {len(findings) - _MAX_FINDINGS} more of the kind"] if len(findings) > _MAX_FINDINGS else []
    return [Feature(level=level, what=what) for what in (*dict.fromkeys(findings[:_MAX_FINDINGS]), *more)]


def _execution_findings(executed: dict[str, tuple[FileChange, str]]) -> Iterator[str]:
    for path, (file, command) in executed.items():
        yield f"{path} is {_what_happened(file)}, which `{shorten(command, 80)}` executes"


def _configuration_findings(texts: Sequence[ChangedText], named: frozenset[str]) -> Iterator[str]:
    yield from (f"{text.path}: changes how tests are run" for text in texts if _may_configure_tests(text, named))


def changed_executed_files(
    before: CommitTree,
    after: CommitTree,
    files: Sequence[FileChange],
    commands: Sequence[str],
    own: Container[str] = (),
) -> dict[str, tuple[FileChange, str]]:
    """Path -> what happened to it and the command that executes it, for every changed or deleted file.

    `own` are the commands that prove what is new: the module that such a command runs is what is to be changed.
    """
    at_tip, now = executed_files(commands, before.text), executed_files(commands, after.text)
    known = {before.target(path): command for path, command in at_tip.items()} | at_tip
    fresh = {after.target(path): command for path, command in now.items()} | now
    running = set(at_tip.values())
    found: dict[str, tuple[FileChange, str]] = {}
    for file in files:
        path = file.old_path or file.path
        command = known.get(path) or fresh.get(file.path)
        # A new file is a reason where it joins or takes the place of what a command executed before.
        if command is None or (file.status == "A" and command not in running):
            continue
        if command in own and {path, file.path} & (
            run_modules(command, before.text) | run_modules(command, after.text)
        ):
            continue
        if executed_part(path, before.text(path)) != executed_part(
            file.path, after.text(file.path)
        ) or not _is_package_json(path):
            found[path] = (file, command)
    return found


def _is_package_json(path: str) -> bool:
    return posixpath.basename(path) == "package.json"


def _what_happened(file: FileChange) -> str:
    return {"A": "added", "D": "deleted", "R": "renamed"}.get(file.status, "changed")


def _is_read(file: FileChange, named: frozenset[str]) -> bool:
    if file.status != "D" and (file.added or 0) + (file.removed or 0) > MAX_LINES:
        return False
    paths = [path for path in (file.old_path, file.path) if path]
    return any(may_hold_tests(path, named) or not path.endswith(_NEVER_READ) for path in paths)


def _changed_text(before: CommitTree, after: CommitTree, file: FileChange) -> ChangedText:
    old = None if file.status == "A" else before.text(file.old_path or file.path)
    new = None if file.status == "D" else after.text(file.path)
    return ChangedText(path=file.path, old=old, new=new, old_path=file.old_path)


def _may_configure_tests(text: ChangedText, named: frozenset[str]) -> bool:
    if not named.isdisjoint((text.path, text.old_path)):
        return True
    if text.old_path:
        old, new = (text.old_path, text.old, None), (text.path, None, text.new)
        return changes_test_configuration(*old) or changes_test_configuration(*new)
    return changes_test_configuration(text.path, text.old, text.new)
