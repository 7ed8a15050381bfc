"""A fresh workspace for each acceptance test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.workbench import Workbench


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Workbench]:
    workspace = Workbench(tmp_path / "cw")
    try:
        yield workspace
    finally:
        workspace.close()
