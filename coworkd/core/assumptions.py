"""The assumptions that an agent lists in its reply, under a heading "Assumptions". Pure."""

from __future__ import annotations

import re

_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?P<title>.*?)[ \t#]*")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+(?P<text>.*)")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_WANTED = "assumptions"


def listed_assumptions(reply: str) -> tuple[str, ...]:
    """Each list item under such a heading, or each paragraph where there is no list, as one line; in their order."""
    found: list[str] = []
    wanted = continues = fenced = False
    for line in reply.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.fullmatch(line)
        if heading is not None:
            wanted, continues = heading["title"].rstrip(": ").strip("*_").lower() == _WANTED, False
            continue
        text = line.strip()
        if not wanted or fenced or _FENCE.match(line):
            continue
        item = _ITEM.fullmatch(line)
        if item is not None or (text and not continues):
            found.append(item["text"].strip() if item is not None else text)
        elif text:
            found[-1] = f"{found[-1]} {text}"
        continues = bool(text)
    return tuple(one for one in found if one)
