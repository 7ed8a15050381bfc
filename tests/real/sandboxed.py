"""What a real program is let to from a sandbox."""

from __future__ import annotations

from pathlib import Path

from tests.modelserver import ModelServer


def reach(server: ModelServer, path: Path) -> str:
    """For the file of its agent: the model, and the program's own files."""
    return f"sandbox: {{network: ['{server.url.removeprefix('http://')}'], allow_paths: [{path.parents[1]}]}}\n"
