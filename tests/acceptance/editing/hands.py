"""How real programs save a file, and two that are imitated step by step.

Each gets a file, a text to be found in it, and the text that is to stand there instead.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

Hand = Callable[[Path, str, str], None]

PROGRAMS = {"vim": "vim", "nano": "nano", "emacs": "emacs", "sed": "sed", "perl": "perl"}


def available(hand: str) -> bool:
    """Whether the program of this hand is installed; imitated ones always are."""
    program = PROGRAMS.get(hand.split("-", maxsplit=1)[0])
    return program is None or shutil.which(program) is not None


def _run(*words: str, cwd: Path) -> None:
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, (words, done.stdout[-500:], done.stderr[-500:])


def _vim(*settings: str) -> Hand:
    def save(file: Path, old: str, new: str) -> None:
        options = [word for setting in settings for word in ("-c", f"set {setting}")]
        _run(
            "vim", "-u", "NONE", "-i", "NONE", "-es", "--not-a-term", *options, "-c", f"%s/{old}/{new}/", "-c", "wq",
            file.name, cwd=file.parent,
        )  # fmt: skip

    return save


def _emacs(file: Path, old: str, new: str) -> None:
    program = (
        f'(progn (find-file "{file.name}") (goto-char (point-min)) (search-forward "{old}")'
        f' (replace-match "{new}" t t) (save-buffer))'
    )
    _run("emacs", "-Q", "--batch", "--eval", program, cwd=file.parent)


def _nano(file: Path, old: str, new: str) -> None:
    """On a terminal of its own: search and replace, save (also where the file has changed meanwhile), leave."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(file.parent)
        os.execvpe("nano", ["nano", "-I", file.name], {**os.environ, "TERM": "xterm"})
    try:
        for key in (b"\x1c", old.encode() + b"\r", new.encode() + b"\r", b"a", b"\x0f", b"\r"):
            _shown(terminal)
            os.write(terminal, key)
        _leave(pid, terminal)
    finally:
        os.close(terminal)


def _shown(terminal: int) -> bytes:
    """What it says until it has been silent for a moment: it waits for a key."""
    said = b""
    while select.select([terminal], [], [], 0.15)[0]:
        try:
            said += os.read(terminal, 65536)
        except OSError:
            break
    return said


def _leave(pid: int, terminal: int) -> None:
    """Until it has ended: it may still ask whether to save over what somebody else has written meanwhile."""
    until, said = time.monotonic() + 20, b""
    while time.monotonic() < until:
        now = _shown(terminal)
        said += now
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        if b"modified" in now or b"Wrote" in said:
            os.write(terminal, b"y" if b"modified" in now else b"\x18")
    raise AssertionError(f"nano did not end: {said[-500:]!r}")


def _sed(file: Path, old: str, new: str) -> None:
    _run("sed", "-i", f"s/{old}/{new}/", file.name, cwd=file.parent)


def _perl(file: Path, old: str, new: str) -> None:
    _run("perl", "-pi", "-e", f"s/{old}/{new}/", file.name, cwd=file.parent)


def _jetbrains(file: Path, old: str, new: str) -> None:
    """A new file beside it, the old one out of the way, a gap, the new one in, the old one deleted."""
    data = file.read_bytes().replace(old.encode(), new.encode())
    fresh, aside = file.with_name(f"{file.name}___jb_tmp___"), file.with_name(f"{file.name}___jb_old___")
    fresh.write_bytes(data)
    file.rename(aside)
    select.select([], [], [], 0.03)
    fresh.rename(file)
    aside.unlink()


def _code(file: Path, old: str, new: str) -> None:
    """Truncated in place, then written in two pieces."""
    data = file.read_bytes().replace(old.encode(), new.encode())
    with file.open("r+b", buffering=0) as opened:
        opened.truncate(0)
        select.select([], [], [], 0.01)
        opened.write(data[: len(data) // 2])
        opened.write(data[len(data) // 2 :])


HANDS: dict[str, Hand] = {
    "vim-copy": _vim("backup", "backupcopy=yes"),
    "vim-rename": _vim("backup", "backupcopy=no"),
    "vim-auto": _vim("backup", "backupcopy=auto"),
    "vim-nobackup": _vim("nobackup", "nowritebackup"),
    "nano": _nano,
    "emacs": _emacs,
    "sed": _sed,
    "perl": _perl,
    "jetbrains": _jetbrains,
    "code": _code,
}
"""By name; what stands before a dash is the program."""
