"""Refs that are numbered, as landings are: read from git's files, and only those that were written since.

A process that lists them costs more than all else that a look at the branches needs.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from coworkd.system.git.file_versions import settled_version, settled_versions_in
from coworkd.system.git.repository import Repo


def numbered_refs(repo: Repo, prefix: str) -> dict[int, str]:
    """The object that each `PREFIX/NUMBER` names, the lowest number first. For folders that hold nothing but such refs.

    Git itself is asked to list them where it keeps refs in tables; else only what a new file names.
    """
    if (repo.common_dir / "reftable").is_dir():
        found = _listed_by_git(repo, prefix)
    else:
        # In this order, as git does: a ref that is packed meanwhile is in one of the two.
        loose = _loose_refs(repo, prefix)
        found = _packed_refs(repo, prefix) | loose
    named = ((name.rpartition("/")[2], object_id) for name, object_id in found.items())
    return dict(sorted((int(number), object_id) for number, object_id in named if number.isdecimal()))


def next_number_under(repo: Repo, prefix: str) -> int:
    """A number that no `PREFIX/NUMBER` has, above all that were there when it was first asked; they are listed once.

    The ref is to be written only where it does not exist.
    """
    name = f"highest {prefix}"
    known = repo.answers.get(name)
    number = 1 + (int(known) if known is not None else max(numbered_refs(repo, prefix), default=0))
    while repo.resolve(f"{prefix}/{number}"):
        number += 1
    repo.answers.add({name: str(number - 1).encode()})
    return number


def _listed_by_git(repo: Repo, prefix: str) -> dict[str, str]:
    version = settled_version([repo.common_dir / "reftable" / "tables.list"])
    asked = ("for-each-ref", "--format=%(objectname) %(refname)", "--", prefix)
    if version is None:
        return _by_name(repo.run(*asked).out)
    return _by_name(repo.remember(f"refs {prefix} {version}", lambda: repo.run(*asked).out))


def _packed_refs(repo: Repo, prefix: str) -> dict[str, str]:
    file = repo.common_dir / "packed-refs"
    version = settled_version([file])
    if version is None:
        return _by_name(_lines_with(file, prefix))
    return _by_name(repo.remember(f"packed {prefix} {version}", lambda: _lines_with(file, prefix)))


def _lines_with(file: Path, prefix: str) -> bytes:
    inside = b" " + os.fsencode(prefix) + b"/"
    with suppress(OSError):
        return b"\n".join(line for line in file.read_bytes().split(b"\n") if inside in line)
    return b""


def _by_name(lines: bytes) -> dict[str, str]:
    pairs = (line.split(" ", 1) for line in os.fsdecode(lines).split("\n") if line)
    return {name: object_id for object_id, name in pairs}


def _loose_refs(repo: Repo, prefix: str) -> dict[str, str]:
    """Each file is known again by when it was written: git replaces such files and never writes into them."""
    found = settled_versions_in(repo.common_dir / prefix)
    versions = {f"{prefix}/{name}": version for name, version in found.items() if name.isdecimal()}
    questions = {name: f"ref {name} {version}" for name, version in versions.items() if version is not None}
    known = {name: found for name, question in questions.items() if (found := repo.answers.get(question)) is not None}
    unknown = [name for name in versions if name not in known]
    asked = dict(zip(unknown, repo.resolve_all(unknown), strict=True)) if unknown else {}
    new = {name: object_id.encode() for name, object_id in asked.items() if object_id is not None}
    repo.answers.add({questions[name]: object_id for name, object_id in new.items() if name in questions})
    return {name: object_id.decode() for name, object_id in (known | new).items()}
