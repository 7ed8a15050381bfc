"""What a turn costs grows neither with what has been nor with what waits."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from coworkd.daemon.composition import build
from coworkd.daemon.workspace_init import initialise
from coworkd.store import Database, RunRow, RunState
from coworkd.system import paths_and_settings
from coworkd.system.git import Repo
from coworkd.system.git.repository_trust import Trust
from tests.integration.gitkit import checkout

TURNS = 60
"""Turns within which an agent is at work: its slot is made in the background."""

WAITING = (10, 100, 1000)
GROWING = ("tasks", "documents", "messages", "runs", "requests", "submissions", "events", "needs", "bases", "answers")


MAX_STATEMENTS = 4
"""Statements of an idle turn that knows what was answered before: none of them asks about tasks."""


@dataclass(frozen=True)
class IdleTurn:
    """A turn in which nothing has happened."""

    statements: Sequence[str]
    """All that it asks where no answer is kept."""
    repeated: Sequence[str]
    """What it asks when the turn before has asked the same."""
    plans: Mapping[str, Sequence[str]]
    """How SQLite carries out each SELECT, step by step."""


def idle_turn(root: Path, ready: Callable[[Database], bool] = lambda _: True) -> IdleTurn:
    """The statements of an idle turn, as soon as the workspace is `ready` and nothing follows any more."""
    asked: list[str] = []
    repeated: list[str] = []
    with Repo.open(root) as repo:
        paths = paths_and_settings.paths(repo.root, repo.common_dir)
        trust = Trust(paths_and_settings.trust_home(), repo)
        trust.give(trust.beginning())
        daemon = build(paths, repo, trust)
        runner, services = daemon.runner, daemon.runner.services
        try:
            runner.recover()
            runner.run()
            for _ in range(TURNS):
                if ready(services.db):
                    break
                daemon.wait(1.0)
                runner.run()
            assert ready(services.db)
            before = -1
            while services.jobs.busy() or services.audit.deadline() or services.db.changes != before:
                before = services.db.changes
                daemon.wait(0.1)
                runner.run()
            services.db.connection.set_trace_callback(repeated.append)
            runner.run()
            services.db.connection.set_trace_callback(asked.append)
            services.db.forget_answers()
            runner.run()
            services.db.connection.set_trace_callback(None)
            plans = {sql: _plan(services.db, sql) for sql in asked if sql.startswith("SELECT")}
        finally:
            daemon.close()
    return IdleTurn(statements=asked, repeated=repeated, plans=plans)


def _plan(db: Database, statement: str) -> list[str]:
    return [row["detail"] for row in db.query(f"EXPLAIN QUERY PLAN {statement}")]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


def test_no_question_of_an_idle_turn_goes_through_a_table_that_grows(tmp_path: Path) -> None:
    at = checkout(tmp_path / "repo")
    initialise(at.root)
    at.write(".cowork/tasks/a.md", "---\nstatus: draft\n---\nDo it.\n")
    turn = idle_turn(at.root)
    assert len(turn.statements) > 20
    assert not (slow := _whole_tables(turn.plans)), "\n".join(slow)


def test_no_question_about_a_task_from_its_file_to_its_landing_goes_through_a_table_that_grows(tmp_path: Path) -> None:
    at = checkout(tmp_path / "repo")
    initialise(at.root)
    at.write(".cowork/agents/plain.md", "---\ndriver: command\ncommand: [bash, -c, 'echo made > made']\n---\n")
    at.write(".cowork/config.yaml", "agent: plain\napprove: []\nverify: ['true']\nquiet: 0\n")
    at.write(".cowork/tasks/a.md", "---\nstatus: ready\n---\nDo it.\n")
    at.commit("begin")
    plans = plans_until(at.root, lambda db: bool(db.scalar("SELECT landed FROM tasks WHERE id = 'a'")))
    assert len(plans) > 200
    assert not (slow := _whole_tables(plans)), "\n".join(slow)


def _whole_tables(plans: Mapping[str, Sequence[str]]) -> list[str]:
    """The steps that go through a whole table that grows."""
    whole = re.compile(r"SCAN (\w+)(?! USING)")
    names = {table[0]: table for table in GROWING} | {table: table for table in GROWING}
    return [
        f"{step}: {statement}"
        for statement, steps in plans.items()
        for step in steps
        if (m := whole.match(step)) and m[1] in names
    ]


def plans_until(root: Path, ready: Callable[[Database], bool]) -> Mapping[str, Sequence[str]]:
    """How SQLite carries out each statement that is run until the workspace is `ready`."""
    asked: dict[str, None] = {}
    with Repo.open(root) as repo:
        paths = paths_and_settings.paths(repo.root, repo.common_dir)
        trust = Trust(paths_and_settings.trust_home(), repo)
        trust.give(trust.beginning())
        daemon = build(paths, repo, trust)
        runner, db = daemon.runner, daemon.runner.services.db
        try:
            runner.recover()
            runner.run()
            db.connection.set_trace_callback(asked.setdefault)
            for _ in range(4 * TURNS):
                if ready(db):
                    break
                daemon.wait(1.0)
                runner.run()
            db.connection.set_trace_callback(None)
            assert ready(db)
            statements = [sql for sql in asked if sql.startswith(("SELECT", "UPDATE", "DELETE"))]
            return {sql: _plan(db, sql) for sql in statements}
        finally:
            daemon.close()


def test_an_idle_turn_costs_the_same_however_many_tasks_wait_for_a_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = {waiting: idle_turn(_full_workspace(tmp_path, waiting), _is_full) for waiting in WAITING}
    counts = {waiting: len(turn.statements) for waiting, turn in turns.items()}
    with capsys.disabled():
        sys.stdout.write(f"\nSQL statements of an idle turn, by ready tasks that wait for a place: {counts}\n")
    assert len(set(counts.values())) == 1, counts
    for turn in turns.values():
        assert len(turn.repeated) <= MAX_STATEMENTS, "\n".join(turn.repeated)


def _full_workspace(folder: Path, waiting: int) -> Path:
    """A workspace whose only place is taken by an agent that does nothing, and ready tasks that wait for it."""
    at = checkout(folder / f"repo-{waiting}")
    initialise(at.root)
    at.write(".cowork/agents/idle.md", "---\ndriver: command\ncommand: [sleep, '3600']\n---\n")
    at.write(".cowork/config.yaml", "agent: idle\nconcurrency: 1\n")
    at.write(".cowork/tasks/first.md", "---\nstatus: ready\npriority: 0\n---\nDo it.\n")
    for number in range(waiting):
        at.write(f".cowork/tasks/later-{number}.md", "---\nstatus: ready\n---\nDo it.\n")
    at.commit("begin")
    return at.root


def _is_full(db: Database) -> bool:
    return db.one(RunRow, "state = ?", RunState.WORKING) is not None
