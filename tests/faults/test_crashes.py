"""kill -9 at every system call of the write protocol, and again during recovery; refusals at each of them.

Every case asserts that its fault really hit. `FAULTS=all` takes every call; otherwise a sample that keeps every call of
the protocol itself.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.faults.stories import STORIES, Scene, Story
from tests.faults.strace import DATABASE_CALLS, FILE_CALLS, Inject, Run, Stage, counts

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

EVERYTHING = os.environ.get("FAULTS") == "all"
SAMPLE = 1 if EVERYTHING else 12
"""Of SQLite's calls, of which there are many, each so-manieth is hit."""

ERRORS = {
    "openat": ("EMFILE", "EACCES"),
    "write": ("ENOSPC", "EIO"),
    "fchmod": ("EPERM",),
    "fsync": ("EIO",),
    "linkat": ("EIO", "EPERM"),
    "renameat2": ("EIO", "ENOSYS"),
    "rename": ("EXDEV", "EIO"),
    "unlink": ("EIO",),
    "mkdir": ("ENOSPC",),
    "read": ("EIO",),
    "pwrite64": ("ENOSPC", "EIO"),
    "fdatasync": ("EIO",),
    "pread64": ("EIO",),
}


@pytest.fixture(scope="module")
def stage() -> Generator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


class Bench:
    """One story, begun once; every case gets a copy."""

    def __init__(self, name: str, stage: Stage, root: Path) -> None:
        self.story: Story = STORIES[name]
        self._stage = stage
        self._root = root
        self.story.begin(root / "begun")
        self.plain = self._plain()

    def _plain(self) -> Run:
        """Without a fault: everything goes well, and says which calls there are to hit."""
        scene = self.scene()
        run = self.life(scene)
        assert (run.code, scene.end()) == (0, [])
        return run

    def scene(self) -> Scene:
        return Scene(self.story, self._root / "begun", self._root / "case")

    def life(self, scene: Scene, inject: Inject | None = None) -> Run:
        return self._stage.run(scene.root, inject, self.story)

    def hits(self, calls: tuple[str, ...], run: Run) -> Iterator[tuple[str, int]]:
        """Which call to hit, and the how-manieth of them; not those that never work here anyway."""
        never = {fault.split(":")[0] for fault in self.story.lacking}
        for call in (call for call in calls if call not in never):
            step = SAMPLE if call in DATABASE_CALLS else 1
            yield from ((call, when) for when in range(1, counts(run)[call] + 1, step))


@pytest.fixture(params=STORIES)
def bench(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> Bench:
    return Bench(request.param, stage, tmp_path)


def test_kill_at_every_call(bench: Bench) -> None:
    wrong: dict[str, object] = {}
    for call, when in bench.hits(FILE_CALLS + DATABASE_CALLS, bench.plain):
        scene, inject = bench.scene(), Inject(call=call, when=when)
        run = bench.life(scene, inject)
        assert run.code == -9, f"{inject} has not hit: {run.error}"
        if found := scene.end():
            wrong[str(inject)] = (run.fired, found)
    assert wrong == {}


ORDER = (
    r"openat .*tasks/\.a\.md\.[0-9a-f]{8}~.*O_EXCL",
    r"write .*tasks/\.a\.md\.[0-9a-f]{8}~",
    r"fsync .*tasks/\.a\.md\.[0-9a-f]{8}~",  # the new bytes are on disk,
    r"pwrite64 .*state\.db-wal",
    r"fdatasync .*state\.db-wal",  # and so is the intent,
    r"openat .*tasks/a\.md.*O_RDONLY",  # when the last look at what stands there
    r"renameat2 .*RENAME_EXCHANGE",  # is followed by the exchange;
    r"fsync .*tasks>",  # the names are on disk
    r"openat .*tasks/\.a\.md\.[0-9a-f]{8}~.*O_RDONLY",  # before what was displaced is looked at,
    r"pwrite64 .*state\.db-wal",
    r"rename .*trash/",  # and kept.
)


def test_the_steps_of_a_write_come_in_their_order(stage: Stage, tmp_path: Path) -> None:
    said = [f"{call.name} {call.words}" for call in Bench("a file that is there", stage, tmp_path).plain.calls]
    at = 0
    for step in ORDER:
        found = next((number for number in range(at, len(said)) if re.match(step, said[number])), None)
        assert found is not None, f"no {step} after {said[at - 1]}"
        at = found + 1


def test_kill_again_during_recovery(bench: Bench) -> None:
    """First at the calls around the exchange, then at each call of what follows."""
    firsts = [Inject(call="fsync", when=counts(bench.plain)["fsync"]), Inject(call="pwrite64", when=36)]
    wrong: dict[str, object] = {}
    for first in firsts:
        recovery = _recovery(bench, first)
        for call, when in bench.hits(FILE_CALLS + (DATABASE_CALLS if EVERYTHING else ()), recovery):
            scene, again = bench.scene(), Inject(call=call, when=when)
            assert bench.life(scene, first).code == -9
            assert bench.life(scene, again).code == -9, f"{again} has not hit"
            if found := scene.end():
                wrong[f"{first}, {again}"] = found
    assert wrong == {}


def _recovery(bench: Bench, first: Inject) -> Run:
    scene = bench.scene()
    assert bench.life(scene, first).code == -9
    run = bench.life(scene)
    assert (run.code, scene.end()) == (0, [])
    return run


def test_a_refusal_at_every_call(bench: Bench) -> None:
    """Only the database may end a life; whatever the folder refuses is lived with."""
    wrong: dict[str, object] = {}
    for call, when in bench.hits(tuple(ERRORS), bench.plain):
        for error in ERRORS[call]:
            scene, inject = bench.scene(), Inject(call=call, when=when, how=f"error={error}")
            run = bench.life(scene, inject)
            assert run.fired is not None, f"{inject} has not hit"
            ended = [f"it ended: {run.error}"] if run.code and not run.fired.database else []
            if found := ended + scene.end():
                wrong[str(inject)] = (run.fired, found)
    assert wrong == {}


def test_a_write_that_keeps_less_than_it_says(bench: Bench) -> None:
    wrong: dict[str, object] = {}
    for call, when in bench.hits(("write",), bench.plain):
        scene, inject = bench.scene(), Inject(call=call, when=when, how="retval=1")
        run = bench.life(scene, inject)
        assert run.fired is not None
        if found := scene.end():
            wrong[str(inject)] = (run.fired, found)
    assert wrong == {}
