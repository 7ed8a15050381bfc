"""A workspace on a real file system, outside of the temporary directory, where vim would leave its backups out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.files.workspace import Workspace

PLACES = (Path("/var/tmp"), Path(__file__).resolve().parents[3] / "build")


@pytest.fixture
def place() -> Generator[Path]:
    """A folder that is gone afterwards."""
    base = next(place for place in PLACES if place.is_dir() or place.name == "build")
    base.mkdir(exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="coworkd-editing-", dir=base))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def work(place: Path) -> Generator[Workspace]:
    workspace = Workspace(place)
    yield workspace
    if workspace.alive():
        workspace.down()
