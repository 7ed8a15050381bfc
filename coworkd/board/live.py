"""Views that are shown while things happen: the live message of every run, and inbox.md.

Pure but for reading the database: text out, nothing written.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.papers import GENERATED, message_path
from coworkd.board.waiting import Waiting
from coworkd.clock import iso
from coworkd.markdown import compose
from coworkd.model import MessageState
from coworkd.store import Database, RunRow, RunState

INBOX = "inbox.md"

SHOWN = 20_000
"""Characters at the end of a reply that its live message shows."""


def live_path(run: RunRow) -> str:
    return message_path(run).removesuffix(".md") + ".live.md"


def live_messages(db: Database) -> dict[str, bytes]:
    """Path and text of the live message of every run at work."""
    runs = db.all(RunRow, "state IN ('working', 'waiting', 'submitting')")
    return {live_path(run): _live(run) for run in runs}


def _live(run: RunRow) -> bytes:
    state = {RunState.WAITING: "waits for a person", RunState.SUBMITTING: "its work is being brought in"}
    line = f"_{state.get(run.state, 'at work')}, attempt {run.attempt}, started {iso(run.started)}_"
    return compose(
        {"from": run.agent, "state": str(MessageState.STREAMING)},
        f"{line}\n\n{run.said[-SHOWN:].strip()}\n",
        note=f"{GENERATED}; it changes while the agent works",
    )


def inbox(waiting: Sequence[Waiting]) -> bytes:
    """`inbox.md`: everything that waits for a person, each a link."""
    lines = [f"<!-- {GENERATED}; do not edit -->", "", "# Inbox", ""]
    if not waiting:
        lines.append("Nothing waits for you.")
    for item in waiting:
        since = f", since {iso(item.since)}" if item.since else ""
        lines.append(f"- **{item.kind}** {_linked(item.path)}{since}: {item.what}")
    return ("\n".join(lines) + "\n").encode()


def _linked(path: str) -> str:
    """A link to a document, or to the folder it is all about."""
    return f"[{path or '.cowork'}]({_link(path or '.')})"


def _link(path: str) -> str:
    return path.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
