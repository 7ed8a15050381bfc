"""What the engine is about to do when a fault hits it, and what must be true when it has recovered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coworkd.core.model import Status
from coworkd.documents.decoding import kind_of
from coworkd.sync.disk.atomic_writer import LATE_WRITE_DELAY
from coworkd.sync.disk.folder import DISPLACED_FOLDER, digest
from tests.integration.workspacekit import TASK, Workspace

MESSAGE = "messages/a/hello.md"
TEXT = "---\n# mine t00001x\nstatus: ready   # typed\nlabels: [ui]\n---\nDo it. t00002x\n"
RIVAL = TEXT.replace("Do it.", "Do it well. t00003x")
WRITTEN = "---\nfrom: ed\nkind: reply\n---\nDone. t00004x\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How a workspace stands before the fault. `rival` is saved just before the exchange."""

    rival: dict[str, str] = field(default_factory=dict[str, str])
    message: bool = False
    """The daemon has a file of its own to write, too."""
    late: bool = False
    """An editor has the file open, and writes into it at the very end."""
    lacking: tuple[str, ...] = ()
    """What kernel or file system cannot do: injections that hit every such call."""
    tokens: tuple[str, ...] = ("t00001x", "t00002x")
    """What somebody wrote, and must find in a file afterwards."""

    def begin(self, root: Path) -> None:
        """A task whose start is recorded, and not yet said in its file."""
        place = Workspace(root)
        place.save(TEXT)
        place.turns(4)
        place.move(status=Status.RUNNING, attempt=1, by="anna-0001", requested_status="")
        if self.message:
            place.want(WRITTEN, MESSAGE)
        place.db.close()


STORIES: dict[str, Story] = {
    "a file that is there": Story(),
    "a new file": Story(message=True, tokens=("t00001x", "t00002x", "t00004x")),
    "a save in the last instant": Story(rival={TASK: RIVAL}, tokens=("t00001x", "t00002x", "t00003x")),
    "an editor that has it open": Story(late=True, tokens=("t00001x", "t00002x", "t00003x")),
    "a kernel that cannot exchange": Story(
        rival={TASK: RIVAL}, lacking=("renameat2:error=ENOSYS",), tokens=("t00001x", "t00002x", "t00003x")
    ),
    "a file system without links": Story(
        message=True, lacking=("renameat2:error=EINVAL", "linkat:error=EPERM"), tokens=("t00001x", "t00004x")
    ),
    "a trash elsewhere": Story(late=True, lacking=("rename:error=EXDEV:when=1+2",), tokens=("t00001x", "t00002x")),
}


class Scene:
    """One case: a copy of the story's workspace, what happens to it, and the verdict."""

    def __init__(self, story: Story, begun: Path, root: Path) -> None:
        self._story = story
        self.root = root
        shutil.copytree(begun, root, symlinks=True)
        self._editor = os.open(root / ".cowork" / TASK, os.O_WRONLY) if story.late else -1

    def end(self) -> list[str]:
        """Let it recover without any fault, and say everything that is wrong then."""
        try:
            return self._end()
        finally:
            if self._editor >= 0:
                os.close(self._editor)
            shutil.rmtree(self.root)

    def _end(self) -> list[str]:
        if self._story.late:
            os.ftruncate(self._editor, 0)
            os.pwrite(self._editor, RIVAL.encode(), 0)
        place = self._recovered()
        wrong = list(_wrong(place, self._story))
        place.db.close()
        return wrong

    def _recovered(self) -> Workspace:
        place = Workspace(self.root)
        # Later than whatever the life before has put off.
        place.now += 60
        place.engine.recover(place.now)
        place.turns(6)
        place.turns(2, LATE_WRITE_DELAY)
        return place


def _wrong(place: Workspace, story: Story) -> Iterator[str]:
    files = place.files()
    # A rival that was never asked to save has written nothing.
    owed = [token for token in story.tokens if token != "t00003x" or story.late or _saved(files, place)]
    for token in owed:
        if not any(token.encode() in data for path, data in files.items() if kind_of(path) is not None):
            where = "kept aside" if token.encode() in place.everywhere() else "nowhere"
            yield f"{token} is in no document; it is {where}"
    task = place.task()
    if (task.status, task.requested_status, task.attempt) != (Status.RUNNING, "", 1):
        yield f"the task is {task.status}, wanted {task.requested_status!r}, attempt {task.attempt}"
    yield from _apart(place, files)


def _saved(files: dict[str, bytes], place: Workspace) -> bool:
    return b"t00003x" in b"".join(files.values()) or b"t00003x" in place.everywhere()


def _apart(place: Workspace, files: dict[str, bytes]) -> Iterator[str]:
    """Where files and rows differ, and what was left lying about."""
    for path, data in files.items():
        if path == f"{DISPLACED_FOLDER}/.gitignore":
            continue
        if kind_of(path) is None:
            yield f"{path} was left behind"
            continue
        row = place.document(path)
        if not row.target_sha == row.disk_sha == digest(data):
            yield f"{path} is not what the database thinks or wants: {data!r}"
    if "status: running   # typed" not in place.text():
        yield f"the file does not say that it runs, or lost its comment: {place.text()!r}"
    for row in place.db.query("SELECT path FROM writes"):
        yield f"the write of {row['path']} was never finished"
    for row in place.db.query("SELECT path, message FROM problems"):
        yield f"a problem was left: {row['path']}: {row['message']}"
