"""No part of a turn keeps the others waiting: what has ended is handled while much is still to be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.clock import SystemClock
from coworkd.daemon.composition import build
from coworkd.daemon.main_loop import Daemon
from coworkd.daemon.turn import HEAD_START, PART_SECONDS
from coworkd.daemon.workspace_init import initialise
from coworkd.store import Database, RunRow, RunState
from coworkd.store.documents import unwritten_documents
from coworkd.store.runs import get_run
from coworkd.sync.pusher import WRITE_BATCH_SIZE
from coworkd.system import paths_and_settings
from coworkd.system.git import Repo
from coworkd.system.git.repository_trust import Trust
from tests.integration.gitkit import checkout

TURNS = 200
FILES = 200


class SlowMachine(SystemClock):
    """Between any two looks at the clock a slice of a turn goes by: each part of a turn takes one step."""

    def __init__(self) -> None:
        super().__init__()
        self._gone = 0.0

    def now(self) -> float:
        self._gone += PART_SECONDS
        return super().now() + self._gone


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon whose machine is slow, with one task that is ready."""
    at = checkout(tmp_path / "repo")
    initialise(at.root)
    at.write(".cowork/agents/quick.md", "---\ndriver: command\ncommand: ['true']\n---\n")
    at.write(".cowork/config.yaml", "agent: quick\nquiet: 0\n")
    at.write(".cowork/tasks/a.md", "---\nstatus: ready\n---\nDo it.\n")
    with Repo.open(at.root) as repo:
        paths = paths_and_settings.paths(repo.root, repo.common_dir)
        trust = Trust(paths_and_settings.trust_home(), repo)
        trust.give(trust.beginning())
        made = build(paths, repo, trust, clock=SlowMachine())
        try:
            made.runner.recover()
            made.runner.run()
            yield made
        finally:
            made.close()


def test_a_run_that_ended_is_handled_while_hundreds_of_files_are_still_to_be_written(daemon: Daemon) -> None:
    services = daemon.runner.services
    run = _begin_run(daemon)
    with services.db.write():
        for number in range(FILES):
            GeneratedDocuments(services.db).put(f"messages/a/{number}.md", b"---\nfrom: x\n---\nHi.\n", 0.0)
    while run.id in services.executor.alive():
        daemon.wait(1.0)
    daemon.runner.run(bounded=True)
    assert get_run(services.db, run.id).state is not RunState.WORKING
    left = [_unwritten(services.db)]
    assert FILES - 2 * WRITE_BATCH_SIZE <= left[0] < FILES
    while left[-1]:
        daemon.runner.run(bounded=True)
        left.append(_unwritten(services.db))
        assert left[-1] < left[-2], "each turn writes some"
    assert len(left) > FILES // WRITE_BATCH_SIZE // 2


def test_a_turn_in_which_a_run_begins_leaves_the_interpreter_to_the_job_that_prepares_its_slot(
    daemon: Daemon, tmp_path: Path
) -> None:
    services = daemon.runner.services
    (tmp_path / "repo/.cowork/tasks/b.md").write_text("---\nstatus: ready\n---\nDo it.\n")
    services.engine.mark_dirty("tasks/b.md", services.clock.now())
    number = 0
    while not services.db.one(RunRow, "task = 'b'"):
        assert number < TURNS
        number += 1
        daemon.wait(0.1)
        with services.db.write():
            GeneratedDocuments(services.db).put(f"messages/a/{number}.md", b"---\nfrom: x\n---\nHi.\n", 0.0)
        daemon.runner.run(bounded=True)
    assert _unwritten(services.db), "no file is written before the job has had its time"
    assert daemon.runner.seconds_until_next() == HEAD_START
    daemon.runner.run(bounded=True)
    assert not _unwritten(services.db)
    assert daemon.runner.seconds_until_next() != HEAD_START, "never two turns in a row"


def _begin_run(daemon: Daemon) -> RunRow:
    """Turns until the agent is at work."""
    db = daemon.runner.services.db
    for _ in range(TURNS):
        daemon.runner.run(bounded=True)
        if found := db.one(RunRow, "state = ?", RunState.WORKING):
            return found
        daemon.wait(1.0)
    raise AssertionError("no agent was set to work")


def _unwritten(db: Database) -> int:
    return sum(one.path.startswith("messages/") for one in unwritten_documents(db))
