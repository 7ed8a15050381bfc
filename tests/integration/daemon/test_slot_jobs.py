"""A slot from one run to the next, as the daemon has it made ready, brought in from, and emptied."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.core.model import SandboxSpec
from coworkd.daemon.slot_jobs import SlotJobs
from coworkd.dispatch.executors.slot_results import (
    EmptyRequest,
    FinishRequest,
    Imported,
    SavedWork,
    SlotReady,
    SlotRequest,
)
from coworkd.merge.branch_jobs import RunBase
from tests.integration.gitkit import Checkout, checkout

ORDER = SlotRequest(
    number=1, task="t", run="r1", attempt=1, epoch=0, agent="ed", start_from="", restore="", reviewed=None,
    branch="cowork/integration", target="main", tip="", setup=(), copy=(), sandbox=SandboxSpec(),
)  # fmt: skip


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "repo")


@pytest.fixture
def jobs(user: Checkout) -> SlotJobs:
    base = RunBase(commit=user.git("rev-parse", "HEAD"))
    return SlotJobs(user.root, user.root.parent / "state", lambda _branches, _needed, _stack: base, threading.Event())


def ready(jobs: SlotJobs, request: SlotRequest) -> SlotReady:
    made = jobs.prepare(request)
    assert isinstance(made, SlotReady), made
    return made


def finish(base: str) -> FinishRequest:
    return FinishRequest(
        slot=1, task="t", run="r1", number=1, agent="ed", base=base, tip="", submit=True, message="work"
    )


def test_a_slot_is_brought_in_from_then_emptied_then_used_again(jobs: SlotJobs) -> None:
    first = ready(jobs, ORDER)
    (first.worktree / "new.txt").write_text("new\n")
    assert isinstance(jobs.finish(finish(first.base)), Imported)
    jobs.empty(EmptyRequest(slot=1, run="r1"))
    assert not (first.worktree / "new.txt").exists()
    second = ready(jobs, replace(ORDER, task="u", run="r2"))
    assert second.worktree == first.worktree
    assert second.notices == ()


def test_an_emptied_slot_has_nothing_to_submit_for_its_last_run(jobs: SlotJobs) -> None:
    made = ready(jobs, ORDER)
    jobs.empty(EmptyRequest(slot=1, run="r1"))
    assert jobs.finish(finish(made.base)) == SavedWork(unusable_reason="its slot is gone")


def test_a_slot_is_not_emptied_under_the_run_that_took_it(jobs: SlotJobs) -> None:
    ready(jobs, ORDER)
    made = ready(jobs, replace(ORDER, task="u", run="r2"))
    (made.worktree / "new.txt").write_text("new\n")
    jobs.empty(EmptyRequest(slot=1, run="r1"))
    assert (made.worktree / "new.txt").exists()
