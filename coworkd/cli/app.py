"""The `coworkd` command: its sub-commands, loaded when they are called, and the edge where errors end."""

from __future__ import annotations

import codecs
import gc
import importlib
import io
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, cast

import click
from click.shell_completion import CompletionItem

from coworkd import __version__
from coworkd.core.errors import CoworkError, NotAWorkspaceError, UsageError
from coworkd.core.machine_faults import fault_of
from coworkd.documents.typos import suggestion
from coworkd.system.paths_and_settings import ensure_home, wants_no_colours

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Loading makes objects that all stay: looking for garbage among them every 700 objects is a tenth of a start."""

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("daemon", "make .cowork/ in this repository and trust it"),
    "up": ("daemon", "start the daemon"),
    "down": ("daemon", "stop the daemon"),
    "status": ("status", "the board, what waits for you, problems, cost"),
    "new": ("tasks", "write a task file"),
    "list": ("status", "the tasks, a line each"),
    "show": ("status", "one task: why it waits, its runs, paths, cost"),
    "ready": ("tasks", "start a task, or a new attempt"),
    "pause": ("tasks", "stop a task's agent and keep its work"),
    "cancel": ("tasks", "stop a task and take it out of the way"),
    "take": ("tasks", "take over a task of another instance"),
    "reply": ("approvals", "send a message to a task, or answer its question"),
    "approve": ("approvals", "say yes to a review or a permission"),
    "reject": ("approvals", "say no to a review or a permission"),
    "changes": ("approvals", "ask for changes to a review or a plan"),
    "choose": ("choose", "take one of several proposals"),
    "diff": ("diff", "what a task changed"),
    "resolve": ("resolve", "resolve a conflict yourself, in a checkout of its own"),
    "revert": ("changes", "take a landed change back"),
    "apply": ("changes", "bring a change again that was taken back"),
    "log": ("log", "who did what, when and why"),
    "why": ("why", "where a line or a commit comes from"),
    "cost": ("log", "what runs cost, by task, plan and day"),
    "estimate": ("estimate", "what a task takes at least and at most, before its first run"),
    "export": ("export", "tasks and plans as pages, data, or the backlog of another tool"),
    "plan": ("plan", "plans in their hierarchy: status, progress, cost, waves"),
    "import": ("import_tasks", "tasks and plans from the backlog of another tool"),
    "stats": ("stats", "how long runs wait, start, work and land, and how they end"),
    "report": ("report", "what happened since last night, and how to undo each landing"),
    "land": ("changes", "bring the integration branch into its target"),
    "confirm": ("changes", "let held deletions happen"),
    "trust": ("changes", "let this workspace's settings and agents run things"),
    "commit": ("commit", "commit .cowork/ alone"),
    "fsck": ("fsck", "whether files, database, refs, records and audit agree"),
    "recover": ("recover", "list and restore work that was kept"),
    "doctor": ("doctor", "what works here, and what to do about the rest"),
    "simulate": ("simulate", "prove the sync engine on simulated editors, git, crashes"),
    "stress": ("stress", "prove dispatch under faults, in a throw-away repository"),
    "schema": ("schema", "JSON Schemas of the documents, for editors"),
    "merge-driver": ("merge_driver", "let git merge these files field by field"),
    "agents": ("agents", "the agents of this workspace"),
    "events": ("status", "the journal of changes, one JSON object a line"),
    "demo": ("demo.command", "watch the whole loop in a throw-away repository"),
}
"""Name -> (module, one line of help). A module is imported when one of its commands runs."""


class _Lazy(click.Group):
    """A group that knows its commands' names without importing them: `coworkd status` must feel instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"coworkd.cli.{COMMANDS[cmd_name][0]}")
        return cast("click.Command", getattr(module, f"{cmd_name.replace('-', '_')}_command"))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and with the command that a mistyped one is like."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if not (close := suggestion(args[0], COMMANDS)):
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}{close}", ctx=error.ctx) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands, without importing them."""
        names = [
            CompletionItem(name, help=words) for name, (_, words) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return names or click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """A reader of our output that has gone (`coworkd events | head`) ends the command; nothing is wrong."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="coworkd %(version)s")
@click.pass_context
def coworkd(ctx: click.Context) -> None:
    """Coding agents do the work; a folder of Markdown files is how you talk to them."""
    if wants_no_colours():
        ctx.color = False


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong use or ambiguous, 3 not a workspace."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    ensure_home()
    _print_any_name()
    sys.exit(_run(lambda: coworkd.main(prog_name="coworkd", standalone_mode=False)))


def _print_any_name() -> None:
    """A file's name may hold bytes that are no text: they are printed as they are, and other characters as `?`."""
    codecs.register_error("coworkd", _as_bytes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="coworkd")


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    unprintable = error.object[error.start : error.end]
    return b"".join(os.fsencode(c) if "\udc80" <= c <= "\udcff" else b"?" for c in unprintable), error.end


def _run(command: Callable[[], Any]) -> int:
    try:
        return int(command() or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        click.echo("coworkd: interrupted", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CoworkError as error:
        click.echo(f"coworkd: {error}", err=True)
        return _code(error)
    except OSError as error:
        if (fault := fault_of(error)) is None:
            raise
        click.echo(f"coworkd: {fault}", err=True)
        return 1


def _code(error: CoworkError) -> int:
    if isinstance(error, NotAWorkspaceError):
        return 3
    return 2 if isinstance(error, UsageError) else 1
