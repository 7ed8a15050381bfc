"""How the product shows a text that is too long, an amount of money and a length of time: each in one way.

Pure.
"""

from __future__ import annotations

CUT = "…"
"""Stands where something of a text was left out."""

_CENT = 0.01
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def shorten(text: str, most: int) -> str:
    """The beginning of a text, in at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}{CUT}"


def shorten_start(text: str, most: int) -> str:
    """The end of a text, in at most so many characters."""
    return text if len(text) <= most else f"{CUT}{text[len(text) - most + 1 :]}"


def shorten_middle(text: str, most: int) -> str:
    """Both ends of a text, in at most so many characters: names that begin alike are told apart by their ends."""
    tail = most // 3
    return text if len(text) <= most else f"{text[: most - tail - 1]}{CUT}{text[len(text) - tail :]}"


def last_line(text: str, most: int) -> str:
    """The last line that is not blank, which is where programs say what went wrong; empty: there is none."""
    return shorten(next((line.strip() for line in reversed(text.splitlines()) if line.strip()), ""), most)


def format_usd(usd: float, *, estimated: bool = False) -> str:
    """An amount; `~` marks one that is estimated, or that a subscription covers. Less than a cent has four digits."""
    digits = 4 if 0 < usd < _CENT else 2
    return f"{'~' if estimated else ''}${usd:.{digits}f}"


def format_bytes(size: int) -> str:
    """A size in its largest decimal unit: `1.2 GB`, `340 MB`, `5 kB`; below that `0 kB`."""
    for unit, power in (("TB", 12), ("GB", 9)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return f"{size // 10**6} MB" if size >= 10**6 else f"{size // 1000} kB"


def format_duration(seconds: float) -> str:
    """A length of time in its largest unit: `3 d`, `2 h`, `5 min`, `40 s`."""
    seconds = max(seconds, 0)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def format_age(seconds: float) -> str:
    """The same for a narrow column: `3d`, `2h`, `5m`, `40s`."""
    number, unit = format_duration(seconds).split()
    return f"{number}{unit[0]}"
