"""What each kind of sandbox promises, one protection at a time, for `coworkd doctor` and docs/security.md. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import SandboxLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What holds at one level, in words."""

    text: str
    whole: bool = True
    """False: less than the best level gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """One thing that a sandbox is for."""

    name: str
    bubblewrap: Promise
    landlock: Promise
    attempts: tuple[str, ...] = ()
    """The ways out (`escape_attempts`) by which it is tried."""

    def at(self, level: SandboxLevel) -> Promise:
        """Raises KeyError for the level at which nothing is promised."""
        return {SandboxLevel.BUBBLEWRAP: self.bubblewrap, SandboxLevel.LANDLOCK: self.landlock}[level]


PROTECTIONS = (
    Protection(
        name="writing",
        bubblewrap=Promise(text="nothing but a run's own folders can be written"),
        landlock=Promise(
            text="nothing but a run's own folders can be written; the mode and times of your files can be changed",
            whole=False,
        ),
        attempts=("writes a file outside", "empties a file outside", "makes a file outside"),
    ),
    Protection(
        name="reading",
        bubblewrap=Promise(text="the rest of your files is not there"),
        landlock=Promise(
            text="the rest of your files cannot be read or listed; a name that is known shows its size and times",
            whole=False,
        ),
        attempts=("reads a file outside", "lists a folder outside"),
    ),
    Protection(
        name="processes",
        bubblewrap=Promise(text="other processes are not there"),
        landlock=Promise(
            text="other processes cannot be signalled, traced or read; their names and command lines are seen",
            whole=False,
        ),
        attempts=("signals a process outside", "reads the environment of a process outside"),
    ),
    Protection(
        name="TCP",
        bubblewrap=Promise(text="a network of its own; listed hosts through a proxy"),
        landlock=Promise(
            text=(
                "only the proxy's port and listed local ports can be connected to, which the kernel tells by number"
                " alone, not by host; nothing can listen"
            ),
            whole=False,
        ),
        attempts=("connects to a service of this machine",),
    ),
    Protection(
        name="datagrams",
        bubblewrap=Promise(text="a network of its own"),
        landlock=Promise(text="no UDP, raw or other sockets"),
        attempts=("sends a datagram",),
    ),
    Protection(
        name="socket files",
        bubblewrap=Promise(text="coworkd's own, a session bus, an agent of ssh are not there"),
        landlock=Promise(text="none can be connected to: not coworkd's own, a session bus, an agent of ssh"),
        attempts=("asks a socket file",),
    ),
    Protection(
        name="abstract sockets",
        bubblewrap=Promise(text="a network of its own"),
        landlock=Promise(text="those outside are out of reach"),
        attempts=("asks an abstract socket",),
    ),
    Protection(
        name="kernel",
        bubblewrap=Promise(text="no namespaces, mounts, io_uring, keyrings, tracing, BPF"),
        landlock=Promise(text="no namespaces, mounts, io_uring, keyrings, tracing, BPF, System V memory"),
        attempts=("makes a namespace", "makes mounts of its own", "sets up io_uring", "reads the keyring"),
    ),
    Protection(
        name="scratch space",
        bubblewrap=Promise(text="/tmp and /dev/shm of its own, with a limit; terminals and a loopback of its own"),
        landlock=Promise(
            text="a folder for temporary files; no /tmp, no /dev/shm, no terminals, no servers on loopback", whole=False
        ),
    ),
)
"""In the order in which they are shown."""
