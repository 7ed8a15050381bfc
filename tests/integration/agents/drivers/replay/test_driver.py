from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from coworkd.agents.drivers.replay.driver import ReplayAgent
from coworkd.agents.port import (
    AnswerDecision,
    Asked,
    Assignment,
    Ended,
    EndReason,
    InboxAnswer,
    InboxFile,
    TextWritten,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.agents.worker.inbox import render_answer
from coworkd.core.errors import AgentError
from coworkd.core.model import AgentSpec, Usage
from tests.sessions import Following, recorded
from tests.survivors import alive, hear

BLUE = InboxAnswer(decision=AnswerDecision.REPLY, body="blue\n")


def play(order: Assignment) -> Following:
    """Carry out a recording that asks nothing, to its end."""
    run = Following(ReplayAgent(), order)
    run.end()
    return run


def ended(run: Following) -> Ended:
    (end,) = [event for event in run.seen if isinstance(event, Ended)]
    return end


def worktree(order: Assignment) -> Path:
    return Path(order.worktree)


def test_files_are_written_edited_and_read(tmp_path: Path) -> None:
    steps: list[object] = [
        {"write": "src/a.txt", "text": "one\r\ntwo\n"},
        {"edit": "src/a.txt", "old": "two", "new": "2"},
        {"read": "src/a.txt"},
        {"read": "absent.txt"},
    ]
    order = recorded(tmp_path, steps)
    run = play(order)
    assert ended(run).reason is EndReason.DONE
    assert (worktree(order) / "src/a.txt").read_bytes() == b"one\r\n2\n"
    started = [(event.tool, event.summary) for event in run.seen if isinstance(event, ToolStarted)]
    assert started == [("write", "src/a.txt"), ("edit", "src/a.txt"), ("read", "src/a.txt"), ("read", "absent.txt")]
    results = [(event.call, event.ok) for event in run.seen if isinstance(event, ToolEnded)]
    assert results == [("1", True), ("2", True), ("3", True), ("4", False)]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"write": "../out.txt", "text": ""}, "does not lie in the worktree"),
        ({"write": "/tmp/out.txt", "text": ""}, "does not lie in the worktree"),
        ({"write": "link/out.txt", "text": ""}, "does not lie in the worktree"),
        ({"read": "."}, "does not lie in the worktree"),
        ({"edit": "a.txt", "old": "x", "new": "y"}, "'x' is there 0 times"),
        ({"edit": "a.txt", "old": "a", "new": "y"}, "'a' is there 2 times"),
        ({"edit": "absent.txt", "old": "a", "new": "y"}, "cannot edit absent.txt"),
        ({"write": "a.txt/b", "text": ""}, "cannot write a.txt/b"),
        ({"run": "exit 3", "expect": 0}, "`exit 3` ended with 3, recorded was 0"),
    ],
)
def test_what_cannot_be_done_as_recorded_fails(tmp_path: Path, step: dict[str, str], message: str) -> None:
    order = recorded(tmp_path, [step, {"say": "never said"}])
    (worktree(order) / "a.txt").write_text("aa")
    (worktree(order) / "link").symlink_to(tmp_path)
    run = play(order)
    assert ended(run).reason is EndReason.FAILED
    assert message in ended(run).message
    assert run.text() == ""
    assert not (tmp_path / "out.txt").exists()


def test_commands_are_really_run(tmp_path: Path) -> None:
    order = recorded(tmp_path, [{"run": "echo $COWORK_RUN; pwd -P; exit 3", "expect": 3}, {"run": "false"}])
    run = play(order)
    assert ended(run).reason is EndReason.DONE
    first, second = [event for event in run.seen if isinstance(event, ToolEnded)]
    assert first.output == f"{order.run}\n{worktree(order).resolve()}\n"
    assert (first.ok, second.ok) == (False, False)


def test_a_commit_has_an_author_without_any_configuration(tmp_path: Path) -> None:
    order = recorded(tmp_path, [{"write": "a.txt", "text": "a"}, {"commit": "Add a"}])
    subprocess.run(["git", "init", "--quiet", order.worktree], check=True)
    assert ended(play(order)).reason is EndReason.DONE
    log = subprocess.run(
        ["git", "-C", order.worktree, "log", "--format=%an %ae %s"], capture_output=True, text=True, check=True
    )
    assert log.stdout == "tester tester@agents.invalid Add a\n"


def test_answers_of_an_earlier_start_are_not_asked_again(tmp_path: Path) -> None:
    steps: list[object] = [
        {"ask": "Which colour?", "name": "colour.md"},
        {"write": "colour.txt", "text": "{{answer:colour.md}}"},
    ]
    given = InboxFile(name="colour.md", text=render_answer(BLUE))
    order = recorded(tmp_path, steps, inbox=(InboxFile(name="note.md", text="Hello."), given))
    run = play(order)
    assert not any(isinstance(event, Asked) for event in run.seen)
    assert (worktree(order) / "colour.txt").read_text() == "blue"


def test_usage_is_told(tmp_path: Path) -> None:
    run = play(recorded(tmp_path, [{"usage": {"input": 10, "cached": 4, "output": 2}}]))
    (event,) = [event for event in run.seen if isinstance(event, UsageReported)]
    assert event.usage == Usage(input_tokens=10, cached_tokens=4, output_tokens=2, cost_usd=None)


def test_a_recorded_end_is_the_end(tmp_path: Path) -> None:
    run = play(recorded(tmp_path, [{"end": "failed", "message": "gave up"}, {"say": "never said"}]))
    assert ended(run) == Ended(reason=EndReason.FAILED, message="gave up")
    assert run.text() == ""


def test_pauses_go_as_fast_as_wanted(tmp_path: Path) -> None:
    agent = AgentSpec(name="tester", env=(("COWORK_REPLAY_SPEED", "100000"),))
    run = play(recorded(tmp_path, [{"pause": 5000}, {"say": "awake"}], agent=agent))
    assert run.text() == "awake\n\n"


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan"])
def test_a_speed_that_is_none(tmp_path: Path, speed: str) -> None:
    agent = AgentSpec(name="tester", env=(("COWORK_REPLAY_SPEED", speed),))
    with pytest.raises(AgentError, match="COWORK_REPLAY_SPEED"):
        ReplayAgent().start(recorded(tmp_path, [], agent=agent), None)


def test_a_recording_that_is_not_there(tmp_path: Path) -> None:
    order = recorded(tmp_path, [])
    (tmp_path / "recordings" / "task.jsonl").unlink()
    with pytest.raises(AgentError, match="cannot be read"):
        ReplayAgent().start(order, None)


@pytest.mark.parametrize(
    ("timeout", "stall", "step", "reason"),
    [
        (0.2, 60.0, {"run": "sleep 1000"}, EndReason.TIMED_OUT),
        (0.2, 60.0, {"pause": 1000}, EndReason.TIMED_OUT),
        (60.0, 0.2, {"pause": 1000}, EndReason.STALLED),
    ],
)
def test_time_is_limited(tmp_path: Path, *, timeout: float, stall: float, step: object, reason: EndReason) -> None:
    run = play(replace(recorded(tmp_path, [{"say": "up"}, step]), timeout=timeout, stall=stall))
    assert ended(run).reason is reason
    assert run.text() == "up\n\n"


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_a_stopped_command_leaves_nothing(tmp_path: Path, how: str) -> None:
    token = f"token-{uuid4().hex}"
    os.mkfifo(tmp_path / "fifo")
    command = f"setsid bash -c 'sleep 1000; : {token}' & echo up > {tmp_path}/fifo; wait; : {token}"
    run = Following(ReplayAgent(), recorded(tmp_path, [{"say": "up"}, {"run": command}]))
    run.until(TextWritten)
    hear(tmp_path / "fifo")
    assert alive(token)
    (run.agent.cancel if how == "cancel" else run.agent.kill)()
    assert run.end().reason is EndReason.CANCELLED
    assert alive(token) == []
