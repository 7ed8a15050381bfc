"""Parts of the text of an item: sections, boxes. Pure."""

from __future__ import annotations

import re

from coworkd.interchange.items import SourceCriterion

_BOX = re.compile(r"\s*[-*+] \[(?P<tick>[ xX])\] +(?P<text>.+)")
_BULLET = re.compile(r"\s*(?:[-*+]|\d+[.)]) +")


def section(title: str, text: str) -> str:
    """A section with this heading; empty without text."""
    return f"## {title}\n\n{text.strip()}" if text.strip() else ""


def boxes_of(text: str) -> tuple[tuple[SourceCriterion, ...], list[str]]:
    """The criteria of a text: its boxes, and its other lines, each without a bullet."""
    boxes: list[SourceCriterion] = []
    plain: list[str] = []
    for line in text.splitlines():
        if found := _BOX.fullmatch(line):
            boxes.append(SourceCriterion(text=found["text"].strip(), ticked=found["tick"] != " "))
        elif line.strip() and not line.startswith("#"):
            plain.append(_BULLET.sub("", line, count=1).strip())
    return tuple(boxes), plain
