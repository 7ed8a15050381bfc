"""A few ways out of the sandbox, really tried on this machine, inside and as a control outside."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.text_formats import shorten_start
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.system.sandbox_probes import escape_attempts

_TIMEOUT = 60.0
_PROGRAM = os.path.realpath(escape_attempts.__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EscapeProbe:
    """The names of the attempts that led out."""

    inside: frozenset[str]
    outside: frozenset[str]
    """Without a sandbox: what does not work there either proves nothing."""

    @property
    def proven(self) -> frozenset[str]:
        """What the sandbox kept from working."""
        return self.outside - self.inside


def probe_escapes(means: SandboxCapabilities) -> EscapeProbe:
    """Raises OSError when nothing starts inside."""
    return EscapeProbe(inside=find_escapes(means), outside=find_escapes(None))


def find_escapes(means: SandboxCapabilities | None) -> frozenset[str]:
    """The attempts that led out of the sandbox `means`; None: of none. Raises OSError when nothing starts."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cowork-probe-")))
        work = folder / "work"
        work.mkdir()
        said = _said(means, work, (str(folder / "outside"), *_targets(folder / "outside", stack)))
    *ways, last = said.splitlines() or [""]
    if last != escape_attempts.END:
        raise OSError(f"the sandbox did not get to its end: {shorten_start(said, 300)}")
    return frozenset(ways)


def _targets(outside: Path, stack: ExitStack) -> tuple[str, ...]:
    """What the attempts are after, and the words that say where."""
    outside.mkdir()
    for name in ("file", "key"):
        (outside / name).write_text("x\n")
    abstract = f"cowork-probe-{os.getpid()}-{outside.parent.name}"
    for address in (str(outside / "socket"), f"\0{abstract}"):
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        with suppress(OSError):  # a path that is too long for a socket: then this way proves nothing
            listener.bind(address)
            listener.listen()
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    udp.bind(("127.0.0.1", 0))
    return str(os.getpid()), str(tcp.getsockname()[1]), str(udp.getsockname()[1]), abstract


def _said(means: SandboxCapabilities | None, work: Path, words: tuple[str, ...]) -> str:
    name = f"{work.parent.name}-{os.getpid()}"
    held = means and Confinement(
        means=means, run=name, workdir=str(work), writable=(str(work),), readable=(_PROGRAM,)
    )  # fmt: skip
    spec = commands.ProcessSpec(
        argv=(os.path.realpath(sys.executable), "-I", "-S", _PROGRAM, *words), cwd=work, timeout=_TIMEOUT, marker=name,
        env=commands.clean_environment(home=work, tmp=work, run=name, repo=name), confinement=held,
    )  # fmt: skip
    return commands.run(spec).tail
