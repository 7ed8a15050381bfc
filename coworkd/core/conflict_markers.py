"""Lines by which git marks a conflict in a file. Pure."""

from __future__ import annotations

_ENDS = (b"<<<<<<<", b">>>>>>>")
_INNER = (b"=======", b"|||||||")


def marker_lines(content: bytes) -> list[int]:
    """The numbers, from 1, of the lines that mark a conflict; a line of equals signs alone underlines a heading."""
    lines = content.splitlines()
    found = [number for number, line in enumerate(lines, 1) if _is_marker(line, _ENDS + _INNER)]
    return found if any(_is_marker(lines[number - 1], _ENDS) for number in found) else []


def _is_marker(line: bytes, markers: tuple[bytes, ...]) -> bool:
    return any(line == marker or line.startswith(marker + b" ") for marker in markers)
