"""Tests as values: what a test file holds, whatever language it is written in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_TEXT = 400_000
"""Characters of a file; longer ones are generated, and are not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test."""

    name: str
    assertions: int
    """How many things it asserts, with those of helpers in the same file; what is always true does not count."""
    constant: int = 0
    """How many assertions say the same whatever the program does; only taking them out without another counts."""
    skipped: bool = False
    cases: int = 1
    """Of a parametrized test."""
    body: str = ""
    """Equal for tests with the same content, whatever they are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The tests of one file."""

    cases: Mapping[str, Case]
    focused: int = 0
    """Marks such as `.only`, by which all other tests are left out."""
    skips: int = 0
    """Marks that leave out a whole group or file."""


EMPTY = Suite(cases={})

_TEST_FOLDER = re.compile(
    r"(?:^|/)(?:tests?|testing|__tests__|specs?|e2e|cypress|integration_tests|test_.*|.*_tests?)/"
)
_TEST_NAME = re.compile(
    r"(?:^|/)(?:test[^/]*|[^/]*[_.-](?:tests?|specs?)|[^/]*(?:Tests?|Spec|IT|TestCase)|Test[^/]*)(?:\.[A-Za-z0-9]+)+$"
    r"|(?:^|/)[^/]+\.(?:test|spec|cy|e2e)\.\w+$"
)


def is_test_path(path: str) -> bool:
    """Whether test runners would look for tests in a file of this name."""
    return bool(_TEST_NAME.search(path) or _TEST_FOLDER.search(path))
