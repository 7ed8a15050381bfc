from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.board.approvals.answer_channel import AnswerChannel, answer_channel
from coworkd.board.approvals.answers import submitted_answer
from coworkd.board.task_board import Board
from coworkd.core.announcement import Announcement
from coworkd.core.errors import RepoError
from coworkd.core.model import Status
from coworkd.daemon.control_requests import CommandJobs, Control
from coworkd.daemon.resolution_jobs import ResolutionJobs
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from coworkd.sync.disk.folder import digest
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.sync.file_trust import FileTrust, trust_request
from coworkd.system.background_jobs import Jobs
from coworkd.system.control_socket import ControlReply, ControlRequest, Op
from tests.integration.workspacekit import TASK, Workspace

READY = "---\nstatus: ready\n---\nDo it.\n"
THEIRS = "---\nstatus: running\ncowork: {id: a, rev: 3, by: bob-7777}\n---\nDo it.\n"


class Desk:
    """A control and what it was told to do."""

    def __init__(self, place: Workspace, landing: LandedInTarget | TargetRefused | RepoError) -> None:
        self.place = place
        self.jobs = Jobs(lambda: None)
        board = Board(place.db, place.intake)
        self.vouched: list[str] = []
        vouching = FileTrust(place.db, lambda: "c1", self.vouched.append)
        resolutions = ResolutionJobs(place.root, place.root / "state")
        commands = CommandJobs(land=lambda _onto: self._land, resolutions=resolutions)
        self.control = Control(board, vouching, place.engine, self.jobs, commands, "anna-0001")
        self._landing = landing

    def _land(self) -> LandedInTarget | TargetRefused:
        if isinstance(self._landing, RepoError):
            raise self._landing
        return self._landing

    def ask(self, op: Op, subject: str = "") -> ControlRequest:
        request = ControlRequest(op=op, subject=subject)
        self.control.answer(request, self.place.now)
        while op is Op.TRUST and self.jobs.busy():
            self.jobs.settle(self.place.now)
        self.control.settle(request)
        return request


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def desk(place: Workspace) -> Desk:
    return Desk(place, LandedInTarget(commit="8c1f2ab00000aaaa", moved=True))


def test_looking_and_stopping(desk: Desk) -> None:
    assert desk.ask(Op.SYNC).wait(0) == ControlReply(ok=True)
    assert desk.ask(Op.STOP).wait(0) == ControlReply(ok=True)


def test_a_command_does_not_wait_for_quiet(place: Workspace, desk: Desk) -> None:
    place.save(READY)
    desk.ask(Op.INGEST_NOW, TASK)
    assert (place.task().requested_status, place.task().request_due_at) == ("ready", place.now)
    place.save("Use blue.\n", "messages/a/1.md")
    desk.ask(Op.INGEST_NOW, "messages/a/1.md")
    assert place.db.scalar("SELECT due FROM messages") == place.now
    desk.ask(Op.INGEST_NOW, "not/a/document.txt")


def announced(path: str, text: str, *, on_terminal: bool = False) -> str:
    return Announcement(path=path, sha=digest(text.encode()), on_terminal=on_terminal).text()


def test_what_a_command_announced_counts_as_said_by_it_whoever_sees_it_first(place: Workspace, desk: Desk) -> None:
    assert desk.ask(Op.ANNOUNCE, announced(TASK, READY)).wait(0).ok
    place.save(READY)
    place.turn()
    assert answer_channel(place.db, TASK) is AnswerChannel.COMMAND, "before the command had another word"
    desk.ask(Op.INGEST_NOW, TASK)
    assert answer_channel(place.db, TASK) is AnswerChannel.COMMAND
    place.save(READY.replace("ready", "paused"))
    place.turn()
    assert answer_channel(place.db, TASK) is AnswerChannel.FILE


def test_an_announcement_takes_nothing_from_what_the_file_says_now(place: Workspace, desk: Desk) -> None:
    place.save(READY)
    desk.ask(Op.INGEST_NOW, TASK)
    desk.ask(Op.ANNOUNCE, announced(TASK, READY.replace("ready", "paused")))
    assert answer_channel(place.db, TASK) is AnswerChannel.COMMAND


@pytest.mark.parametrize("on_terminal", [True, False])
def test_an_announced_answer_was_given_on_a_terminal_from_the_first_sight(
    place: Workspace, desk: Desk, on_terminal: bool
) -> None:
    review, path = "---\napproval: approved\n---\n", "reviews/a.md"
    place.past.foreign.add(review.encode())
    desk.ask(Op.ANNOUNCE, announced(path, review, on_terminal=on_terminal))
    place.save(review, path)
    place.turn()
    given = submitted_answer(place.db, path)
    assert (given.on_terminal, given.pulled) == (on_terminal, False)


@pytest.mark.parametrize("text", ["", "[]", "null", '["a"]', "{", '{"a": 1, "b": 2, "c": 3, "d": 4}'])
def test_an_announcement_that_is_none_is_refused(desk: Desk, text: str) -> None:
    assert not desk.ask(Op.ANNOUNCE, text).wait(0).ok


def test_a_pulled_task_is_made_ours(place: Workspace, desk: Desk) -> None:
    place.past.foreign.add(READY.encode())
    place.save(READY)
    place.turns()
    desk.ask(Op.READY, "a")
    assert not place.task().from_git
    assert not place.document().from_git
    assert EffectiveSpecs(place.db).bytes_in_force(TASK) == READY.encode()
    desk.ask(Op.READY, "no-such-task")


def test_a_task_of_another_instance_is_taken_paused(place: Workspace, desk: Desk) -> None:
    place.save(THEIRS)
    place.turns()
    assert place.task().owned_elsewhere
    desk.ask(Op.TAKE_OVER, "a")
    row = place.task()
    assert (row.status, row.by, row.owned_elsewhere) == (Status.PAUSED, "anna-0001", False)
    assert row.reason == "taken over from bob-7777"
    place.turns()
    assert "by: anna-0001" in place.text()
    assert "status: paused" in place.text()


def test_what_came_by_git_counts_once_trusted(place: Workspace, desk: Desk) -> None:
    agent = "---\ndriver: command\ncommand: [x]\n---\n"
    place.past.foreign.add(agent.encode())
    place.save(agent, "agents/x.md")
    place.turns()
    assert EffectiveSpecs(place.db).agent("x") is None
    desk.ask(Op.TRUST)
    assert EffectiveSpecs(place.db).agent("x") is not None
    assert desk.vouched == ["c1"]


def test_only_what_was_shown_is_trusted(place: Workspace, desk: Desk) -> None:
    agent = "---\ndriver: command\ncommand: [x]\n---\n"
    task = "---\nstatus: ready\nverify: [make]\n---\nDo it.\n\n- [ ] quick (verify: ./try)\n"
    place.past.foreign.update({agent.encode(), task.encode(), agent.replace("x", "rm").encode()})
    place.save(agent, "agents/x.md")
    place.save(task)
    place.turns()
    shown = trust_request(place.db)
    assert [(key.path, key.line, key.key, key.value) for key in shown.keys] == [
        ("agents/x.md", 2, "driver", "command"), ("agents/x.md", 3, "command", "[x]"),
        (TASK, 3, "verify", "[make]"), (TASK, 7, "verify", "./try"),
    ]  # fmt: skip
    place.save(agent.replace("x", "rm"), "agents/x.md")
    place.turns()
    assert "has changed" in desk.ask(Op.TRUST, shown.token).wait(0).text
    assert EffectiveSpecs(place.db).agent("x") is None
    assert desk.ask(Op.TRUST, trust_request(place.db).token).wait(0).ok
    assert EffectiveSpecs(place.db).agent("x") is not None
    assert EffectiveSpecs(place.db).task(TASK).verify == ("make",)
    assert trust_request(place.db).keys == ()
    assert place.task().from_git, "trusting a task's commands does not start it"


def test_nothing_lands_in_a_repository_that_is_not_trusted(place: Workspace, desk: Desk) -> None:
    place.db.state.set_untrusted("nothing runs here yet", place.now)
    assert desk.ask(Op.LAND).wait(0) == ControlReply(ok=False, text="nothing runs here yet")
    desk.ask(Op.TRUST)
    assert place.db.state.untrusted_reason == ""


@pytest.mark.parametrize(
    ("landing", "reply"),
    [
        (LandedInTarget(commit="8c1f2ab00000aaaa", moved=True), ControlReply(ok=True, text="landed 8c1f2ab00000")),
        (TargetRefused(reason="the tree is dirty"), ControlReply(ok=False, text="the tree is dirty")),
    ],
)
def test_a_landing_is_answered_when_its_job_is_over(
    place: Workspace, landing: LandedInTarget | TargetRefused, reply: ControlReply
) -> None:
    desk = Desk(place, landing)
    first, second = desk.ask(Op.LAND), desk.ask(Op.LAND)
    assert not first.answered
    desk.jobs.close()
    desk.jobs.settle(1.0)
    assert first.wait(0) == second.wait(0) == reply


def test_a_landing_that_breaks_is_told_and_may_be_asked_for_again_at_once(place: Workspace) -> None:
    desk = Desk(place, RepoError("no such branch"))
    for _ in range(2):
        request = desk.ask(Op.LAND)
        while desk.jobs.busy():
            desk.jobs.settle(1.0)
        assert request.wait(0) == ControlReply(ok=False, text="no such branch")
    desk.jobs.close()
