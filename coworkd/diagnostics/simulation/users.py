"""People with buffers: what they load, type and save, and what they have seen of what they replace."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from coworkd.core.errors import DocumentError
from coworkd.core.model import Status
from coworkd.diagnostics.simulation.disk import Descriptor
from coworkd.diagnostics.simulation.editors import in_place, replacing, saving
from coworkd.diagnostics.simulation.external_editors import Act, ExternalEditors
from coworkd.diagnostics.simulation.steps import Step, Style
from coworkd.documents.editing import edit
from coworkd.documents.markdown import Value, parse

TOKEN = re.compile(rb"\bt\d{5}x\b")
"""What every piece of text that a simulated person writes is known by."""


def tokens(data: bytes) -> set[bytes]:
    return set(TOKEN.findall(data))


@dataclass(slots=True)
class _Buffer:
    data: bytes
    taken_out: set[bytes] = field(default_factory=set[bytes])
    """Tokens that its author had before their eyes and removed."""
    word: str = ""
    """A status that was typed and not saved yet."""


@dataclass(slots=True)
class People:
    """Everybody who edits. Keeps account of what the oracle asks: tokens given up, and statuses meant."""

    outside: ExternalEditors
    given_up: set[bytes] = field(default_factory=set[bytes])
    meant: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """How often a status was typed and saved, by path and word."""
    _last: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """The status that was last saved in a file, by path and the daemon's revision in it."""
    _buffers: dict[tuple[int, str], _Buffer] = field(default_factory=dict[tuple[int, str], _Buffer])
    _held: dict[tuple[int, str], Descriptor] = field(default_factory=dict[tuple[int, str], Descriptor])

    # ---- buffers

    def new(self, step: Step) -> list[Act]:
        status = f"status: {step.value}\n" if step.value else ""
        token = f"t{step.salt % 100000:05d}x"
        text = f"---\ntitle: {step.path}\n{status}---\n\nWhat is to be done.\n{token}\n"
        if step.path in self.outside.disk.names:
            return []
        self._buffers[step.actor, step.path] = _Buffer(text.encode(), word=step.value or "ready")
        return self.save(step)

    def load(self, step: Step) -> None:
        """An empty or unreadable file is not worked on: the editor loads it again."""
        data = self.outside.disk.data(step.path)
        if data and _readable(data):
            self._buffers[step.actor, step.path] = _Buffer(data)

    def write(self, step: Step) -> None:
        """A line at the end, or (every other time) above the rest of the body."""
        if buffer := self._buffers.get((step.actor, step.path)):
            line = f"{step.value} by {step.actor}\n".encode()
            head, fence, body = buffer.data.rpartition(b"\n---\n")
            top = step.salt % 2 and fence
            buffer.data = head + fence + line + body if top else buffer.data + line

    def rewrite(self, step: Step) -> bool:
        buffer = self._buffers.get((step.actor, step.path))
        found = sorted(tokens(buffer.data)) if buffer else []
        if buffer is None or not found:
            return False
        buffer.data = buffer.data.replace(found[-1], step.value.encode())
        buffer.taken_out.add(found[-1])
        return True

    def set(self, step: Step, key: str, value: Value) -> None:
        """Change a value of the header."""
        buffer = self._buffers.get((step.actor, step.path))
        if buffer is None:
            return
        changed = edit(buffer.data, {(key,): value})
        if key == "status" and changed != buffer.data:
            buffer.word = step.value
        buffer.data = changed

    def label(self, step: Step) -> None:
        if buffer := self._buffers.get((step.actor, step.path)):
            known = parse(buffer.data).get("labels")
            self.set(step, "labels", [*(known if isinstance(known, list) else []), step.value])

    # ---- saving

    def save(self, step: Step) -> list[Act]:
        buffer = self._buffers.get((step.actor, step.path))
        if buffer is None:
            return []
        return self._meaning(step.path, buffer, saving(self.outside.disk, step.path, buffer.data, step.style))

    def _meaning(self, path: str, buffer: _Buffer, acts: list[Act]) -> list[Act]:
        """The steps of a save, with what it meant entered at the first and, if it meant nothing then, at the last.

        What others do in between may make a status request of it, and the daemon may see the new text before the last
        step.
        """
        data, taken_out, word = buffer.data, buffer.taken_out, buffer.word
        buffer.taken_out, buffer.word = set(), ""
        self.given_up |= taken_out
        counted: list[bool] = []

        def account() -> None:
            if not any(counted):
                counted.append(self._count(path, data, word))

        first, *rest = acts
        *between, last = rest or [lambda: None]
        return [_both(account, first), *between, _both(last, account)]

    def restored(self, path: str, data: bytes) -> None:
        """Git brought back what a person had saved: to the engine that is the same as saving it again."""
        self._count(path, data, "again")

    def _count(self, path: str, data: bytes, typed: str) -> bool:
        """A status was meant if it was typed, brings a deleted file back, or replaces one saved on the same revision.

        The bytes do not tell the last from typing it again.
        """
        if not _readable(data):
            return False
        document = parse(data)
        status, cowork = document.get("status"), document.get("cowork")
        word = status.lower() if isinstance(status, str) else Status.READY
        rev = str(cowork.get("rev")) if isinstance(cowork, dict) else ""
        place = path, rev
        meant = bool(typed) or path not in self.outside.disk.names or self._last.get(place, word if rev else "") != word
        self.meant[path, word] += meant
        self._last[place] = word
        return meant

    def flicker(self, step: Step) -> list[Act]:
        """A save by rename, and at once another one in place that only exchanges a word of the same length."""
        self.load(step)
        if not self.rewrite(step):
            return []
        buffer = self._buffers[step.actor, step.path]
        second = buffer.data.replace(step.value.encode(), f"t9{step.value[2:]}".encode())
        first = replacing(self.outside.disk, step.path, buffer.data, f"quick-{step.path.rpartition('/')[2]}.tmp")
        self.given_up.add(step.value.encode())
        buffer.data = second
        return self._meaning(step.path, buffer, [*first, *in_place(self.outside.disk, step.path, [second])])

    def hold(self, step: Step) -> None:
        self.load(step)
        if step.path in self.outside.disk.names and (step.actor, step.path) in self._buffers:
            self._held[step.actor, step.path] = self.outside.disk.open(step.path)

    def late(self, step: Step) -> list[Act]:
        """Through the old descriptor, wherever its file has gone."""
        descriptor = self._held.pop((step.actor, step.path), None)
        buffer = self._buffers.get((step.actor, step.path))
        if descriptor is None or buffer is None:
            return []
        disk, data = self.outside.disk, buffer.data
        acts: list[Act] = [lambda: disk.write(descriptor.inode, data), lambda: disk.close(descriptor)]
        return self._meaning(step.path, buffer, acts)

    def command(self, step: Step) -> list[Act]:
        """What the command line does to a file: read, edit, replace."""
        data = self.outside.disk.data(step.path)
        if not data or not _readable(data):
            return []
        changed = edit(data, {("status",): step.value})
        if changed == data:
            return []
        name = f".{step.path.rpartition('/')[2]}~"
        acts = replacing(self.outside.disk, step.path, changed, name)
        return self._meaning(step.path, _Buffer(changed, word=step.value), acts)

    def say(self, step: Step) -> list[Act]:
        stem = step.path.rpartition("/")[2].removesuffix(".md")
        path = f"messages/{stem}/{step.value}.md"
        return saving(self.outside.disk, path, f"Please look at {step.value}.\n".encode(), Style.IN_PLACE)


def _both(one: Act, other: Act) -> Act:
    def act() -> None:
        one()
        other()

    return act


def _readable(data: bytes) -> bool:
    try:
        return bool(parse(data).entries)
    except DocumentError:
        return False
