"""Commits on their way out of a private repository: exported as a pack, believed only after quarantine.

A pack is unpacked into a folder of its own, checked there (every object well formed, every link present, the history
connected to what we already have), and only then moved into the user's object store. It carries a keep file until the
caller has written its refs, so that a `gc --prune=now` in between takes nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.slots.private_repo import PrivateRepo
from coworkd.system.durable_files import sync_folder
from coworkd.system.git import Repo
from coworkd.system.git.object_stores import alternates

MAX_PACK_BYTES = 1_000_000_000
"""Bytes that one run may bring in, or have kept."""

_TIMEOUT = 600.0
_PREFIX = "coworkd-incoming-"
_KEEP_NOTE = "coworkd: until its refs are written"
# The index last: a pack without one does not exist for git.
_ORDER = (".keep", ".pack", ".rev", ".idx")


def export(private: PrivateRepo, tips: Sequence[str], known: Sequence[str], max_bytes: int = MAX_PACK_BYTES) -> bytes:
    """A thin pack of everything `tips` reach and `known` do not, whichever store the objects come from.

    Raises RepoError for more than `most` bytes: a pack is held in memory on its way.
    """
    arguments = (*tips, *(f"^{one}" for one in known))
    size = int(private.run("rev-list", "--disk-usage", "--objects", *arguments, timeout=_TIMEOUT).text or 0)
    if size > max_bytes:
        raise RepoError(
            f"it is {size // 1_000_000} MB, more than the {max_bytes // 1_000_000} that are brought in at once"
        )
    packing = ("pack-objects", "--quiet", "--revs", "--thin", "--stdout", "--delta-base-offset")
    revisions = "".join(f"{line}\n" for line in arguments)
    return private.run(*packing, stdin=revisions.encode(), timeout=_TIMEOUT).out


@contextmanager
def quarantined(repo: Repo, pack: bytes, tips: Sequence[str], known: Sequence[str]) -> Generator[Repo]:
    """The user's repository as if `pack` were part of it, seen from a folder that goes away at the end.

    Raises RepoError when the pack is damaged or does not connect `tips` to `known`.
    """
    store = repo.common_dir / "objects"
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=store))
    try:
        (folder / "info").mkdir()
        (folder / "info" / "alternates").write_bytes(alternates(store))
        with repo.with_env({"GIT_OBJECT_DIRECTORY": str(folder)}) as quarantine:
            quarantine.run(*_INDEX_PACK, stdin=pack, timeout=_TIMEOUT)
            connected = (*tips, *(f"^{one}" for one in known))
            quarantine.run("rev-list", "--objects", "--quiet", *connected, "--", timeout=_TIMEOUT)
            yield quarantine
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_INDEX_PACK = ("index-pack", "--stdin", "--fix-thin", "--strict", f"--keep={_KEEP_NOTE}")


@contextmanager
def admitted(view: Repo) -> Generator[None]:
    """Move what is in quarantine into the store; refs are to be written inside the `with`."""
    quarantine = Path(view.env["GIT_OBJECT_DIRECTORY"])
    store = quarantine.parent / "pack"
    store.mkdir(exist_ok=True)
    files = sorted((quarantine / "pack").iterdir(), key=_import_order)
    for file in files:
        os.replace(file, store / file.name)
    sync_folder(store)
    try:
        yield
    finally:
        for file in files:
            if file.suffix == ".keep":
                (store / file.name).unlink(missing_ok=True)


def forget_interrupted(repo: Repo) -> int:
    """Clear away what a killed import left: quarantine folders and keep files of ours. How many there were.

    For start-up, before any job runs.
    """
    store = repo.common_dir / "objects"
    folders = list(store.glob(f"{_PREFIX}*"))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    keeps = [keep for keep in (store / "pack").glob("*.keep") if keep.read_bytes().strip() == _KEEP_NOTE.encode()]
    for keep in keeps:
        keep.unlink(missing_ok=True)
    return len(folders) + len(keeps)


def _import_order(file: Path) -> int:
    if file.suffix not in _ORDER:
        raise RepoError(f"git index-pack left an unexpected file: {file.name}")
    return _ORDER.index(file.suffix)
