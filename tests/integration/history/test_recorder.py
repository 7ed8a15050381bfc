"""One record per finished run: written once, and enough to rebuild what a lost database knew."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from coworkd.core.model import MessageKind, Status
from coworkd.core.runs import AgentStart, AnyRunState, EndedState, RunReason, RunSlot, RunUsage, WorkingState
from coworkd.history.recorder import RecordOwner, RunRecorder
from coworkd.store import (
    MessageRow,
    MessageStage,
    RequestKind,
    RequestRow,
    RequestState,
    RunRow,
    RunState,
    SubmissionRow,
    SubmissionState,
    TaskRow,
)
from coworkd.store.runs import update_run
from tests.integration.workspacekit import Workspace

MESSAGE = "messages/a/1.md"
ENDED = 1_700_000_060.0
RECORD = "log/2023-11/r1.json"


def run(state: AnyRunState | None = None, **columns: object) -> RunRow:
    row = RunRow(
        id="r1", task="a", attempt=1, agent="scribe", started=ENDED - 60,
        state=EndedState(at=ENDED, reason=RunReason.DONE) if state is None else state, slot=RunSlot(number=1, base="b0"), start=AgentStart(epoch=1, sandbox_level="none"),
        usage=RunUsage(input_tokens=100, output_tokens=10, cost_usd=0.5),
    )  # fmt: skip
    return dataclasses.replace(row, **columns)


REQUEST = RequestRow(
    id="q1", task="a", run="r1", kind=RequestKind.TOOL, name="n", path="approvals/a-1.md", state=RequestState.USED,
    answer="approved", comment="", text="May I?", created=ENDED - 30, number=0, tool="run", arguments="ls",
    answered_by="terminal",
)  # fmt: skip
SUBMISSION = SubmissionRow(
    task="a", number=1, run="r1", attempt=1, commit_id="c1", tree="t1", base="b0", state=SubmissionState.GREEN,
    candidate="", candidate_tree="", verified_on="", checks='[{"command": "true", "exit": 0, "seconds": 1.0}]', request="",
    created=ENDED, message="", needs_approval=True, approved=False, landing="", text_sha="", bundle="",
)  # fmt: skip


class Place(Workspace):
    def open(self) -> None:
        super().open()
        self.ledger = self.kept_by("anna-0001", b"k" * 32)

    def kept_by(self, instance: str, key: bytes) -> RunRecorder:
        return RunRecorder(self.db, self.folder, self.writer, RecordOwner(instance=instance, key=key, folder=self.root))

    def lose_database(self) -> None:
        self.db.close()
        for file in self.database.parent.glob("state.db*"):
            file.unlink()
        self.open()
        self.ledger.ingest_records(self.now)
        self.turns()

    def runs(self) -> list[RunRow]:
        return self.db.all(RunRow)

    def message(self) -> MessageRow:
        found = self.db.one(MessageRow, "path = ?", MESSAGE)
        assert found is not None
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.save("---\nstatus: draft\n---\nDo it.\n")
    made.save("Use blue.\n", MESSAGE)
    made.turns()
    return made


def finish(place: Place, *rows: object) -> None:
    for row in (run(), REQUEST, *rows):
        place.db.put(row)
    place.db.set(MessageRow, MESSAGE, stage=MessageStage.DELIVERED, run="r1")
    place.ledger.step(place.now)


def test_a_finished_run_is_recorded_once(place: Place) -> None:
    finish(place, SUBMISSION)
    told = json.loads(place.text(RECORD))
    assert (told["run"], told["cost_usd"], told["submission"]["commit"]) == ("r1", 0.5, "c1")
    assert [(d["request"], d["tool"], d["answer"], d["by"]) for d in told["decisions"]] == [
        ("q1", "run", "approved", "terminal")
    ]
    assert [receipt["path"] for receipt in told["receipts"]] == [MESSAGE]
    assert [check["command"] for check in told["checks"]] == ["true"]
    before = place.files()
    update_run(place.db, "r1", usage=RunUsage(cost_usd=9.0))
    for _ in range(3):
        place.ledger.step(place.now)
    assert place.files() == before


def test_a_run_waits_for_its_evidence(place: Place) -> None:
    finish(place, dataclasses.replace(SUBMISSION, state=SubmissionState.QUEUED, checks="[]"))
    assert RECORD not in place.files()
    place.db.put(SUBMISSION)
    place.ledger.step(place.now)
    assert RECORD in place.files()


def test_nothing_is_put_onto_a_branch_without_the_task(place: Place) -> None:
    place.past.listed = {"tasks/a.md"}
    place.delete()
    place.turns()
    finish(place)
    assert RECORD not in place.files()
    place.save("---\nstatus: draft\n---\nDo it.\n")
    place.turns()
    place.ledger.step(place.now)
    assert RECORD in place.files()


def test_what_stands_in_its_place_is_left_alone(place: Place) -> None:
    place.save("mine", RECORD)
    finish(place)
    assert place.text(RECORD) == "mine"
    assert "another file stands" in place.problems(RECORD)["write"]
    place.delete(RECORD)
    place.ledger.step(place.now + 10)
    assert json.loads(place.text(RECORD))["run"] == "r1"
    assert place.problems(RECORD) == {}


def test_a_crash_between_composing_and_writing(place: Place) -> None:
    place.db.put(run())
    (place.root / "log").write_text("no folder can be made here")
    place.ledger.step(place.now)
    place.restart()
    (place.root / "log").unlink()
    place.ledger.step(place.now)
    assert json.loads(place.text(RECORD))["run"] == "r1"


def test_a_lost_database_gets_back_what_only_the_records_know(place: Place) -> None:
    finish(place, SUBMISSION)
    place.move(status=Status.PAUSED, attempt=1)
    place.turns()
    place.lose_database()
    assert [(r.id, r.usage.cost_usd) for r in place.runs()] == [("r1", 0.5)]
    assert place.runs()[0].state == EndedState(at=ENDED, reason=RunReason.DONE, recorded=True)
    assert place.task().cost_usd == 0.5
    assert place.db.scalar("SELECT sum(cost_usd) FROM usages WHERE at > ?", ENDED - 1) == 0.5
    assert (place.message().stage, place.message().run) == (MessageStage.DELIVERED, "r1")
    assert "run: r1" in place.text(MESSAGE)
    request = place.db.one(RequestRow, "id = 'q1'")
    assert request is not None
    assert request.state is RequestState.USED
    place.ledger.step(place.now)
    place.ledger.ingest_records(place.now)
    assert len(place.runs()) == 1
    assert [name for name in place.files() if name.startswith("log/")] == [RECORD]


def test_another_text_in_the_same_place_was_not_delivered(place: Place) -> None:
    finish(place)
    place.save("Use red.\n", MESSAGE)
    place.lose_database()
    assert place.message().stage is MessageStage.NEW


@pytest.mark.parametrize("how", ["theirs", "changed", "another key"])
def test_what_this_instance_did_not_seal_gives_nothing_back(place: Place, how: str) -> None:
    finish(place)
    if how == "changed":
        place.save(place.text(RECORD).replace("0.5", "0.1"), RECORD)
    place.lose_database()  # the control: by itself the record would have given back its run
    assert len(place.runs()) == (0 if how == "changed" else 1)
    if how != "changed":
        place.db.execute("DELETE FROM runs")
        place.db.execute("DELETE FROM records")
        other = place.kept_by("bob-7777", b"k" * 32) if how == "theirs" else place.kept_by("anna-0001", b"z" * 32)
        other.ingest_records(place.now)
        assert place.runs() == []
    assert [row["own"] for row in place.db.query("SELECT own FROM records")] == [0]


def test_of_changed_files_the_records_alone_are_taken_in(place: Place) -> None:
    finish(place)
    place.db.execute("DELETE FROM records")
    place.ledger.ingest_records_at({"tasks/a.md", "log/2027-01/other.txt"}, place.now)
    assert place.db.query("SELECT path FROM records") == []
    place.ledger.ingest_records_at({"tasks/a.md", RECORD}, place.now)
    assert [row["path"] for row in place.db.query("SELECT path FROM records")] == [RECORD]


def test_a_file_that_is_no_record_is_a_problem_until_it_is_one(place: Place) -> None:
    finish(place)
    whole = place.text(RECORD)
    place.db.execute("DELETE FROM records")
    place.save(whole[:40], RECORD)
    place.ledger.ingest_records(place.now)
    assert "no record" in place.problems(RECORD)["record"]
    place.save(whole, RECORD)
    place.ledger.ingest_records(place.now)
    assert place.problems(RECORD) == {}


def test_an_older_database_does_not_run_again_what_is_over(place: Place) -> None:
    finish(place)
    place.db.execute("DELETE FROM records")
    place.db.put(run(WorkingState(), usage=RunUsage(input_tokens=100, output_tokens=10)))
    place.db.set(TaskRow, "a", status=Status.RUNNING, attempt=1)
    place.db.put(dataclasses.replace(place.message(), stage=MessageStage.NEW, run="", kind=MessageKind.REPLY))
    place.ledger.ingest_records(place.now)
    assert [(r.state.kind, r.usage.cost_usd) for r in place.runs()] == [(RunState.ENDED, 0.5)]
    assert place.task().status is Status.PAUSED
    assert "older database" in place.task().reason
    assert place.message().stage is MessageStage.DELIVERED
