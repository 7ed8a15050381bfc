"""The pins: complete, hashed, and tied to no index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)")


def entries() -> dict[str, str]:
    """Each pinned project, by normalised name, with its whole entry."""
    text = (ROOT / "constraints.txt").read_text()
    joined = re.sub(r"\\\n\s*", "", text).splitlines()
    requirements = [line for line in joined if line and not line.startswith("#")]
    return {normalised(re.split(r"[=\[; ]", line)[0]): line for line in requirements}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Every project that pyproject.toml asks for, to run, to develop or to build."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = data["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"], *data["build-system"]["requires"]]
    return {normalised(re.split(r"[<>=\[; ]", requirement)[0]) for requirement in wanted}


def test_every_entry_is_pinned_and_hashed() -> None:
    loose = [line[:60] for line in entries().values() if not ENTRY.match(line) or "--hash=sha256:" not in line]
    assert loose == []


def test_everything_declared_is_pinned() -> None:
    assert declared() - entries().keys() == set()


def test_no_index_or_host_is_named() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"://|index-url|find-links|@ ", text)
