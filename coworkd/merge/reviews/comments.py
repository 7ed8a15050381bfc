"""What a person wrote into the body of a review, each comment with the place that it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from coworkd.core.text_formats import shorten

QUOTED = 200
"""Characters of the line that a comment is about."""
_FILE, _FENCE, _HEADING = "+++ b/", "```", "## "


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewComment:
    """Lines that a person added, or wrote in the place of others."""

    text: str
    below: str = ""
    """The line of the review above them; empty: they stand at its beginning or end."""
    instead_of: str = ""
    """The lines that they took the place of."""
    file: str = ""
    """The changed file whose diff they are in."""
    section: str = ""
    """The heading that they are under, outside of the diff."""


def comments_as_text(written: str, saved: str) -> str:
    """What was added to a review since coworkd wrote it, for the agent; empty: nothing was."""
    return "\n\n".join(map(_describe, find_comments(written.splitlines(), saved.splitlines())))


def find_comments(written: Sequence[str], saved: Sequence[str]) -> Iterator[ReviewComment]:
    """Every block of lines that is in `saved` and not in `written`, in order."""
    for tag, start, end, first, last in SequenceMatcher(None, written, saved, autojunk=False).get_opcodes():
        text = "\n".join(saved[first:last]).strip() if tag in ("insert", "replace") else ""
        if text:
            old = "\n".join(written[start:end]).strip() if tag == "replace" else ""
            yield _located(written[:start], text, old, at_end=end == len(written))


def _located(above: Sequence[str], text: str, old: str, *, at_end: bool) -> ReviewComment:
    fence = next((n for n in range(len(above) - 1, -1, -1) if above[n].startswith(_FENCE)), None)
    below = next((line for line in reversed(above) if line.strip()), "")
    if fence is not None and above[fence].rstrip().endswith("diff"):
        files = (line.removeprefix(_FILE) for line in reversed(above) if line.startswith(_FILE))
        return ReviewComment(text=text, below=below, instead_of=old, file=next(files, ""))
    if at_end and not old:
        return ReviewComment(text=text)
    headings = (line.removeprefix(_HEADING) for line in reversed(above) if line.startswith(_HEADING))
    return ReviewComment(text=text, below=below, instead_of=old, section=next(headings, ""))


def _describe(comment: ReviewComment) -> str:
    place = f"In `{comment.file}`" if comment.file else f'Under "{comment.section}"' if comment.section else ""
    if comment.instead_of:
        what = f"where it said {_quoted(comment.instead_of)}"
    elif comment.below and not comment.below.startswith(_HEADING):
        what = f"below {_quoted(comment.below)}"
    else:
        what = ""
    where = ", ".join(part for part in (place, what) if part)
    return f"{where[:1].upper()}{where[1:]}:\n\n{comment.text}" if where else comment.text


def _quoted(line: str) -> str:
    shown = shorten(" ".join(line.split()), QUOTED)
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"
