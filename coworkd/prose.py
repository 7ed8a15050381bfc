"""What the daemon reads out of a document's body: acceptance criteria, the answer to a question, a heading.

Pure. The body belongs to people: everything here only looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from coworkd.model import Criterion

_FENCE = re.compile(r"\s*(?P<marks>`{3,}|~{3,})(?P<info>.*)")
_ITEM = re.compile(r"(?P<indent>[ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?P<rest>.*)")
_BOX = re.compile(r"\[(?P<tick>[ xX])\]\s+(?P<text>.*)")
_ANY_BOX = re.compile(r"\[[ xX]\]")
_PROOF = re.compile(r"\(verify:\s*(?P<command>.*)\)[\s.,;!]*$")
_HEADING = re.compile(r" {0,3}(?P<level>#{1,6})(?:[ \t]+(?P<text>.*?))?(?:[ \t]+#+)?[ \t]*$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def criteria(body: str) -> tuple[Criterion, ...]:
    """The `- [ ] text (verify: COMMAND)` items of a task, in order; code blocks are not looked into.

    An item may be wrapped: indented lines below it belong to it, up to the end of its command.
    """
    if not _ANY_BOX.search(body):
        return ()
    found: list[Criterion] = []
    indent = -1
    for number, line in _outside_fences(body):
        if item := _ITEM.match(line):
            box = _BOX.match(item["rest"])
            indent = len(item["indent"]) if box else -1
            if box:
                found.append(Criterion(line=number, text=box["text"], command="", ticked=box["tick"] != " "))
        elif indent >= 0 and line.strip() and _indent(line) > indent and not _PROOF.search(found[-1].text):
            found[-1] = replace(found[-1], text=f"{found[-1].text} {line.strip()}")
        else:
            indent = -1
    return tuple(map(_with_command, found))


def answer_section(body: str) -> str:
    """What stands under the heading "Answer" of a question, up to the next heading of its level or higher.

    The last such heading counts: an agent that writes one into its question does not answer itself. HTML comments are
    left out; empty when there is no text.
    """
    lines = body.split("\n")
    headings = [(n, heading) for n, line in _outside_fences(body) if (heading := _HEADING.match(line))]
    answers = [at for at, (_, heading) in enumerate(headings) if (heading["text"] or "").strip().lower() == "answer"]
    if not answers:
        return ""
    start, opening = headings[answers[-1]]
    after = (n for n, heading in headings[answers[-1] + 1 :] if len(heading["level"]) <= len(opening["level"]))
    return _COMMENT.sub("", "\n".join(lines[start + 1 : next(after, len(lines))])).strip()


def first_heading(body: str) -> str:
    """The text of the heading that a body begins with; empty when it begins with something else."""
    first = next((line for line in body.splitlines() if line.strip()), "")
    heading = _HEADING.match(first)
    return (heading["text"] or "").strip() if heading else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _with_command(item: Criterion) -> Criterion:
    text = item.text.strip()
    proof = _PROOF.search(text)
    if proof is None:
        return replace(item, text=text)
    command = proof["command"].strip()
    if len(command) > 1 and command[0] == command[-1] == "`":
        command = command[1:-1].strip()
    return replace(item, text=text[: proof.start()].strip(), command=command)


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
