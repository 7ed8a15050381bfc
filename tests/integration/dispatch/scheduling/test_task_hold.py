"""One task cannot start for something that it alone starts from: no attempt is used, its file says why, others go on."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from coworkd.core.model import Status
from coworkd.core.start_faults import StartFault, StartFaultKind
from coworkd.store import SubmissionRow, SubmissionState
from tests.integration.dispatchkit import Bench, says

GONE = StartFault(kind=StartFaultKind.START_COMMIT, reason="the repository does not have the commit abc any more")
OWN = StartFault(kind=StartFaultKind.FILES, reason="submodules are not supported: lib", own_commit=True)
COPY = StartFault(kind=StartFaultKind.COPY, reason="copy: '../x' must be a path below the repository's root")
GIT = StartFault(kind=StartFaultKind.SLOT, reason="git read-tree failed", own_commit=True)

GIT_FOR_ALL = StartFault(kind=StartFaultKind.SLOT, reason="git read-tree failed")


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    bench = Bench(tmp_path, says())
    bench.config("max_attempts: 1\n")
    bench.agent("main")
    yield bench
    bench.close()


def shown(bench: Bench) -> list[tuple[str, str]]:
    return [(row["path"], row["message"]) for row in bench.db.query("SELECT path, message FROM problems")]


@pytest.mark.parametrize("fault", [GONE, OWN, GIT])
def test_it_alone_waits_and_goes_on_by_itself(bench: Bench, fault: StartFault) -> None:
    bench.unprepared = {"a": fault}
    bench.task("a")
    bench.task("b")
    bench.turn()
    bench.turn()
    assert [given.task for given in bench.given] == ["b"]
    assert bench.status() is Status.READY
    ((path, message),) = shown(bench)
    assert path == "tasks/a.md"
    assert fault.reason in message
    assert "`coworkd cancel a`, then `coworkd ready a`" in message
    tried = len(bench.slots)
    bench.turn(1.0)
    assert len(bench.slots) == tried, "the pause is not over"
    bench.turn(15.0)
    assert len(bench.slots) == tried + 1
    bench.turn(15.0)
    assert len(bench.slots) == tried + 1, "pauses grow"
    bench.unprepared = {}
    bench.turn(60.0)
    assert [given.task for given in bench.given] == ["b", "a"]
    assert bench.given[-1].attempt == 1
    assert shown(bench) == []


def test_a_person_who_takes_it_off_the_board_ends_the_problem(bench: Bench) -> None:
    bench.unprepared = {"a": GONE}
    bench.task("a")
    bench.turn()
    bench.turn()
    assert shown(bench)
    bench.place.save("---\ntitle: a\nstatus: cancelled\n---\nDo it.\n", "tasks/a.md")
    bench.turn()
    assert bench.status() is Status.CANCELLED
    assert shown(bench) == []


@pytest.mark.parametrize("fault", [GONE, COPY])
def test_a_conflict_that_cannot_be_sent_back_yet_stays_one(bench: Bench, fault: StartFault) -> None:
    bench.task("a")
    bench.turn()
    bench.turn()
    with bench.db.write():
        bench.db.set(SubmissionRow, ("a", 1), state=SubmissionState.CONFLICTED, bundle="/b.json", verified_on="tip")
    bench.unprepared = {"a": fault}
    bench.turn()
    assert bench.status() is Status.MERGING
    (row,) = bench.db.all(SubmissionRow, "task = 'a'")
    assert row.state is SubmissionState.CONFLICTED
    bench.unprepared = {}
    bench.turn(60.0)
    assert [given.conflict for given in bench.given] == ["", "/b.json"]
    assert bench.board.task("a").conflict_rounds == 0


def test_what_holds_all_is_one_problem(bench: Bench) -> None:
    bench.unprepared = {"a": COPY, "b": COPY}
    bench.task("a")
    bench.task("b")
    bench.turn()
    bench.turn()
    ((path, _),) = shown(bench)
    assert path == "config.yaml"
    bench.unprepared = {"a": GIT_FOR_ALL, "b": GIT_FOR_ALL}
    bench.turn(30.0)
    ((path, message),) = shown(bench)
    assert path == ""
    assert "git fsck" in message


def test_every_kind_says_what_to_type() -> None:
    for kind in StartFaultKind:
        for own in (False, True):
            fault = StartFault(kind=kind, reason="it failed", own_commit=own)
            assert fault.advice("a")
            assert "{" not in fault.advice("a")
