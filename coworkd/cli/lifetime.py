"""`init`, `up`, `down`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from coworkd.cli.workspace import Workspace, here
from coworkd.door import Op, ask
from coworkd.errors import UserError


@click.command("init")
def init_command() -> None:
    """Make .cowork/ in this repository and trust it; commits nothing."""
    from coworkd.bootstrap import initialise

    for line in initialise(Path.cwd()):
        click.echo(line)


@click.command("up")
@click.option("--detach", is_flag=True, help="Return when the daemon is ready.")
def up_command(detach: bool) -> None:
    """Start the daemon; prints `ready PID PATH` after its first full turn."""
    workspace = here()
    if detach:
        _detached(workspace)
        return
    from coworkd.bootstrap import serve

    serve(workspace.paths, lambda: click.echo(f"ready {os.getpid()} {workspace.paths.root}"))


def _detached(workspace: Workspace) -> None:
    """Start the daemon as a process of its own and pass on its first line."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "coworkd", "up"], cwd=workspace.paths.root, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    said: list[str] = []
    for line in child.stdout:
        if line.startswith("ready "):
            click.echo(line.rstrip())
            return
        said.append(line.rstrip())
    raise UserError("the daemon did not start: " + "\n".join(said).removeprefix("coworkd: "))


@click.command("down")
def down_command() -> None:
    """Stop the daemon and wait until it is gone; fine when none runs."""
    workspace = here()
    pid = workspace.pid()
    if ask(workspace.paths.socket, Op.STOP) is None:
        if pid is not None and _is_ours(pid):
            os.kill(pid, signal.SIGTERM)
        else:
            click.echo("no daemon runs here")
            return
    if pid is not None:
        _await_end(pid)
    click.echo("stopped")


def _is_ours(pid: int) -> bool:
    """Whether the process is a coworkd: the number may have been given to another one since."""
    try:
        return b"coworkd" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _await_end(pid: int) -> None:
    """A process that is not our child cannot be waited for, only looked at."""
    until = time.monotonic() + 60
    while _alive(pid):
        if time.monotonic() > until:
            raise UserError(f"the daemon (pid {pid}) is still stopping after 60 s; look at its log")
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    except OSError:
        return _signalled(pid)
    return state != "Z"


def _signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
