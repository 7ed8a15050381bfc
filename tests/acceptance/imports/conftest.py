from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site


@pytest.fixture
def w(tmp_path: Path) -> Generator[Site]:
    """A workspace in a repository with one commit; nothing runs in it yet."""
    workspace = Site(tmp_path)
    workspace.commit("start")
    workspace.init()
    yield workspace
    workspace.close()


@pytest.fixture
def bare(tmp_path: Path) -> Generator[Site]:
    """A repository without a workspace."""
    site = Site(tmp_path)
    site.commit("start")
    yield site
    site.close()
