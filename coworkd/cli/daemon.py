"""`init`, `up`, `down`."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import click

from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import Workspace, current_workspace, locate_workspace
from coworkd.core.errors import DocumentError, UsageError, UserError
from coworkd.core.nights import next_moment
from coworkd.documents.schema.task_readers import clock_time
from coworkd.system.control_client import NoAnswerError
from coworkd.system.control_socket import Op
from coworkd.system.process_state import ProcessState, process_state


@click.command("init")
@json_option
def init_command(json_: bool) -> None:
    """Make .cowork/ in this repository and trust it; commits nothing."""
    from coworkd.daemon.workspace_init import init_report, initialise, next_command

    locate_workspace(Path.cwd())
    made = initialise(Path.cwd())
    lines = [*init_report(made), *_backlog_notes()]
    if json_:
        as_json({"path": made.folder, "agent": made.default or None, "next": next_command(made), "notes": lines})
    else:
        click.echo("\n".join(lines))


def _backlog_notes() -> list[str]:
    """That the repository holds the backlog of another tool, and how it comes in."""
    from coworkd.interchange.detection import known_backlog

    found = known_backlog(current_workspace().paths.root)
    if found is None:
        return []
    return [f"there is a backlog in {found}: `coworkd import {found} --dry-run` shows what would come in"]


@click.command("up")
@click.option("--detach", is_flag=True, help="Return when the daemon is ready.")
@click.option("--until", metavar="HH:MM", help="Start nothing after this time, and end when nothing runs any more.")
@json_option
def up_command(detach: bool, until: str | None, json_: bool) -> None:
    """Start the daemon; prints `ready PID PATH` after its first full turn."""
    workspace = current_workspace()
    end = _next_time(until) if until is not None else 0.0

    def ready(pid: int) -> None:
        root = workspace.paths.root
        as_json({"pid": pid, "path": str(root)}) if json_ else click.echo(f"ready {pid} {root}")

    if detach:
        ready(_detached(workspace.paths.root, ("--until", until) if until is not None else ()))
        return
    from coworkd.daemon.lifecycle import serve

    serve(workspace.paths, lambda: ready(os.getpid()), until=end)


def _next_time(until: str) -> float:
    """The next time at which the clocks show this. Raises `UsageError`."""
    try:
        return next_moment(clock_time(until), time.time())
    except DocumentError as error:
        raise UsageError(f"--until: {error.message}") from error


def _detached(root: Path, options: tuple[str, ...]) -> int:
    """Start the daemon as a process of its own; its id once it is ready. Raises `UserError` with what it said."""
    from coworkd.system.process import commands

    up = (sys.executable, "-P", "-m", "coworkd", "up", *options)
    child = commands.spawn(up, cwd=root, env=None, stderr=commands.TOGETHER)
    said: list[str] = []
    while line := child.stdout.readline().decode(errors="replace").rstrip():
        if line.startswith("ready "):
            return child.pid
        said.append(line)
    raise UserError("\n".join(said).removeprefix("coworkd: ") or f"the daemon ended with {child.wait()}")


@click.command("down")
@json_option
def down_command(json_: bool) -> None:
    """Stop the daemon and wait until it is gone; fine when none runs."""
    workspace = current_workspace()
    pid = workspace.pid()
    stopped = _stop(workspace, pid)
    if stopped and pid is not None:
        _await_end(workspace, pid)
    as_json({"stopped": stopped, "pid": pid}) if json_ else click.echo("stopped" if stopped else "no daemon runs here")


def _stop(workspace: Workspace, pid: int | None) -> bool:
    """Tell the daemon to end; False when there is none. Raises `UserError` when it does not answer."""
    client = workspace.client()
    try:
        if client.ask(Op.STOP) is not None:
            return True
        client.refuse_suspended_holder()
    except NoAnswerError as error:
        raise UserError(f"{error}. It was not told to end: repeat `coworkd down` when it answers again") from error
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    return True


def _await_end(workspace: Workspace, pid: int) -> None:
    """A process that is not our child cannot be waited for, only looked at."""
    until = time.monotonic() + 60
    while process_state(pid) not in (ProcessState.GONE, ProcessState.ZOMBIE):
        if time.monotonic() > until:
            raise UserError(f"the daemon (pid {pid}) is still stopping after 60 s; look at {workspace.paths.log}")
        workspace.client().refuse_suspended_holder()
        time.sleep(0.05)
