"""Messages by which the thread of a task is told that a run was interrupted, how it goes on, and what no longer counts.

Pure.
"""

from __future__ import annotations

from coworkd.dispatch.executors.port import LOST_MESSAGE
from coworkd.store import RunRow


def resumed_message(run: RunRow, cause: str) -> str:
    """It goes on in its session, with its files as they were."""
    return _message(
        _interrupted(cause), f"It goes on in its session and with its files as they were, as attempt {run.attempt}."
    )


def begun_again_message(run: RunRow, cause: str, *, said: str = "", refs: tuple[str, ...] = ()) -> str:
    """It begins from a clean slot. `said`: by its agent until then; `refs` keep what it had done."""
    return _message(
        said.strip(),
        _interrupted(cause),
        f"Its work until then is kept in {', '.join(f'`{ref}`' for ref in refs)}." if refs else "",
        f"It begins again without the files that it had changed, still as attempt {run.attempt}.",
    )


def late_message(run: RunRow, epoch: int) -> str:
    """A start of it that had been given up reports that it is done."""
    return _message(
        f"Start {epoch} of this run reported that it was done after it had been given up. That does not count, and what"
        f" it changed since then is not taken in. `coworkd recover {run.task}` lists what was kept of its work before."
    )


def _interrupted(cause: str) -> str:
    return f"This run was interrupted: {cause or LOST_MESSAGE}."


def _message(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
