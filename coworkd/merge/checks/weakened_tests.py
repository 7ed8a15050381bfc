"""Tests that a change weakens: gone, skipped, with fewer assertions or cases, or left out by a focus on others. Pure.

Only tests that were there before are judged; new ones may be anything. A test that moved to another file or got another
name with the same content is the same test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from coworkd.core.text_formats import shorten
from coworkd.merge.checks.other_tests import LANGUAGES, suite_of
from coworkd.merge.checks.python_tests import python_suite
from coworkd.merge.checks.test_cases import EMPTY, MAX_TEXT, Case, Suite, is_test_path


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedText:
    """One changed file of a change, as text."""

    path: str
    old: str | None
    """None: it was not there."""
    new: str | None
    """None: it is gone."""
    old_path: str = ""
    """Where a renamed file was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    path: str
    old: Suite
    new: Suite


def may_hold_tests(path: str, named: frozenset[str] = frozenset()) -> bool:
    """Whether tests are looked for in a file; `named`: paths that commands hand to a test runner."""
    suffix = PurePosixPath(path).suffix
    if suffix == ".rs":  # unit tests stand beside the code
        return True
    known = suffix == ".py" or any(suffix in language.suffixes for language in LANGUAGES)
    in_named = any(path == one or (one and path.startswith(f"{one}/")) for one in named)
    return known and (in_named or is_test_path(path))


def weakened_tests(files: Sequence[ChangedText], named: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """What the change does to tests that were there, in words, one text a finding."""
    compared = [_compare(file, named) for file in files]
    added = [case for one in compared for name, case in one.new.cases.items() if name not in one.old.cases]
    return tuple(text for one in compared for text in _findings(one, added))


def _compare(file: ChangedText, named: frozenset[str]) -> _Compared:
    old = _suite(file.old_path or file.path, file.old, named)
    new = _suite(file.path, file.new, named)
    return _Compared(path=file.path, old=old or EMPTY, new=new or EMPTY)


def _suite(path: str, text: str | None, named: frozenset[str]) -> Suite | None:
    if text is None or len(text) > MAX_TEXT or not may_hold_tests(path, named):
        return None
    suffix = PurePosixPath(path).suffix
    if suffix == ".py":
        return python_suite(text)
    return next((suite_of(one, text) for one in LANGUAGES if suffix in one.suffixes), None)


def _findings(compared: _Compared, added: Sequence[Case]) -> Iterator[str]:
    gone, skipped, fewer, cases = list[str](), list[str](), list[str](), list[str]()
    for name, old in compared.old.cases.items():
        new = compared.new.cases.get(name) or _find_moved_case(old, added)
        if new is None:
            gone.append(name)
        elif new.skipped and not old.skipped:
            skipped.append(name)
        elif (new.assertions, new.constant) < (old.assertions, old.constant):
            fewer.append(name)
        elif new.cases < old.cases:
            cases.append(name)
    yield from (f"{compared.path}: existing tests are gone ({_join_names(gone)})" for _ in gone[:1])
    yield from (f"{compared.path}: existing tests are skipped ({_join_names(skipped)})" for _ in skipped[:1])
    yield from (f"{compared.path}: assertions were removed ({_join_names(fewer)})" for _ in fewer[:1])
    yield from (f"{compared.path}: cases were removed ({_join_names(cases)})" for _ in cases[:1])
    if compared.old.cases and compared.new.skips > compared.old.skips and not skipped:
        yield f"{compared.path}: existing tests are skipped (a whole group)"
    if compared.new.focused > compared.old.focused:
        yield f"{compared.path}: a focus on some tests leaves out all others"


def _find_moved_case(old: Case, added: Sequence[Case]) -> Case | None:
    """The same test elsewhere or under another name."""
    last = old.name.rpartition(".")[2]
    same = [case for case in added if case.body == old.body and old.body]
    named = [case for case in added if case.name.rpartition(".")[2] == last]
    return max([*same, *named], key=lambda case: (not case.skipped, case.assertions), default=None)


def _join_names(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(name, 80) for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
