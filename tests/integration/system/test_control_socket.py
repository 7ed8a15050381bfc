from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.system.control_client import ControlClient, NoAnswerError, Patience
from coworkd.system.control_socket import ControlReply, ControlRequest, ControlSocket, Op
from coworkd.system.process_state import ProcessState, process_state


def ask(path: Path, op: Op, subject: str = "") -> ControlReply | None:
    return ControlClient([path], path.with_name("pid"), lambda _: None).ask(op, subject)


class Writer:
    """Stands for the writer thread: answers each request with what it was asked."""

    def __init__(self, path: Path) -> None:
        self.bell = threading.Semaphore(0)
        self.door = ControlSocket([path], self.bell.release)
        assert not self.door.start()
        self.seen: list[ControlRequest] = []
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while self.bell.acquire():
            for request in self.door.take_requests():
                if request.op is Op.STOP:
                    request.answer(ControlReply(ok=True, text="stopped"))
                    return
                self.seen.append(request)
                assert request.begin()
                request.answer(ControlReply(ok=request.op is not Op.LAND, text=request.subject))

    def end(self) -> None:
        self.door.put(ControlRequest(op=Op.STOP))
        self.bell.release()
        self._thread.join()
        self.door.close()


@pytest.fixture(params=["short", "d" * 120])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / request.param
    folder.mkdir()
    return folder / "socket"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    made = Writer(path)
    yield made
    made.end()


def test_a_request_and_its_reply(path: Path, writer: Writer) -> None:
    assert ask(path, Op.INGEST_NOW, "tasks/\u00e9.md") == ControlReply(ok=True, text="tasks/\u00e9.md")
    assert ask(path, Op.LAND) == ControlReply(ok=False, text="")
    assert [request.op for request in writer.seen] == [Op.INGEST_NOW, Op.LAND]


def test_only_its_owner_may_ask(path: Path, writer: Writer) -> None:
    assert writer.seen == []
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"not json\n",
        b"[1]\n",
        b"7\n",
        b'{"op": "explode"}\n',
        b'{"op": []}\n',
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"x" * 70_000,
    ],
    ids=lambda line: repr(line[:10]),
)
def test_garbage_is_answered_and_harms_no_one(tmp_path: Path, line: bytes) -> None:
    writer = Writer(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "socket"))
        connection.sendall(line)
        said = json.loads(connection.makefile().readline())
    assert said == {"ok": False, "text": "not a request that this coworkd knows"}
    assert ask(tmp_path / "socket", Op.SYNC) == ControlReply(ok=True, text="")
    writer.end()


def test_no_one_listens(tmp_path: Path) -> None:
    assert ask(tmp_path / "socket", Op.SYNC) is None
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "socket"))
    assert ask(tmp_path / "socket", Op.SYNC) is None, "a killed daemon leaves its socket"
    writer = Writer(tmp_path / "socket")
    assert ask(tmp_path / "socket", Op.SYNC) == ControlReply(ok=True, text="")
    writer.end()
    assert not os.path.lexists(tmp_path / "socket")


def test_a_busy_daemon_is_waited_for_and_that_is_said(tmp_path: Path) -> None:
    said = queue.SimpleQueue[str]()
    door = ControlSocket([tmp_path / "socket"], lambda: None)
    door.start()

    def work() -> None:
        said.get()
        for request in door.take_requests():
            assert request.begin()
            request.answer(ControlReply(ok=True, text="late"))

    writer = threading.Thread(target=work)
    writer.start()
    client = ControlClient([tmp_path / "socket"], tmp_path / "pid", said.put, Patience(silence=0.8, acting=60.0))
    assert client.ask(Op.INGEST_NOW, "a") == ControlReply(ok=True, text="late")
    writer.join()
    door.close()


@pytest.mark.parametrize("op", [Op.INGEST_NOW, Op.STOP, Op.LAND, Op.SYNC])
def test_a_request_that_was_given_up_is_never_carried_out(tmp_path: Path, op: Op) -> None:
    door = ControlSocket([tmp_path / "socket"], lambda: None)
    door.start()
    patience = Patience(silence=0.5, looking=0.1, acting=0.1)
    with pytest.raises(NoAnswerError) as caught:
        ControlClient([tmp_path / "socket"], tmp_path / "pid", lambda _: None, patience).ask(op)
    assert not caught.value.begun
    (request,) = door.take_requests()
    assert request.op is op
    assert not request.begin(), "the daemon goes on, and learns that nobody waits for this"
    door.close()


def test_what_had_begun_is_told_apart_from_what_had_not(tmp_path: Path) -> None:
    def begin() -> None:
        assert all(request.begin() for request in door.take_requests())

    door = ControlSocket([tmp_path / "socket"], begin)
    door.start()
    patience = Patience(silence=0.5, acting=0.1)
    with pytest.raises(NoAnswerError) as caught:
        ControlClient([tmp_path / "socket"], tmp_path / "pid", lambda _: None, patience).ask(Op.TAKE_OVER, "a")
    assert caught.value.begun
    door.close()


@pytest.mark.parametrize("backlog", [0, 5], ids=["full", "free"])
def test_a_process_that_listens_and_never_accepts(tmp_path: Path, backlog: int) -> None:
    path = tmp_path / "socket"
    listen = f"import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen({backlog})"
    words = [sys.executable, "-c", f"{listen}; print('coworkd', flush=True); sys.stdin.read()", str(path), "coworkd"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as silent:
        assert silent.stdout
        assert silent.stdout.readline()
        (tmp_path / "pid").write_text(f"{silent.pid}\n")
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            with pytest.raises(NoAnswerError, match=rf"pid {silent.pid}\) does not answer, it is sleeping") as caught:
                ControlClient([path], tmp_path / "pid", lambda _: None, Patience(silence=0.2)).ask(Op.SYNC)
        assert (caught.value.pid, caught.value.state) == (silent.pid, ProcessState.SLEEPING)
        silent.kill()


def test_a_second_place_where_no_socket_can_be_made(tmp_path: Path) -> None:
    bad, good = tmp_path / "socket", tmp_path / "state" / "socket"
    bad.mkdir()
    door = ControlSocket([bad, good], lambda: None)
    assert not door.start()
    assert good.is_socket()
    with pytest.raises(NoAnswerError):
        ControlClient([bad, good], tmp_path / "pid", lambda _: None, Patience(silence=0.5, looking=0.1)).ask(Op.SYNC)
    door.close()
    assert bad.is_dir()
    assert not good.exists()


def test_without_any_socket_the_reason_is_told(tmp_path: Path) -> None:
    door = ControlSocket([tmp_path], lambda: None)
    assert door.start().startswith(f"{tmp_path}: ")
    door.close()
    assert tmp_path.is_dir()


def test_closing_answers_who_waits_and_ends_the_listener(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    door = ControlSocket([tmp_path / "socket"], lambda: None)
    door.start()
    (listener,) = [thread for thread in threading.enumerate() if thread not in before]
    request = ControlRequest(op=Op.SYNC)
    door.put(request)
    door.close()
    assert request.wait(0) == ControlReply(ok=False, text="coworkd is stopping")
    listener.join(20)
    assert not listener.is_alive()


def test_a_daemon_that_has_just_ended_is_no_daemon_although_its_parent_has_not_taken_note(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        daemon = subprocess.Popen(
            [sys.executable, "-c", f"import socket; socket.socket(fileno={listener.fileno()}).listen()"],
            pass_fds=[listener.fileno()],
        )
        os.waitid(os.P_PID, daemon.pid, os.WEXITED | os.WNOWAIT)
        assert process_state(daemon.pid) is ProcessState.ZOMBIE
        ending = threading.Thread(target=lambda: listener.accept()[0].close())
        ending.start()
        assert ask(path, Op.SYNC) is None
        ending.join()
    daemon.wait()
