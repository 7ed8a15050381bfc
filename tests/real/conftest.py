"""Real agent programs, against the model server of the tests: `make test-real` installs them and runs these.

They are looked for in `REAL_AGENTS`, a folder of npm's `node_modules/.bin`. What is not there is left out by name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.workbench import Workbench
from tests.modelserver import ModelServer, Script

PLACE = os.environ.get("REAL_AGENTS", "")


@pytest.fixture
def program() -> Callable[[str], Path]:
    """Finds a program, or leaves the test out."""

    def find(name: str) -> Path:
        if not PLACE:
            pytest.skip("real programs are tried by `make test-real`")
        path = Path(PLACE, name).absolute()
        if not path.exists():
            pytest.skip(f"{name} is not in {PLACE}")
        return path

    return find


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Workbench]:
    workspace = Workbench(tmp_path / "cw")
    workspace.env["PATH"] = os.environ["PATH"]  # node is wherever it is
    try:
        yield workspace
    finally:
        workspace.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Script], ModelServer]]:
    """Starts model servers, which end with the test."""
    started: list[ModelServer] = []

    def start(script: Script) -> ModelServer:
        started.append(ModelServer(script).__enter__())
        return started[-1]

    yield start
    for server in started:
        server.__exit__(None, None, None)
