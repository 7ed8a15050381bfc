"""What of the files beside a verification leads into a checkout: links, `node_modules`, manifests, settings above."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from coworkd.merge.checkout_links.checkouts import Checkouts
from coworkd.system.git import Repo

MANIFESTS = (
    *("Cargo.toml", ".cargo/config", ".cargo/config.toml", "go.mod", "go.work", "package.json", ".npmrc", ".yarnrc*"),
    *(
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "requirements*.txt",
        "Pipfile",
        "pytest.ini",
        "tox.ini",
        "conftest.py",
    ),
    *("tsconfig*.json", "jest.config.*", "vitest.config.*", "vite.config.*", "Gemfile", "composer.json", "pom.xml"),
    *("build.gradle*", "settings.gradle*", "CMakeLists.txt", "Makefile", "makefile", "GNUmakefile", ".env*"),
)
"""Tracked files by which a build or a test run takes code from elsewhere."""
_SETTINGS_ABOVE = (".cargo/config.toml", ".cargo/config", "go.work")
"""Files that tools look for in every folder above."""
_GO_USE_LINE = re.compile(r"^\s*(?:use\s+)?(\.{0,2}/[^\s)]*|\.{1,2})\s*$", re.MULTILINE)

FoundLink = tuple[str, str]
"""A file, and where in the checkout it leads to."""


def linked_files(work: Path, checkouts: Checkouts) -> Iterator[FoundLink]:
    """Links in the worktree itself and among its installed packages, and packages that are linked in folders above."""
    yield from _links_in(work, checkouts)
    for folder in (work, *work.parents):
        packages = folder / "node_modules"
        if not packages.is_dir():
            continue
        if checkouts.root_of(str(packages)):
            yield str(packages), os.path.realpath(packages)
        else:
            yield from _links_in(packages, checkouts)
            for scope in packages.glob("@*"):
                yield from _links_in(scope, checkouts)


def _links_in(folder: Path, checkouts: Checkouts) -> Iterator[FoundLink]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_symlink() and checkouts.root_of(entry.path):
            yield entry.path, os.path.realpath(entry.path)


def manifests_naming_checkout(repo: Repo, commit: str, checkouts: Checkouts) -> Iterator[FoundLink]:
    """Tracked manifests that name a checkout by its whole path, as in `replace x => /home/me/x`."""
    patterns = [f":(glob)**/{name}" for name in MANIFESTS]
    words = [word for spelling, _ in checkouts.spellings for word in ("-e", spelling)]
    arguments = ("grep", "-l", "-z", "-I", "-F", "--full-name", *words, commit, "--", *patterns)
    for field in repo.run(*arguments, check=False, timeout=600).fields:
        path = field.removeprefix(f"{commit}:")
        object_id = repo.resolve(f"{commit}:{path}")
        text = repo.blob(object_id).decode("utf-8", "surrogateescape") if object_id else ""
        if root := checkouts.named_in(text):
            yield path, root


def settings_above(work: Path, checkouts: Checkouts) -> Iterator[FoundLink]:
    """Settings of cargo and go in the folders above the worktree."""
    for folder in work.parents:
        for name in _SETTINGS_ABOVE:
            file = folder / name
            try:
                text = file.read_text(errors="surrogateescape") if file.is_file() else ""
            except OSError:
                continue
            if root := checkouts.named_in(text) or (
                _checkout_used_by(file, text, checkouts) if name == "go.work" else ""
            ):
                yield str(file), root


def _checkout_used_by(file: Path, text: str, checkouts: Checkouts) -> str:
    return next(
        (root for word in _GO_USE_LINE.findall(text) if (root := checkouts.root_of(str(file.parent / word)))), ""
    )


def relative_paths(words: list[str], folder: Path, checkouts: Checkouts) -> Iterator[FoundLink]:
    """Words of a command that are paths and lead into a checkout, by `..` or a link."""
    for word in words:
        if "/" in word and "\0" not in word and not PurePosixPath(word).is_absolute():
            path = os.path.join(folder, word)
            if os.path.lexists(path) and checkouts.root_of(path):
                yield word, os.path.realpath(path)
