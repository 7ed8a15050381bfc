"""A workbench per test, taken down whatever came of it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.workbench import Workbench


@pytest.fixture
def work(tmp_path: Path) -> Generator[Workbench]:
    bench = Workbench(tmp_path / "bench")
    yield bench
    bench.close()
