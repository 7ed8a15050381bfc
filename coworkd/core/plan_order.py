"""The place of a plan or task among the children of its plan: `order: 2.10`, compared part by part.

2 < 2.1 < 2.2 < 2.10 < 3: a phase can be put between two others without a new number for the rest.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Order: TypeAlias = tuple[int, ...]
"""The parts; empty: it has no place."""

MAX_PARTS = 6
_WRITTEN = re.compile(rf"\d{{1,6}}(?:\.\d{{1,6}}){{0,{MAX_PARTS - 1}}}")


def parse_order(text: str) -> Order | None:
    """The parts of a written place; None where it is none."""
    return tuple(int(part) for part in text.split(".")) if _WRITTEN.fullmatch(text) else None


def order_text(order: Order) -> str:
    """The place as it is written."""
    return ".".join(map(str, order))


def sort_key(order: Order) -> tuple[bool, Order]:
    """What has no place comes after what has one."""
    return (not order, order)
