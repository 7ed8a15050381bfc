"""How a diff is shown on a terminal: by delta or difftastic where one is installed, and never so that it commands the
terminal, for an agent wrote the text.
"""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from coworkd.cli.output import plain
from coworkd.core.terminal_text import visible
from coworkd.merge.git.change_summary import changed_files
from coworkd.system.git import Repo
from coworkd.system.process import commands

MAX_FILES = 300
"""Files that difftastic is given; of a larger change the plain diff is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two commits; either may be named by an expression."""

    old: str
    new: str


def diff_as_shown(text: str, *, terminal: bool) -> str:
    """On a terminal without what would command it: an agent wrote the text. Elsewhere as it is, for `git apply`."""
    if not terminal:
        return text
    # A byte that is no text commands some terminals, too.
    readable = text.encode("utf-8", "surrogateescape").decode(errors="replace")
    return "\n".join(map(plain, readable.split("\n")))


def viewed(repo: Repo, comparison: Comparison, shown: str) -> str:
    """What delta, else difft, makes of a change; empty: neither is installed, or it failed.

    `shown` is the diff as a terminal may have it. The programs are given nothing else: their output is shown as it is.
    """
    width = shutil.get_terminal_size().columns
    if delta := shutil.which("delta"):
        return _output((delta, "--paging=never", f"--width={width}"), repo.root, shown)
    if difft := shutil.which("difft"):
        with TemporaryDirectory(prefix="coworkd-diff-") as folder:
            if not _write_sides(repo, comparison, Path(folder)):
                return ""
            return _output((difft, "--color=always", f"--width={width}", "before", "after"), Path(folder), "")
    return ""


def _output(argv: tuple[str, ...], cwd: Path, given: str) -> str:
    """What a program prints that is given a text; empty where it failed."""
    try:
        child = commands.spawn(argv, cwd=cwd, env=None)
    except OSError:
        return ""
    writer = threading.Thread(target=_write, args=(child.stdin, given.encode(errors="replace")), daemon=True)
    writer.start()
    try:
        printed = child.stdout.read()
        return printed.decode(errors="replace") if child.wait() == 0 else ""
    finally:
        child.kill()
        writer.join()
        child.wait()
        child.close()


def _write(pipe: IO[bytes], data: bytes) -> None:
    with suppress(OSError, ValueError):
        pipe.write(data)
        pipe.close()


def _write_sides(repo: Repo, comparison: Comparison, folder: Path) -> bool:
    """Both versions of every changed file, as a terminal may have them; False where there are too many."""
    files = changed_files(repo, comparison.old, comparison.new)
    if len(files) > MAX_FILES:
        return False
    for side in ("before", "after"):
        (folder / side).mkdir()
    for file in files:
        # Both stand under one name, for a renamed file is to be compared with what it was.
        _write_version(repo, f"{comparison.old}:{file.old_path or file.path}", folder / "before" / visible(file.path))
        _write_version(repo, f"{comparison.new}:{file.path}", folder / "after" / visible(file.path))
    return True


def _write_version(repo: Repo, expression: str, target: Path) -> None:
    """One version of a file; none where it does not exist, or is binary."""
    blob = repo.resolve(expression)
    data = repo.blob(blob) if blob else b"\0"
    if b"\0" not in data:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(diff_as_shown(data.decode("utf-8", "surrogateescape"), terminal=True))
