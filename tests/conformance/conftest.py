from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def worker_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets worker processes find a package that is not installed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
