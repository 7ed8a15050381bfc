"""The only way to start processes: clean environment, bounded output, and whole trees ended.

`run` carries out a command under a supervisor of its own and waits for it. `spawn` starts a child that the caller
talks to (a worker, or inside a worker the agent). `sweep` ends what an earlier life left behind.

Whatever is started carries `COWORK_RUN` and `COWORK_REPO` in its environment, so that it can be found again.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.core.redaction import Secrets
from coworkd.system import process_tree
from coworkd.system.durable_files import replace_file
from coworkd.system.process import supervisor
from coworkd.system.process.spawning import PIPE, TOGETHER, Child, reap_orphans, run_processes, spawn
from coworkd.system.process.supervisor_starts import Supervisor, start_supervisor
from coworkd.system.process_tree import REPO_MARK, RUN_MARK
from coworkd.system.sandbox.launch import enter
from coworkd.system.sandbox.network_rules import Refusal
from coworkd.system.sandbox.policy import Confinement

__all__ = [
    "GRACE",
    "PIPE",
    "REPO_MARK",
    "RUN_MARK",
    "TOGETHER",
    "Child",
    "Exit",
    "ProcessSpec",
    "clean_environment",
    "lives",
    "reap_orphans",
    "run",
    "run_processes",
    "spawn",
    "sweep",
]

GRACE = 5.0
"""Seconds between asking a tree to end and killing it."""
SWEEP_GRACE = 3.0

_CANCEL_POLL = 0.1
_ERROR_LIMIT = 16 * 1024
_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ")
_KEPT_PREFIX = "LC_"
_TOOL_HOMES = (("RUSTUP_HOME", ".rustup"),)
"""Toolchains, which are installed in the user's home and only read."""
_XDG = (
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_STATE_HOME", ".local/state"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A command to be carried out to its end."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    """The whole environment: see `clean_environment`."""
    stdin: bytes = b""
    timeout: float | None = None
    """Seconds; None: no limit."""
    output_limit: int = 10_000_000
    """Bytes kept, half of them from the beginning and half from the end; the cut is marked."""
    output_path: Path | None = None
    """Where the kept output goes; None: only the tail is kept."""
    merge_stderr: bool = True
    """False: standard error is kept apart, and only its tail."""
    marker: str
    """The value of `COWORK_RUN`; unique among trees alive at one time, because the whole tree is ended by it."""
    grace: float = GRACE
    confinement: Confinement | None = None
    """What holds it; None: nothing."""
    tells_refused: bool = False
    """Whether to notice what its sandbox refuses also where it has no network at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a command ended. A command that cannot be started has code 127 and the reason as its tail."""

    code: int
    """Negative: ended by that signal."""
    seconds: float
    tail: str
    """At most the last 64 KiB of the output."""
    error_tail: str = ""
    """The last 16 KiB of standard error, where it is kept apart."""
    truncated: bool = False
    timed_out: bool = False
    cancelled: bool = False
    refused: tuple[str, ...] = ()
    """What its sandbox refused to connect to, as it is written in `network`."""

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.timed_out and not self.cancelled


def clean_environment(
    *,
    home: Path,
    tmp: Path,
    run: str,
    repo: str,
    extra: Mapping[str, str] | None = None,
    passed: Iterable[str] = (),
) -> dict[str, str]:
    """An environment with nothing of our own in it but the search path, the language and the names in `passed`.

    Tools that look for their own parts in the user's home are told where that is, for `home` is another one.

    `extra` stands above `passed`, the marks above both: nothing that is started can lose them by configuration.
    """
    wanted = set(passed).union(_KEPT, (name for name in os.environ if name.startswith(_KEPT_PREFIX)))
    base = {"PATH": os.defpath, "TERM": "dumb", "HOME": str(home), "TMPDIR": str(tmp)}
    base |= {name: str(home / folder) for name, folder in _XDG}
    base |= {name: place for name, folder in _TOOL_HOMES if (place := _tool_home(name, folder))}
    base |= {name: os.environ[name] for name in sorted(wanted) if name in os.environ}
    return base | dict(extra or {}) | {RUN_MARK: run, REPO_MARK: repo}


def _tool_home(name: str, folder: str) -> str:
    """Where a tool keeps its own parts; empty where there are none."""
    place = os.environ.get(name) or str(Path.home() / folder)
    return place if os.path.isdir(place) else ""


def run(spec: ProcessSpec, cancelled: Callable[[], bool] | None = None) -> Exit:
    """Carry out a command and wait until it and all that it started are gone.

    Blocks: for job threads. Once `cancelled` answers yes (asked every tenth of a second), the tree is ended, first
    politely.
    """
    if not spec.argv:
        raise ValueError("a command needs at least a program")
    refusals: list[Refusal] = []
    confinement = spec.confinement
    if confinement and (spec.tells_refused or confinement.network):
        confinement = replace(confinement, report=refusals.append)
    entry = enter(confinement, spec.argv, {**spec.env, RUN_MARK: spec.marker})
    child = start_supervisor(entry.env)
    try:
        _give(child, spec, entry.argv)
        stopped = _await_report(child, cancelled)
        content = child.stdout.read()
    finally:
        child.stdin.close()
        child.stdout.close()
        code = child.wait()
        child.close()
        entry.leave()
    if not content:
        return _unsupervised(spec, code, stopped)
    told = supervisor.Report(**json.loads(content))
    refused = tuple(dict.fromkeys(refusal.entry for refusal in refusals if refusal.entry))
    return Exit(**told._asdict(), cancelled=stopped, refused=refused)


def sweep(name: str, *values: str, grace: float = SWEEP_GRACE) -> int:
    """End every process that carries `name` with one of `values`, with all its descendants; how many there were.

    `name` is `COWORK_RUN` or `COWORK_REPO`. Never the calling process or one of its ancestors. Where there is no
    `/proc` nothing can be found.
    """
    return len(process_tree.terminate(lambda: process_tree.find_marked_trees(name, *values), grace))


def lives(name: str, value: str) -> bool:
    """Whether a process carries `name=value`; True where that cannot be found out."""
    return not process_tree.HAS_PROC or bool(process_tree.find_marked(name, value))


def _give(child: Supervisor, spec: ProcessSpec, argv: tuple[str, ...]) -> None:
    request = supervisor.SupervisedCommand(
        argv=list(argv),
        cwd=str(spec.cwd),
        stdin=len(spec.stdin),
        timeout=spec.timeout,
        grace=spec.grace,
        output_limit=spec.output_limit,
        output_path=str(spec.output_path or ""),
        error_limit=0 if spec.merge_stderr else _ERROR_LIMIT,
        mark=spec.marker,
    )
    content = memoryview(supervisor.encode_request(request) + spec.stdin)
    with contextlib.suppress(BrokenPipeError):  # a supervisor that is gone is noticed by its missing report
        while content:
            content = content[os.write(child.stdin.fileno(), content) :]


def _await_report(child: Supervisor, cancelled: Callable[[], bool] | None) -> bool:
    """Wait for the supervisor's report; True when `cancelled` said so first and its lifeline has been cut."""
    waiting = select.poll()  # unlike select(2) not limited to the first 1024 descriptors
    waiting.register(child.stdout, select.POLLIN | select.POLLHUP)
    while not waiting.poll(None if cancelled is None else _CANCEL_POLL * 1000):
        if cancelled is not None and cancelled():
            child.stdin.close()
            waiting.poll(None)
            return True
    return False


def _unsupervised(spec: ProcessSpec, code: int | None, stopped: bool) -> Exit:
    """The supervisor itself was killed: end what it left."""
    sweep(RUN_MARK, spec.marker, grace=0.0)
    return Exit(code=code or -1, seconds=0.0, tail="its supervisor was killed", cancelled=stopped)


def redact_file(file: Path, secrets: Secrets) -> None:
    """Take secrets out of a log that nothing writes to any more. Another name of the same file keeps what it has."""
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _MOST_REDACTED:
        return
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    plain = secrets.redact(text)
    if plain != text:
        replace_file(file, plain.encode("utf-8", "surrogateescape"))


_MOST_REDACTED = 64_000_000
"""Bytes of a log; none that is kept has more."""
