"""What the database has answered, kept until something is written to a table that the question names.

Which tables a statement reads or changes is taken from the words of its text, and those that triggers of these tables
name come with them: rather too many than too few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

MAX_ANSWERS = 2000
"""Answers kept at most; then all are forgotten."""

MAX_ROWS = 100
"""Longer answers are not kept."""

Question: TypeAlias = Hashable
"""A statement, its values, and the form in which the answer is given."""

_TABLES = """
WITH schema AS (SELECT * FROM sqlite_master UNION ALL SELECT * FROM sqlite_temp_master)
SELECT name,
  coalesce((SELECT group_concat(t.sql, ' ') FROM schema t WHERE t.type = 'trigger' AND t.tbl_name = s.name), '')
FROM schema s WHERE type = 'table'
"""
"""Every table, with the text of its triggers."""

_WORD = re.compile(r"\w+")


class KeptAnswers:
    """The answers of one connection; right as long as it is told of all that is written through the connection."""

    def __init__(self, execute: Callable[[str], Iterable[Sequence[Any]]]) -> None:
        """`execute` runs a statement and gives its rows."""
        self._execute = execute
        self._tables: dict[str, str] | None = None
        self._named: dict[str, frozenset[str]] = {}
        self._answers: dict[Question, list[Any]] = {}
        self._questions: dict[str, set[Question]] = {}
        """By table: those whose answers are kept."""

    def find(self, question: Question) -> list[Any] | None:
        """The answer, as long as it is known to be still the same."""
        return self._answers.get(question)

    def keep(self, question: Question, sql: str, answer: list[Any]) -> None:
        """Keep the answer of a SELECT that follows from the rows of tables alone."""
        if len(answer) > MAX_ROWS or not sql.startswith("SELECT") or "sqlite_" in sql:
            return
        named = self._names(sql)
        if not named:
            return
        if len(self._answers) >= MAX_ANSWERS:
            self.forget()
        self._answers[question] = answer
        for table in named:
            self._questions.setdefault(table, set()).add(question)

    def note_statement(self, sql: str) -> None:
        """Forget what a statement may change that is about to be run."""
        if sql.startswith("SELECT"):
            return
        if sql.startswith(("CREATE", "DROP", "ALTER")):
            self._tables = None
            self._named.clear()
            self.forget()
            return
        for table in self._names(sql):
            for question in self._questions.pop(table, ()):
                self._answers.pop(question, None)

    def forget(self) -> None:
        """Forget all answers: something may have changed that no statement has told of."""
        self._answers.clear()
        self._questions.clear()

    def _names(self, sql: str) -> frozenset[str]:
        """The tables that a statement reads or changes."""
        found = self._named.get(sql)
        if found is None:
            if self._tables is None:
                self._tables = {row[0]: row[1] for row in self._execute(_TABLES)}
            found = self._named[sql] = _with_triggers(_words(sql) & self._tables.keys(), self._tables)
        return found


def _with_triggers(named: Iterable[str], tables: Mapping[str, str]) -> frozenset[str]:
    """These tables and those that their triggers name, and so on."""
    found, following = set[str](), set(named)
    while following:
        found |= following
        following = {word for table in following for word in _words(tables[table]) & tables.keys()} - found
    return frozenset(found)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
