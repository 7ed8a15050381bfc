from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.door import Door, Op, Reply, Request, ask
from coworkd.errors import UserError


class Writer:
    """Stands for the writer thread: answers each request with what it was asked."""

    def __init__(self, path: Path) -> None:
        self.bell = threading.Semaphore(0)
        self.door = Door(path, self.bell.release)
        self.door.start()
        self.seen: list[Request] = []
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while self.bell.acquire():
            for request in self.door.take():
                if request.op is Op.STOP:
                    request.answer(Reply(ok=True, text="stopped"))
                    return
                self.seen.append(request)
                request.answer(Reply(ok=request.op is not Op.LAND, text=request.subject))

    def end(self) -> None:
        self.door.put(Request(op=Op.STOP))
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
    assert ask(path, Op.HURRY, "tasks/\u00e9.md") == Reply(ok=True, text="tasks/\u00e9.md")
    assert ask(path, Op.LAND) == Reply(ok=False, text="")
    assert [request.op for request in writer.seen] == [Op.HURRY, Op.LAND]


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
def test_garbage_is_answered_and_harms_nobody(tmp_path: Path, line: bytes) -> None:
    writer = Writer(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "socket"))
        connection.sendall(line)
        said = json.loads(connection.makefile().readline())
    assert said == {"ok": False, "text": "not a request that this coworkd knows"}
    assert ask(tmp_path / "socket", Op.LOOK) == Reply(ok=True, text="")
    writer.end()


def test_nobody_listens(tmp_path: Path) -> None:
    assert ask(tmp_path / "socket", Op.LOOK) is None
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "socket"))
    assert ask(tmp_path / "socket", Op.LOOK) is None, "a killed daemon leaves its socket"
    writer = Writer(tmp_path / "socket")
    assert ask(tmp_path / "socket", Op.LOOK) == Reply(ok=True, text="")
    writer.end()
    assert not os.path.lexists(tmp_path / "socket")


def test_a_daemon_that_does_not_answer_in_time(tmp_path: Path) -> None:
    door = Door(tmp_path / "socket", lambda: None)
    door.start()
    with pytest.raises(UserError, match=r"did not answer within 0\.05 s"):
        ask(tmp_path / "socket", Op.LOOK, timeout=0.05)
    (request,) = door.take()
    assert request.op is Op.LOOK
    request.answer(Reply(ok=True))
    door.close()


def test_closing_answers_who_waits_and_ends_the_listener(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    door = Door(tmp_path / "socket", lambda: None)
    door.start()
    (listener,) = [thread for thread in threading.enumerate() if thread not in before]
    request = Request(op=Op.LOOK)
    door.put(request)
    door.close()
    assert request.wait(0) == Reply(ok=False, text="coworkd is stopping")
    listener.join(20)
    assert not listener.is_alive()
