"""A workspace per test, taken down whatever came of it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.files.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Generator[Workspace]:
    """A fresh workspace whose daemon has not been started."""
    workspace = Workspace(tmp_path)
    yield workspace
    if workspace.alive():
        workspace.down()
