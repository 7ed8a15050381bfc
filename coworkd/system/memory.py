"""How much memory is free: of this machine, and within the control groups that this process is in.

Linux alone tells; elsewhere nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_USED, _LIMIT, _REUSABLE = 0, 1, 2
_VERSION_1 = ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file")
_VERSION_2 = ("memory.current", "memory.max", "inactive_file")
"""Names of what is used, of its limit, and of the cached files in `memory.stat` that the kernel gives up when asked."""


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that new processes can use before something is swapped out or killed; None where that is not known."""
    found = [size for size in (_machine(root), *_groups(root)) if size is not None]
    return max(min(found), 0) if found else None


def _machine(root: Path) -> int | None:
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _groups(root: Path) -> Iterator[int | None]:
    """What each group leaves that this process is in, the outer ones included."""
    tree = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, path = line.split(":", 2)
        if "memory" in kinds.split(","):
            top, names = tree / "memory", _VERSION_1
        elif not kinds:
            top, names = tree, _VERSION_2
        else:
            continue
        own = top / path.lstrip("/")
        for group in (own, *own.parents):
            yield _left(group, names)
            if group == top:
                break


def _left(group: Path, names: tuple[str, str, str]) -> int | None:
    used, limit = _text(group / names[_USED]).strip(), _text(group / names[_LIMIT]).strip()
    if not (used.isdigit() and limit.isdigit()):  # `max`, or no such group
        return None
    reusable = re.search(rf"^{names[_REUSABLE]} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
    return int(limit) - int(used) + (int(reusable[1]) if reusable else 0)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
