"""How much folders take on the disk: asked of `du`, at the lowest priority."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from coworkd.core.errors import CoworkError
from coworkd.system.process import commands

_TIMEOUT = 600.0


def disk_usage(
    folder: Path, names: Sequence[str], marker: str, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, int]:
    """Bytes by name of what is in a folder; those that are gone are left out.

    Blocks, for minutes where there are millions of files. `marker`: the `COWORK_RUN` of what is started. Raises
    CoworkError when it cannot be found out.
    """
    there = [name for name in names if os.path.lexists(folder / name)]
    if not there:
        return {}
    spec = commands.ProcessSpec(
        argv=("nice", "-n", "19", "du", "-s", "-k", "--", *there), cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        timeout=_TIMEOUT, marker=marker, merge_stderr=False,
    )  # fmt: skip
    ended = commands.run(spec, cancelled)
    found = dict(_line(line) for line in ended.tail.splitlines() if "\t" in line)
    # Files that go meanwhile make it complain, and are no reason to know nothing.
    if not found:
        raise CoworkError(f"`du` in {folder} ended with {ended.code}: {(ended.error_tail or ended.tail).strip()}")
    return found


def _line(line: str) -> tuple[str, int]:
    kilobytes, _, name = line.partition("\t")
    return name, int(kilobytes) * 1024
