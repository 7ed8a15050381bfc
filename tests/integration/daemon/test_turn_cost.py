"""What a turn costs does not grow with what has been: no question of an idle turn goes through a whole table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coworkd.daemon.composition import build, initialise
from coworkd.store import Database
from coworkd.system import paths_and_settings
from coworkd.system.git import Repo
from coworkd.system.git.repository_trust import Trust
from tests.integration.gitkit import checkout

GROWING = ("tasks", "documents", "messages", "runs", "requests", "submissions", "events", "needs", "bases", "answers")


def asked_while_idle(root: Path) -> tuple[list[str], Path]:
    """Every statement of a turn in which nothing has happened, and the database."""
    asked: list[str] = []
    with Repo.open(root) as repo:
        paths = paths_and_settings.paths(repo.root, repo.common_dir)
        trust = Trust(paths_and_settings.trust_home(), repo)
        trust.give()
        daemon = build(paths, repo, trust)
        rooms = daemon._services  # noqa: SLF001 - nobody else may look at what a turn asks
        daemon.recover()
        for _ in range(3):
            daemon.turn()
        rooms.db.connection.set_trace_callback(asked.append)
        daemon.turn()
        daemon._lasting.door.close()  # noqa: SLF001
        rooms.jobs.close()
        rooms.executor.close(1.0)
        rooms.audit.close()
        rooms.db.close()
    return asked, paths.database


def test_no_question_of_an_idle_turn_goes_through_a_table_that_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    at = checkout(tmp_path / "repo")
    initialise(at.root)
    at.write(".cowork/tasks/a.md", "---\nstatus: draft\n---\nDo it.\n")
    asked, database = asked_while_idle(at.root)
    assert len(asked) > 20
    db = Database(database)
    found = [
        (row["detail"], statement)
        for statement in asked
        if statement.startswith("SELECT")
        for row in db.query(f"EXPLAIN QUERY PLAN {statement}")
    ]
    db.close()
    whole = re.compile(r"SCAN (\w+)(?! USING)")
    names = {table[0]: table for table in GROWING} | {table: table for table in GROWING}
    slow = [(detail, statement) for detail, statement in found if (m := whole.match(detail)) and m[1] in names]
    assert not slow, "\n".join(f"{detail}: {statement}" for detail, statement in slow)
