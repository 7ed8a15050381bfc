"""Reading JSON of a program that is not trusted: what does not have the expected shape reads as absent. Pure."""

from __future__ import annotations

from typing import cast

from coworkd.agents.json_codec import Json


def value_at(message: object, *names: str) -> Json:
    """The value at the end of a chain of keys; None where the chain breaks."""
    found = cast(Json, message)
    for name in names:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def text_at(message: object, *names: str) -> str:
    """As `part`, where it is a string; else empty."""
    found = value_at(message, *names)
    return found if isinstance(found, str) else ""


def number_at(message: object, *names: str) -> int:
    """As `part`, where it is a number; else 0. Less than nothing reads as nothing."""
    found = value_at(message, *names)
    return max(0, int(found)) if isinstance(found, int | float) and not isinstance(found, bool) else 0


def items_at(message: object, *names: str) -> tuple[Json, ...]:
    """As `part`, where it is an array; else empty."""
    found = value_at(message, *names)
    return tuple(found) if isinstance(found, list) else ()
