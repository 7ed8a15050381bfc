"""The tables of the patterns of collaboration, for `store.migrations`."""

from __future__ import annotations

PATTERN_TABLES = (
    (
        "CREATE TABLE patterns (task TEXT NOT NULL, attempt INTEGER NOT NULL, spec TEXT NOT NULL, began REAL NOT NULL,"
        " ended REAL, verdict TEXT NOT NULL DEFAULT '', decided TEXT NOT NULL DEFAULT '', PRIMARY KEY (task, attempt))"
    ),
    (
        "CREATE TABLE steps (task TEXT NOT NULL, attempt INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,"
        " request TEXT NOT NULL, state TEXT NOT NULL, asked REAL NOT NULL, ended REAL, not_before REAL NOT NULL,"
        " failures INTEGER NOT NULL, asked_again INTEGER NOT NULL, reason TEXT NOT NULL, run TEXT NOT NULL,"
        " number INTEGER NOT NULL, commit_id TEXT NOT NULL, tree TEXT NOT NULL, base TEXT NOT NULL,"
        " result TEXT NOT NULL, PRIMARY KEY (task, attempt, key))"
    ),
    "CREATE INDEX steps_asked ON steps (kind) WHERE state = 'asked'",
    "CREATE INDEX patterns_open ON patterns (task) WHERE verdict = ''",
    "ALTER TABLE answers ADD COLUMN choose TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE runs DROP COLUMN step",
    "ALTER TABLE runs ADD COLUMN step TEXT NOT NULL DEFAULT ''",
)
"""What a pattern asked for in each attempt, and its results."""
