"""What the daemon reads out of a document's body: acceptance criteria, the answer to a question, a heading.

Pure. The body belongs to people: everything here only looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from coworkd.core.model import Criterion

_FENCE = re.compile(r"\s*(?P<marks>`{3,}|~{3,})(?P<info>.*)")
_ITEM = re.compile(r"(?P<indent>[ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?P<rest>.*)")
_BOX = re.compile(r"\[(?P<tick>[ xX])\]\s+(?P<text>.*)")
_ANY_BOX = re.compile(r"\[[ xX]\]")
_PROOF = re.compile(r"(?<!\\)\(verify:")
"""A backslash before it makes it text, as in imported criteria: those run nothing."""
_HEADING = re.compile(r" {0,3}(?P<marks>#{1,6})(?:[ \t]+(?P<text>.*))?$")
_TRAILING = " \t\r.,;!"
"""What may stand behind the closing parenthesis of a command."""
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(slots=True)
class _Item:
    """A list item with a box, while its lines are collected."""

    line: int
    indent: int
    ticked: bool
    parts: list[str] = field(default_factory=list[str])
    open: int | None = None
    """Parentheses open since `(verify:`, that one included; None before it."""

    def add(self, part: str) -> None:
        self.parts.append(part)
        if self.open is None and (proof := _PROOF.search(part)):
            part, self.open = part[proof.start() :], 0
        if self.open is not None:
            self.open += part.count("(") - part.count(")")

    def takes(self, line: str) -> bool:
        """Whether a line below belongs to it; none does once its command is complete."""
        complete = self.open is not None and self.open <= 0 and _ends_parenthesis(self.parts[-1])
        return bool(line.strip()) and _indent(line) > self.indent and not complete

    def criterion(self) -> Criterion:
        text = " ".join(part.strip() for part in self.parts).strip()
        command = ""
        if (proof := _PROOF.search(text)) and _ends_parenthesis(text):
            text, rest = text[: proof.start()], text[proof.end() :]
            command = rest.rstrip(_TRAILING).removesuffix(")").strip()
        if len(command) > 1 and command[0] == command[-1] == "`":
            command = command[1:-1].strip()
        return Criterion(line=self.line, text=text.strip(), command=command, ticked=self.ticked)


def criteria(body: str) -> tuple[Criterion, ...]:
    """The `- [ ] text (verify: COMMAND)` items of a task, in order; code blocks are not looked into.

    An item may be wrapped: indented lines below it belong to it, up to the end of its command.
    """
    if not _ANY_BOX.search(body):
        return ()
    found: list[_Item] = []
    item: _Item | None = None
    for number, line in _outside_fences(body):
        if listed := _ITEM.match(line):
            box = _BOX.match(listed["rest"])
            item = _Item(number, len(listed["indent"]), box["tick"] != " ") if box else None
            if item and box:
                item.add(box["text"])
                found.append(item)
        elif item and item.takes(line):
            item.add(line)
        else:
            item = None
    return tuple(item.criterion() for item in found)


def answer_section(body: str) -> str:
    """What stands under the heading "Answer" of a question, up to the next heading of its level or higher.

    The last such heading counts: an agent that writes one into its question does not answer itself. HTML comments are
    left out; empty when there is no text.
    """
    lines = body.split("\n")
    headings = [(n, heading) for n, line in _outside_fences(body) if (heading := _HEADING.match(line))]
    answers = [at for at, (_, heading) in enumerate(headings) if _heading_text(heading).lower() == "answer"]
    if not answers:
        return ""
    start, opening = headings[answers[-1]]
    after = (n for n, heading in headings[answers[-1] + 1 :] if len(heading["marks"]) <= len(opening["marks"]))
    return _COMMENT.sub("", "\n".join(lines[start + 1 : next(after, len(lines))])).strip()


def first_heading(body: str) -> str:
    """The text of the heading that a body begins with; empty when it begins with something else."""
    first = next((line for line in body.splitlines() if line.strip()), "")
    heading = _HEADING.match(first)
    return _heading_text(heading) if heading else ""


def _ends_parenthesis(text: str) -> bool:
    return text.rstrip(_TRAILING).endswith(")")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _heading_text(heading: re.Match[str]) -> str:
    """Without the closing `##` that a heading may have."""
    text = (heading["text"] or "").strip()
    bare = text.rstrip("#")
    return bare.strip() if bare != text and bare[-1:] in {"", " ", "\t"} else text


def fenced_blocks(body: str) -> Iterator[tuple[int, str, str]]:
    """Every fenced code block that is closed: its 1-based first line, the words behind its opening marks, its text."""
    opened: tuple[int, str, str] | None = None
    text: list[str] = []
    for number, line in enumerate(body.splitlines(), 1):
        fence = _FENCE.match(line)
        if opened is None:
            if fence and not (fence["marks"][0] == "`" and "`" in fence["info"]):
                opened, text = (number, fence["marks"], fence["info"].strip()), []
        elif fence and fence["marks"].startswith(opened[1]) and not fence["info"].strip():
            yield opened[0], opened[2], "".join(f"{item}\n" for item in text)
            opened = None
        else:
            text.append(line)


def _outside_fences(body: str) -> Iterator[tuple[int, str]]:
    """Lines with their 0-based numbers, without those of fenced code blocks."""
    open_marks = ""
    for number, line in enumerate(body.split("\n")):
        fence = _FENCE.match(line)
        if open_marks:
            closes = fence and fence["marks"].startswith(open_marks) and not fence["info"].strip()
            open_marks = "" if closes else open_marks
        elif fence and not (fence["marks"][0] == "`" and "`" in fence["info"]):
            open_marks = fence["marks"]
        else:
            yield number, line.rstrip("\r")
