from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from coworkd.agents import run_event_file
from coworkd.agents.json_codec import ASSIGNMENT_FILE, encode_assignment
from coworkd.agents.port import (
    MACHINE_EXIT,
    AnswerDecision,
    Asked,
    Assignment,
    Ended,
    EndReason,
    InboxAnswer,
    InboxFile,
    Posted,
    TextWritten,
)
from coworkd.agents.worker.inbox import render_answer
from coworkd.agents.worker_main import DAEMON_GONE
from coworkd.core.model import AgentSpec
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.dispatch.executors.port import LOST_MESSAGE, RunEvent
from coworkd.dispatch.executors.worker_servers import WORKER_LOG
from coworkd.system.process import commands
from tests.acceptance.machine.disks import fill, small_disk
from tests.runs import Bell, until
from tests.sessions import PATIENCE, RECORDINGS, SCRIPTS, Session, bash, recorded
from tests.survivors import alive, children, hear, wait_gone

ROOT = str(Path(__file__).parents[3])
BLUE = InboxAnswer(decision=AnswerDecision.REPLY, body="deep blue")


class Lab:
    def __init__(self, patience: float = 10.0) -> None:
        self.bell = Bell()
        self.executor = LocalExecutor(self.bell, kill_timeout=patience)

    def until(self, kind: type[object]) -> list[RunEvent]:
        return until(self.executor, self.bell, lambda found: any(isinstance(item.event, kind) for item in found))

    def run(self, order: Assignment) -> tuple[Ended, str]:
        """Carry out an assignment; its end, and its reply."""
        self.executor.submit(order)
        return self.ended()

    def ended(self) -> tuple[Ended, str]:
        found = [item.event for item in self.until(Ended)]
        (ended,) = [event for event in found if isinstance(event, Ended)]
        self.bell.wait(lambda: not self.executor.alive())
        return ended, "".join(event.text for event in found if isinstance(event, TextWritten))

    def first_words(self) -> str:
        return text_of(self.until(TextWritten))


def text_of(events: list[RunEvent]) -> str:
    """What an agent has written, of all its events so far."""
    return "".join(item.event.text for item in events if isinstance(item.event, TextWritten))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("PYTHONPATH", ROOT)
    lab = Lab()
    yield lab
    lab.executor.close(0.0)


@pytest.fixture
def token() -> str:
    return f"token-{uuid4().hex}"


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.mark.parametrize(
    ("script", "reason", "code", "message"),
    [
        ("true", EndReason.DONE, 0, ""),
        ("exit 75", EndReason.UNAVAILABLE, 75, "exit 75"),
        ("echo no quota >&2; exit 75", EndReason.UNAVAILABLE, 75, "exit 75: no quota"),
        ("echo one >&2; echo two >&2; exit 3", EndReason.FAILED, 3, "exit 3: one\ntwo"),
        ("kill -9 $$", EndReason.FAILED, -9, "ended by SIGKILL"),
    ],
)
def test_the_exit_code_is_the_outcome(
    lab: Lab, tmp_path: Path, *, script: str, reason: EndReason, code: int, message: str
) -> None:
    ended, text = lab.run(bash(tmp_path, script))
    assert (ended.reason, ended.exit_code, ended.message, text) == (reason, code, message, "")


def test_a_program_that_is_not_there(lab: Lab, tmp_path: Path) -> None:
    order = replace(bash(tmp_path, ""), agent=AgentSpec(name="tester", command=("no-such-agent",)))
    ended, _ = lab.run(order)
    assert ended.reason is EndReason.FAILED
    assert "no-such-agent" in ended.message
    assert "agents/tester.md" in ended.message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("script", ["echo words", "true", "exit 3"])
def test_a_full_disk_is_told_by_the_exit_code_where_no_file_can_tell_it(tmp_path: Path, script: str) -> None:
    order = bash(tmp_path, script)
    folder = full_disk(order)
    argv = [sys.executable, "-P", "-m", "coworkd.agents.worker_main", str(folder)]
    with (folder / WORKER_LOG).open("ab") as log:
        worker = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONPATH": ROOT}
        )
        with worker:
            assert worker.wait(PATIENCE) == MACHINE_EXIT


def full_disk(order: Assignment) -> Path:
    """The folder of a run, with its events and its worker's log on a device that takes nothing."""
    folder = Path(order.run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ASSIGNMENT_FILE).write_bytes(encode_assignment(order))
    for name in (run_event_file.EVENTS_FILE, WORKER_LOG):
        (folder / name).symlink_to("/dev/full")
    return folder


def test_an_answer_that_cannot_be_handed_over_ends_the_run_as_the_machine_s_fault(lab: Lab, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2) as disk:
        order = bash(disk, SCRIPTS[Session.ASKS])
        lab.executor.submit(order)
        lab.until(Asked)
        fill(disk)
        lab.executor.answer(order.run, "colour.md", BLUE)
        ended, _ = lab.ended()
        assert ended.reason is EndReason.MACHINE


def test_a_driver_that_is_not_there(lab: Lab, tmp_path: Path) -> None:
    ended, _ = lab.run(replace(bash(tmp_path, ""), agent=AgentSpec(name="tester", driver="telepathy")))
    assert ended.reason is EndReason.FAILED
    assert "telepathy" in ended.message


def test_a_recording_that_cannot_be_read(lab: Lab, tmp_path: Path) -> None:
    ended, _ = lab.run(recorded(tmp_path, [{"say": "hello"}, {"shout": "hello"}]))
    assert ended.reason is EndReason.FAILED
    assert "task.jsonl:3: a step needs exactly one of say, read" in ended.message


def test_the_program_gets_its_prompt_and_its_environment(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("LENT", "lent")
    order = bash(
        tmp_path, "cat; pwd -P; env; cat /proc/$PPID/environ | tr '\\0' '\\n' >&2", conflict="/the/bundle.json"
    )
    order = replace(order, agent=replace(order.agent, env=(("ADDED", "added"),), env_pass=("LENT",)))
    _, text = lab.run(order)
    lines = text.splitlines()
    assert lines[0] == f"Do it.{(tmp_path / 'worktree').resolve()}"
    expected = {
        "COWORK_TASK=task",
        f"COWORK_RUN={order.run}",
        f"COWORK_REPO={order.repo_id}",
        "COWORK_ATTEMPT=1",
        f"COWORK_OUTBOX={tmp_path}/run/outbox",
        f"COWORK_INBOX={tmp_path}/run/inbox",
        "COWORK_CONFLICT=/the/bundle.json",
        f"HOME={tmp_path}/home",
        "ADDED=added",
        "LENT=lent",
    }
    assert expected <= set(lines)
    assert not any(line.startswith(("PYTHONPATH=", "SOME_API_KEY=")) for line in lines)
    assert "secret" not in (tmp_path / "run" / "stderr.log").read_text()


def test_a_prompt_larger_than_a_pipe_that_no_one_reads(lab: Lab, tmp_path: Path) -> None:
    ended, _ = lab.run(bash(tmp_path, "exec 0<&-; echo fine", prompt="x" * 1_000_000))
    assert ended.reason is EndReason.DONE


def test_200_megabytes_are_drained_and_the_cut_is_marked_once(lab: Lab, tmp_path: Path) -> None:
    script = "head -c 200000000 /dev/zero | tr '\\0' x; echo; echo '<promise>DONE</promise>'"
    ended, text = lab.run(bash(tmp_path, script, output_limit=100_000))
    assert ended.reason is EndReason.DONE
    assert len(text) < 100_200
    assert text.count("is cut, but for its end") == 1
    assert text.endswith("<promise>DONE</promise>\n")


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_nothing_survives_a_stopped_run(lab: Lab, tmp_path: Path, token: str, trap: str) -> None:
    children = (
        f"setsid bash -c '{trap}echo up; sleep 1000; : {token}' &"
        f" (setsid env -i /bin/bash -c 'echo up; /bin/sleep 1000; : {token}' &)"
    )
    lab.executor.submit(bash(tmp_path, f"{trap}{children}; echo up; sleep 1000; : {token}"))
    until(lab.executor, lab.bell, lambda found: text_of(found).count("up\n") == 3)
    assert len(alive(token)) >= 3
    lab.executor.cancel(lab.executor.events()[0].run)
    if trap:
        lab.executor.kill(lab.executor.events()[0].run)
    assert lab.ended()[0].reason is EndReason.CANCELLED
    assert alive(token) == []


def test_nothing_survives_a_run_that_is_done(lab: Lab, tmp_path: Path, token: str) -> None:
    script = (
        f"setsid nohup bash -c 'sleep 1000; : {token}' & (env -i setsid /bin/bash -c '/bin/sleep 1000; : {token}' &)"
    )
    ended, text = lab.run(bash(tmp_path, f"{script}; echo done"))
    assert (ended.reason, text) == (EndReason.DONE, "done\n")
    assert alive(token) == []


def test_nothing_survives_a_killed_worker(lab: Lab, tmp_path: Path, token: str) -> None:
    script = f"setsid bash -c 'sleep 1000; : {token}' & echo $PPID; sleep 1000; : {token}"
    lab.executor.submit(bash(tmp_path, script))
    os.kill(int(lab.first_words()), signal.SIGKILL)
    ended, _ = lab.ended()
    assert ended.reason is EndReason.CRASHED
    assert ended.message.startswith(LOST_MESSAGE)
    assert all(wait_gone(pid) for pid in alive(token))


def test_nothing_survives_a_closed_lifeline(tmp_path: Path, token: str, fifo: Path) -> None:
    order = bash(tmp_path, f"trap '' TERM; setsid bash -c 'echo $$ > {fifo}; sleep 1000; : {token}' & wait; : {token}")
    run_dir = Path(order.run_dir)
    run_dir.mkdir()
    (run_dir / ASSIGNMENT_FILE).write_bytes(encode_assignment(order))
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": ROOT}
    worker = commands.spawn(
        (sys.executable, "-P", "-m", "coworkd.agents.worker_main", str(run_dir)), cwd=run_dir, env=env
    )
    assert wait_gone(int(hear(fifo)), 0.0) is False
    worker.stdin.close()
    assert worker.wait(20) == 0
    worker.close()
    found, _ = run_event_file.read(run_dir / run_event_file.EVENTS_FILE, 0)
    assert found[-1].event == Ended(reason=EndReason.CANCELLED, message=DAEMON_GONE, exit_code=-9)
    assert alive(token) == []


def test_a_killed_daemon_leaves_nothing_and_its_run_is_recovered(
    lab: Lab, tmp_path: Path, token: str, fifo: Path
) -> None:
    order = bash(tmp_path, f"echo before; setsid bash -c 'echo $$ > {fifo}; sleep 1000; : {token}' & wait")
    (tmp_path / "order").write_bytes(encode_assignment(order))
    program = (
        "import sys, threading; from pathlib import Path; from coworkd.agents.json_codec import decode_assignment;"
        "from coworkd.dispatch.executors.local import LocalExecutor;"
        "LocalExecutor(lambda: None).submit(decode_assignment(Path(sys.argv[1]).read_bytes()));"
        "threading.Event().wait()"
    )
    daemon = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "order")])
    deep = int(hear(fifo))
    daemon.kill()
    daemon.wait()
    lab.executor.recover(order.run, order.epoch, Path(order.run_dir), 0)
    assert wait_gone(deep, 0.0)
    assert alive(token) == []
    ended, text = lab.ended()
    assert (ended.reason, ended.message, text) == (EndReason.CANCELLED, DAEMON_GONE, "before\n")


def test_a_torn_log_is_recovered_from_where_it_was_committed(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / run_event_file.EVENTS_FILE
    writer = run_event_file.EventWriter(log)
    writer.append(TextWritten(text="committed"))
    committed = run_event_file.size(log)
    writer.append(TextWritten(text="not committed"))
    with log.open("ab") as file:
        file.write(b'{"type": "TextWri')
    lab.executor.recover("torn", 1, tmp_path, committed)
    ended, text = lab.ended()
    assert (ended.reason, ended.message, text) == (EndReason.CRASHED, LOST_MESSAGE, "not committed")


@pytest.mark.parametrize(
    ("timeout", "stall", "script", "reason"),
    [
        (0.3, 60.0, "while true; do echo busy; sleep 0.05; done", EndReason.TIMED_OUT),
        (60.0, 0.3, "echo once; sleep 1000", EndReason.STALLED),
    ],
)
def test_the_clocks_of_a_run(
    lab: Lab, tmp_path: Path, *, timeout: float, stall: float, script: str, reason: EndReason
) -> None:
    ended, text = lab.run(bash(tmp_path, script, timeout=timeout, stall=stall))
    assert ended.reason is reason
    assert text


@pytest.mark.parametrize("driver", ["command", "replay"])
def test_the_clocks_stand_still_while_a_person_is_asked(lab: Lab, tmp_path: Path, driver: str) -> None:
    if driver == "command":
        order = bash(tmp_path, SCRIPTS[Session.ASKS])
    else:
        order = recorded(tmp_path, RECORDINGS[Session.ASKS])
    lab.executor.submit(replace(order, timeout=1.0, stall=1.0))
    lab.until(Asked)
    subprocess.run(["sleep", "1.5"], check=True)
    lab.executor.answer(order.run, "colour.md", BLUE)
    ended, text = lab.ended()
    assert ended.reason is EndReason.DONE
    assert "deep blue" in text


def test_a_question_is_answered_by_the_next_start(lab: Lab, tmp_path: Path) -> None:
    script = (
        'if [ -e "$COWORK_INBOX/colour.md" ]; then cat "$COWORK_INBOX/colour.md"; exit 0; fi; '
        "printf -- '---\\nkind: question\\n---\\nWhich colour?\\n' > $COWORK_OUTBOX/colour.md; exit 75"
    )
    order = bash(tmp_path, script)
    lab.executor.submit(order)
    first = lab.until(Ended)
    assert [type(item.event) for item in first] == [Asked, Ended]
    lab.executor.commit(order.run, first[-1].offset)
    given = InboxFile(name="colour.md", text=render_answer(BLUE))
    lab.executor.submit(replace(order, epoch=2, inbox=(given,)))
    second = [item.event for item in lab.until(Ended)]
    assert [type(event) for event in second] == [TextWritten, Ended]
    assert isinstance(second[0], TextWritten)
    assert second[0].text == "---\nanswer: reply\n---\ndeep blue"


def test_a_question_that_was_not_answered_is_asked_again_by_the_next_start(lab: Lab, tmp_path: Path) -> None:
    order = bash(tmp_path, "printf -- '---\\nkind: question\\n---\\nWhich?\\n' > $COWORK_OUTBOX/colour.md; exit 75")
    lab.executor.submit(order)
    first = lab.until(Ended)
    lab.executor.commit(order.run, first[-1].offset)
    lab.executor.submit(replace(order, epoch=2))
    assert [type(item.event) for item in lab.until(Ended)] == [Asked, Ended]


def test_messages_reach_the_inbox_under_their_names(lab: Lab, tmp_path: Path) -> None:
    script = 'echo up; while [ ! -e "$COWORK_INBOX/note.md" ]; do sleep 0.02; done; cat "$COWORK_INBOX/note.md"'
    lab.executor.submit(bash(tmp_path, script))
    lab.first_words()
    run = lab.executor.events()[0].run
    assert lab.executor.deliver(run, "../outside.md", "no")
    assert lab.executor.deliver(run, "note.md", "By the way: ä.")
    assert lab.ended()[1] == "up\nBy the way: ä."
    assert not (tmp_path / "run" / "outside.md").exists()


def test_outbox_files_become_messages(lab: Lab, tmp_path: Path) -> None:
    script = (
        "cd $COWORK_OUTBOX; echo first > a.md; printf '\\377' > b.md; ln -s /etc/passwd c.md; mkfifo d.md; "
        "mkdir e.md; echo hidden > .f.md; echo other > g.txt; head -c 300000 /dev/zero > h.md"
    )
    lab.executor.submit(bash(tmp_path, script))
    posted = {item.event.name: item.event.text for item in lab.until(Ended) if isinstance(item.event, Posted)}
    assert posted.pop("a.md") == "first\n"
    assert posted.keys() == {"b.md", "c.md", "d.md", "e.md", "h.md"}
    assert all("was not taken" in text for text in posted.values())
    assert "root:" not in posted["c.md"]


def test_a_worker_that_does_not_listen_does_not_hold_up_the_daemon(lab: Lab, tmp_path: Path) -> None:
    lab.executor.submit(bash(tmp_path, "echo $PPID; while [ ! -e $COWORK_INBOX/9.md ]; do sleep 0.02; done"))
    worker = int(lab.first_words())
    os.kill(worker, signal.SIGSTOP)
    run = lab.executor.events()[0].run
    for number in range(10):
        assert lab.executor.deliver(run, f"{number}.md", "x" * 100_000)
    os.kill(worker, signal.SIGCONT)
    assert lab.ended()[0].reason is EndReason.DONE
    assert (tmp_path / "run" / "inbox" / "9.md").stat().st_size == 100_000


def test_a_worker_that_does_not_listen_is_killed_with_its_run(
    tmp_path: Path, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", ROOT)
    lab = Lab(patience=0.2)
    lab.executor.submit(bash(tmp_path, f"echo $PPID; sleep 1000; : {token}"))
    os.kill(int(lab.first_words()), signal.SIGSTOP)
    lab.executor.kill(lab.executor.events()[0].run)
    assert lab.ended()[0].reason is EndReason.CRASHED
    assert all(wait_gone(pid) for pid in alive(token))
    lab.executor.close(0.0)


def test_words_for_the_next_start_reach_it(lab: Lab, tmp_path: Path) -> None:
    order = bash(tmp_path, SCRIPTS[Session.ASKS])
    lab.executor.submit(order)
    lab.until(Asked)
    lab.executor.cancel(order.run)
    lab.executor.submit(replace(order, epoch=2))
    assert lab.executor.answer(order.run, "colour.md", BLUE)
    found = until(lab.executor, lab.bell, lambda found: sum(isinstance(item.event, Ended) for item in found) == 2)
    assert [item.event.reason for item in found if isinstance(item.event, Ended)] == [
        EndReason.CANCELLED,
        EndReason.DONE,
    ]


def test_workers_leave_no_open_files_and_no_zombies(lab: Lab, tmp_path: Path) -> None:
    order = bash(tmp_path, "true")
    lab.run(order)
    lab.executor.commit(order.run, lab.executor.events()[-1].offset)
    others = children()
    before = sorted(os.listdir("/proc/self/fd"))
    for epoch in (2, 3):
        lab.run(replace(order, epoch=epoch))
        lab.executor.commit(order.run, lab.executor.events()[-1].offset)
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert children() <= others


def test_a_double_forking_agent_collects_no_zombies(lab: Lab, tmp_path: Path) -> None:
    script = (
        "for i in 1 2 3 4 5; do (true &); done; sleep 0.1; (true &); sleep 0.2; "
        "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | while read f; do "
        'grep -q "^PPid:.$PPID$" $f && echo zombie; done; exit 0'
    )
    assert lab.run(bash(tmp_path, script))[1] == ""
