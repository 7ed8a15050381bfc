"""The client of the control socket: one request, one reply, and one rule for a daemon that does not answer.

A daemon that works says so several times a second until it replies. One that is silent, stopped, or too busy for too
long ends the wait with `NoAnswerError`, which names the process, its state and what to type. A request that was given
up is never carried out later: see `_withdraw`.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import UserError
from coworkd.system.control_socket import ControlReply, Op, short_name
from coworkd.system.process_state import (
    SUSPENDED,
    ProcessState,
    computes,
    described,
    owner,
    process_folder,
    process_state,
    read_pid_file,
)

_LONG_OPS = frozenset({Op.LAND, Op.RESOLVE, Op.RESOLVED, Op.REPAIR})
_CONNECT_RETRY_PAUSE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many seconds a daemon is waited for."""

    silence: float = 1.2
    """Without a sign of life."""
    looking: float = 10.0
    """While it is busy, by a command that only shows something."""
    acting: float = 30.0
    """While it is busy, by any other command."""
    working: float = 600.0
    """For what takes long by itself, once it has begun."""

    def limit(self, op: Op, *, begun: bool) -> float:
        """When the reply to a request must have come from a daemon that is alive."""
        if begun and op in _LONG_OPS:
            return self.working
        return self.looking if op is Op.SYNC else self.acting


PATIENCE = Patience()


class NoAnswerError(UserError):
    """A daemon runs and does not answer. `begun`: it had begun to do what it was asked."""

    def __init__(self, why: str, *, pid: int | None, state: ProcessState, begun: bool = False) -> None:
        super().__init__(f"the daemon (pid {pid or 'unknown'}) does not answer, it {why}")
        self.pid = pid
        self.state = state
        self.begun = begun


@dataclass(slots=True)
class _DaemonMessages:
    """What a daemon has said of one request so far."""

    begun: bool = False
    reply: ControlReply | None = None
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            self.begun = self.begun or "begun" in said
            if "ok" in said:
                self.reply = ControlReply(ok=bool(said["ok"]), text=str(said["text"]))

    def unfinished_reply(self) -> ControlReply | None:
        """What a daemon leaves that ended before it replied; None when it had not begun."""
        words = "the daemon ended before it replied: look at `coworkd status`, then try again"
        return ControlReply(ok=False, text=words) if self.begun else None


class ControlClient:
    """Asks the daemon of one workspace. `waits` is told, once a request, that a busy daemon is waited for."""

    def __init__(
        self, sockets: Sequence[Path], pid_file: Path, waits: Callable[[str], None], patience: Patience = PATIENCE
    ) -> None:
        self._sockets = sockets
        self._pid_file = pid_file
        self._waits = waits
        self._patience = patience

    def ask(self, op: Op, subject: str = "", *, on_terminal: bool = False) -> ControlReply | None:
        """What the daemon replies; None when none listens. Raises `NoAnswerError`.

        `on_terminal`: the command that asks was given on a terminal.
        """
        request = json.dumps({"op": op, "subject": subject, "terminal": on_terminal})
        connection = self._connect(time.monotonic() + self._patience.silence)
        if connection is None:
            return None
        with connection:
            pid = _listening_pid(connection) or read_pid_file(self._pid_file)
            _refuse_suspended(pid)
            try:
                connection.sendall(request.encode() + b"\n")
                return self._await_reply(connection, op, pid)
            except (ConnectionError, json.JSONDecodeError):
                return None

    def refuse_suspended_holder(self) -> None:
        """Raises `NoAnswerError` when the process that holds the workspace was stopped."""
        _refuse_suspended(read_pid_file(self._pid_file))

    def no_answer_error(self, why: str) -> NoAnswerError:
        """The error for a process that holds the workspace and listens nowhere."""
        pid = read_pid_file(self._pid_file)
        return NoAnswerError(why, pid=pid, state=process_state(pid) if pid else ProcessState.UNKNOWN)

    # ---- connecting

    def _connect(self, until: float) -> socket.socket | None:
        for path in self._sockets:
            if (connection := self._connect_to(path, until)) is not None:
                return connection
        return None

    def _connect_to(self, path: Path, until: float) -> socket.socket | None:
        """A connection to one socket file; None when no process listens there. Raises `NoAnswerError`."""
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(self._patience.silence)
            try:
                with short_name(path) as name:
                    connection.connect(name)
                return connection
            except BlockingIOError:
                # The queue of connections is full: the daemon takes none.
                connection.close()
                pid = read_pid_file(self._pid_file)
                _refuse_suspended(pid)
                if time.monotonic() > until:
                    raise _no_answer_error(pid) from None
                time.sleep(_CONNECT_RETRY_PAUSE)
            except PermissionError:
                connection.close()
                raise self._other_users_daemon_error(path) from None
            except OSError:
                connection.close()
                return None

    def _other_users_daemon_error(self, path: Path) -> NoAnswerError:
        pid = read_pid_file(self._pid_file)
        user = (owner(process_folder(pid)) if pid else "") or owner(path) or "another user"
        return self.no_answer_error(f"belongs to {user}, who alone can ask it; a file that you save reaches it")

    # ---- waiting

    def _await_reply(self, connection: socket.socket, op: Op, pid: int | None) -> ControlReply | None:
        """The reply to a request that was sent; None when the daemon ended before. Raises `NoAnswerError`."""
        messages, silence = _DaemonMessages(), self._patience.silence
        asked = last = time.monotonic()
        busy_reported = False
        while (now := time.monotonic()) < (limit := asked + self._patience.limit(op, begun=messages.begun)):
            connection.settimeout(max(min(last + silence, limit) - now, 0.001))
            try:
                data = connection.recv(4096)
            except TimeoutError:
                if time.monotonic() < last + silence:
                    continue
                if pid is None or not computes(pid):
                    break
            else:
                messages.feed(data)
                if messages.reply is not None or not data:
                    return messages.reply or messages.unfinished_reply()
            last = time.monotonic()
            if not busy_reported and op not in _LONG_OPS and last - asked > silence:
                busy_reported = True
                self._waits(f"waiting for the daemon (pid {pid}), which is busy ({_state_of(pid)})")
        _withdraw(connection, messages)
        if messages.reply is not None:
            return messages.reply
        raise _no_answer_error(pid, begun=messages.begun)


def _withdraw(connection: socket.socket, messages: _DaemonMessages) -> None:
    """Give a request up, and learn whether it had begun: what is sent from now on is refused to the sender.

    The daemon begins a request only after it was able to say so; whatever it was able to say is read here.
    """
    connection.shutdown(socket.SHUT_RD)
    connection.settimeout(1.0)
    while data := connection.recv(4096):
        messages.feed(data)


def _listening_pid(connection: socket.socket) -> int | None:
    """The process that listens, as the kernel knows it; None where it does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid if pid > 0 and pid != os.getpid() else None


def _state_of(pid: int | None) -> ProcessState:
    return process_state(pid) if pid is not None else ProcessState.UNKNOWN


def _refuse_suspended(pid: int | None) -> None:
    if _state_of(pid) in SUSPENDED:
        raise _no_answer_error(pid)


def _no_answer_error(pid: int | None, *, begun: bool = False) -> NoAnswerError:
    state = _state_of(pid)
    why = f"is {described(pid, state)}" if pid is not None else "is a process that is not known here"
    return NoAnswerError(why, pid=pid, state=state, begun=begun)
