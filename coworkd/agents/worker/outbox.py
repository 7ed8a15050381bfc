"""The outbox of a run: files that the agent leaves become its messages, questions and requests for permission.

Everything in it is the agent's, so nothing is trusted: no link is followed, nothing is read without a bound, and what
cannot be accepted is reported in the thread instead of being lost.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from coworkd.agents.port import Asked, AskKind, Posted
from coworkd.core.errors import DocumentError
from coworkd.documents import markdown
from coworkd.system.folder_events import FolderEvents

MAX_FILE_BYTES = 256 * 1024
"""Bytes of one message."""
MAX_FILES = 1000
"""Messages of one run."""
SETTLE_SECONDS = 0.2
"""Seconds without a change after which a file counts as written."""

_MAX_NAME = 200
_LOOK_INTERVAL = 0.2
"""Seconds between looks at a folder that changes, or that tells nothing of its changes."""

Signature = tuple[int, int, int]
"""Inode, size and time of the last change: equal means untouched."""


def read_message(name: str, content: bytes) -> Asked | Posted:
    """The message in a file of the outbox. A header that cannot be read makes it a plain message with a remark."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return refused_file(name, f"it is not UTF-8 (byte {error.start})")
    try:
        document = markdown.parse(content)
    except DocumentError as error:
        remark = f"\n\n> The header of this message could not be read: {error.message}\n"
        return Posted(name=name, text=text + (remark if text.startswith("---") else ""))
    kind = _ask_kind(document)
    if kind is None:
        return Posted(name=name, text=text)
    return Asked(
        request=name,
        kind=kind,
        text=document.body.strip(),
        tool=_text(document.get("tool")),
        arguments=_text(document.get("arguments")),
        title=_text(document.get("title")),
    )


def refused_file(name: str, reason: str) -> Posted:
    """The message that stands for one that cannot be taken."""
    return Posted(name=name, text=f"The agent left `{ascii(name)[1:-1]}` in its outbox, which was not taken: {reason}.")


class Outbox:
    """Takes each file once per content, also over several starts of the same run.

    `answered` tells whether a request has its answer already: one of an earlier start that has none is asked again.
    """

    def __init__(
        self, folder: Path, ledger: Path, answered: Callable[[str], bool], changes: FolderEvents | None = None
    ) -> None:
        """`changes` tells of changes in the folder; None: the events of this system."""
        folder.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._ledger = ledger
        self._taken = _read_ledger(ledger, answered)
        self._changed: dict[str, tuple[Signature, float]] = {}
        self._looked_at: dict[str, Signature] = {}
        self._count = 0
        self._changes = changes or FolderEvents(folder)
        self._changing = True
        self._next_look = 0.0

    @property
    def fd(self) -> int | None:
        """Readable when there may be something new, for `note_change` to be called. None: it has to be looked for."""
        return self._changes.fd

    def note_change(self) -> None:
        self._changes.clear()
        self._changing = True

    def seconds_to_look(self, now: float) -> float | None:
        """How long to wait until the next `poll`, if nothing happens; None: until something does."""
        if self._changing or self._changed or self._changes.fd is None:
            return max(0.0, self._next_look - now)
        return None

    def poll(self, now: float, settled: float = SETTLE_SECONDS) -> Iterator[Asked | Posted]:
        """What was left since the last look and has not changed for `settled` seconds; `now` is monotonic.

        An event counts as taken when the next one is asked for.
        """
        self._changing = False
        self._next_look = now + _LOOK_INTERVAL
        for name, signature in self._files():
            if self._looked_at.get(name) == signature:
                continue
            known, since = self._changed.get(name, (None, now))
            if known != signature:
                since = now
                self._changed[name] = (signature, now)
            if now - since >= settled:
                self._looked_at[name] = signature
                del self._changed[name]
                yield from self._take(name)

    def poll_all(self, now: float) -> Iterator[Asked | Posted]:
        """All that is left, when nothing writes any more."""
        return self.poll(now, settled=0.0)

    def close(self) -> None:
        self._changes.close()
        os.close(self._fd)

    def _files(self) -> list[tuple[str, Signature]]:
        """Candidates, oldest first."""
        found: list[tuple[int, str, Signature]] = []
        with os.scandir(self._fd) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.endswith(".md"):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # taken back by the agent
                found.append((status.st_mtime_ns, entry.name, (status.st_ino, status.st_size, status.st_mtime_ns)))
        return [(name, signature) for _, name, signature in sorted(found)]

    def _take(self, name: str) -> Iterator[Asked | Posted]:
        if self._count > MAX_FILES:
            return
        content = self._read(name)
        event = content if isinstance(content, Posted) else read_message(name, content)
        digest = hashlib.sha256(content.text.encode() if isinstance(content, Posted) else content).hexdigest()
        if self._taken.get(name) == digest:
            return
        self._count += 1
        if self._count > MAX_FILES:
            event = refused_file(name, f"it is the one after {MAX_FILES}, which is the most that one run may leave")
        self._taken[name] = digest
        yield event
        self._remember(name, digest, isinstance(event, Asked))

    def _read(self, name: str) -> bytes | Posted:
        """The content of a file, or why it is refused."""
        if not name.isprintable() or len(name) > _MAX_NAME:
            return refused_file(
                "unreadable-name.md", f"its name {ascii(name)[:_MAX_NAME]} cannot be the name of a message"
            )
        try:
            # Not blocking, because it may be a FIFO that is never written to.
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)
        except OSError as error:
            return refused_file(name, f"it cannot be opened as a regular file ({error.strerror})")
        try:
            regular = stat.S_ISREG(os.fstat(fd).st_mode)
            content = _read_at_most(fd, MAX_FILE_BYTES + 1) if regular else b""
        finally:
            os.close(fd)
        if not regular:
            return refused_file(name, "it is not a regular file")
        return (
            content
            if len(content) <= MAX_FILE_BYTES
            else refused_file(name, f"it is larger than {MAX_FILE_BYTES} bytes")
        )

    def _remember(self, name: str, digest: str, asked: bool) -> None:
        with self._ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, digest, asked]) + "\n")


def _read_at_most(fd: int, size: int) -> bytes:
    content = bytearray()
    while len(content) < size and (chunk := os.read(fd, size - len(content))):
        content += chunk
    return bytes(content)


def _read_ledger(path: Path, answered: Callable[[str], bool]) -> dict[str, str]:
    taken: dict[str, str] = {}
    if not path.exists():
        return taken
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            name, digest, asked = json.loads(line)
        except ValueError:
            continue  # torn by a crash: its file is taken again
        taken[name] = digest
        if asked and not answered(name):
            del taken[name]
    return taken


def _ask_kind(document: markdown.Document) -> AskKind | None:
    if _text(document.get("approval")).lower() == "pending":
        return AskKind.PERMISSION
    return AskKind.QUESTION if _text(document.get("kind")).lower() == "question" else None


def _text(value: markdown.Value) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
