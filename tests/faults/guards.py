"""Takes each guard of the sync engine and of landing away in turn, and sees that the tests miss it: `python -m tests.faults.guards`.

A guard is an exact piece of source and what stands there without it. The package and its tests are copied, one edit is
made in the copy, and the tests that watch over the guard must fail there; on an unchanged copy all of them must hold.
An edit that no longer applies is an error: the guard was moved, and this list must follow.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
COPIED = ("coworkd", "tests", "pyproject.toml", "examples", "docs")

APPLY, ENGINE, GUARD, FILES = (
    "tests/integration/sync/disk/test_atomic_writer.py", "tests/integration/sync/test_engine.py", "tests/unit/sync/test_guards.py",
    "tests/integration/sync/disk/test_folder.py",
)  # fmt: skip
ORDER = "tests/faults/test_crashes.py -k order"
CRASHES = "tests/faults/test_crashes.py -k kill_at_every"
LANDING = "tests/integration/landing"
MERGES = "tests/integration/merge/git/test_integration.py -k landing_moves"
"""In the histories of `LANDING` hardly ever anybody moves a branch between the look and the move."""
BRANCHES = "tests/unit/merge/test_branch_rules.py"
"""In those histories a branch that is gone comes back also by being made again from the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One protection, how to take it away, and who has to notice."""

    name: str
    file: str
    old: str
    new: str
    watched_by: str

    def applies(self, root: Path) -> bool:
        """Whether the source has this piece exactly once."""
        return (root / "coworkd" / self.file).read_text().count(self.old) == 1

    def remove(self, root: Path) -> None:
        path = root / "coworkd" / self.file
        path.write_text(path.read_text().replace(self.old, self.new))


def _guard(name: str, file: str, old: str, new: str, watched_by: str) -> Guard:
    return Guard(name=name, file=file, old=old, new=new, watched_by=watched_by)


GUARDS = (
    _guard("the new bytes are synced", "system/durable_files.py",
           "        if durable:\n            os.fsync(descriptor)\n", "", ORDER),
    _guard("the names are synced", "system/durable_files.py",
           "    try:\n        os.fsync(descriptor)\n", "    try:\n        pass\n", ORDER),
    _guard("the intent is durable", "sync/disk/atomic_writer.py", "        with self._db.write(durable=True):\n",
           "        with self._db.write():\n", ORDER),
    _guard("two files are exchanged in one step", "sync/disk/folder.py", "    if not swap(first, second):\n",
           "    os.replace(first, second)\n    if False:\n", ORDER),
    _guard("the last look before a write", "sync/disk/atomic_writer.py",
           "        if not self._is_unchanged(write.path, write.expected) or not self._folder.exchange(write.temporary, write.path):\n",
           "        if not self._folder.exchange(write.temporary, write.path):\n", APPLY),
    _guard("the look at what was displaced", "sync/disk/atomic_writer.py", "        if not self._is_unchanged(write.temporary, write.expected):\n",
           "        if False:\n", APPLY),
    _guard("what a crash displaced is taken in", "sync/disk/atomic_writer.py", " and not take_in(path, held.data):\n",
           " and False:\n", APPLY),
    _guard("what was displaced is kept", "sync/disk/atomic_writer.py", "self._folder.move_to_trash(write.temporary, _trash_name(write.temporary, now))",
           "self._folder.discard(write.temporary)", APPLY),
    _guard("late writes are looked for", "sync/disk/atomic_writer.py", "        add_displaced_file(self._db, file, now + LATE_WRITE_DELAY)\n",
           "        add_displaced_file(self._db, file, now + 1e9)\n", APPLY),
    _guard("leftovers are put away", "sync/scanner.py", "        self._writer.discard_leftovers(cut_short, now)\n", "", CRASHES),
    _guard("short writes are noticed", "system/durable_files.py",
           "        if (size := os.fstat(descriptor).st_size) != len(data):\n", "        if (size := 0):\n",
           "tests/faults/test_crashes.py -k keeps_less"),
    _guard("our bytes are remembered before they are written", "sync/pusher.py",
           "        keep_base(self._db, row.path, base, row.target_sha, now)\n",
           "", ENGINE),
    _guard("the base is what a person saved last", "sync/merging/three_way.py", "    return (by_person or same or [None])[0]\n",
           "    return ([*(base for base in same if not base.person), *by_person] or [None])[0]\n",
           "tests/unit/diagnostics/test_simulation.py -k named"),
    _guard("an unknown revision moves nothing", "sync/ingest/task_rows.py", "    if incoming.unknown_rev:\n", "    if False:\n",
           ENGINE),
    _guard("a missing file is given time", "sync/guards.py", "\nMISSING_GRACE = 1.0\n", "\nMISSING_GRACE = -100.0\n", ENGINE),
    _guard("an unreadable file is given time", "sync/guards.py", "UNREADABLE_GRACE = 2.0\n",
           "UNREADABLE_GRACE = -1e12\n", ENGINE),
    _guard("a file changed just now is looked at again", "sync/stat_cache.py", "RACY_NS = 20_000_000\n",
           "RACY_NS = -(10**18)\n", ENGINE),
    _guard("a torn read is no read", "sync/disk/folder.py",
           "        if not before == opened == after == self.stat(path) or len(data) != after.size:\n",
           "        if False:\n", FILES),
    _guard("many deletions at once are held", "sync/guards.py",
           "    return Absence.HELD if many else Absence.DELETED\n", "    return Absence.DELETED\n", GUARD),
    _guard("a branch switch deletes nothing", "sync/guards.py",
           "    if git.operation or git.stashed or git.withheld or (git.head_moved and not git.descends):\n",
           "    if git.operation or git.stashed or git.withheld:\n", GUARD),
    _guard("git at work holds writes back", "sync/pusher.py", " if not blocked(document.path)]\n",
           "]\n", ENGINE),
    _guard("text received through git starts nothing", "sync/ingest/task_rows.py", "    if incoming.from_git:\n", "    if False:\n", ENGINE),
    _guard("an empty listing proves no landing", "merge/git/containment.py", "    nets = patches(repo,",
           "    if not present_patches:\n        return set(landings)\n    nets = patches(repo,", LANDING),
    _guard("a branch that moved is not overwritten", "system/git/refs.py",
           'return f"update {change.name}\\0{change.new}\\0{change.old}\\0"',
           'return f"update {change.name}\\0{change.new}\\0\\0"', MERGES),
    _guard("what the target lost is left out", "merge/branch_rules.py", "    if not facts.taken_in_target:\n",
           "    if False:\n", LANDING),
    _guard("a branch that is gone comes back with what landed", "merge/branch_rules.py",
           "    if not facts.undelivered:\n", "    if True:\n", BRANCHES),
    _guard("the version that lost is kept", "sync/ingest/document_rows.py", "        folder.publish(path, incoming.known.target_bytes)\n",
           "        pass\n", ENGINE),
)  # fmt: skip
"""Every guard whose lack must be noticed."""


class Copy:
    """The project in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            source = PROJECT / name
            ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
            if source.is_dir():
                shutil.copytree(source, root / name, symlinks=True, ignore=ignored)
            else:
                shutil.copy(source, root / name)

    def test(self, words: str) -> subprocess.CompletedProcess[str]:
        """Run these tests here."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *words.split()], cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True,
            text=True, timeout=900, check=False,
        )  # fmt: skip


def missed(guard: Guard) -> str:
    """What is wrong: empty when the tests fail without the guard, as they must."""
    with tempfile.TemporaryDirectory(prefix="coworkd-guard-") as folder:
        copy = Copy(Path(folder))
        if not guard.applies(copy.root):
            return f"the edit of {guard.file} does not apply any more: bring tests/faults/guards.py up to date"
        guard.remove(copy.root)
        ended = copy.test(guard.watched_by)
    if ended.returncode == 1:
        return ""
    return (
        f"{guard.watched_by} did not notice (exit code {ended.returncode}): {ended.stdout[-500:]}{ended.stderr[-500:]}"
    )


def control(guards: Sequence[Guard]) -> str:
    """With every guard in place, all these tests hold: else a failure would prove nothing."""
    with tempfile.TemporaryDirectory(prefix="coworkd-guard-") as folder:
        copy = Copy(Path(folder))
        ended = [copy.test(words) for words in dict.fromkeys(guard.watched_by for guard in guards)]
    return "".join(done.stdout[-1500:] for done in ended if done.returncode != 0)


def run(chosen: Sequence[Guard]) -> Iterator[str]:
    """A line for each guard, and one for the control; lines of what is wrong begin with MISSED."""
    wrong = control(chosen)
    yield f"MISSED with every guard in place the tests fail: {wrong}" if wrong else "the tests hold with every guard"
    for guard in chosen:
        why = missed(guard)
        yield f"MISSED {guard.name}: {why}" if why else f"noticed: {guard.name}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards with all of these words in their names")
    words = parser.parse_args().words
    chosen = [guard for guard in GUARDS if all(word in guard.name for word in words)]
    lines: list[str] = []
    for line in run(chosen):
        lines.append(line)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    missing = [line for line in lines if line.startswith("MISSED")]
    sys.stdout.write(f"{len(chosen)} guards taken away, {len(missing)} not missed\n")
    return 1 if missing or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
