"""`coworkd schema` through the command."""

from __future__ import annotations

import json
from pathlib import Path

from coworkd.core.model import Kind
from coworkd.documents.schema.json_schema import json_schema
from tests.integration.gitkit import checkout
from tests.integration.product import coworkd, done, told


def test_prints_one_kind_or_all(tmp_path: Path) -> None:
    assert json.loads(done(tmp_path, "schema", "task")) == json_schema(Kind.TASK)
    assert set(told(tmp_path, "schema")) == {str(kind) for kind in Kind}
    assert coworkd(tmp_path, "schema", "tusk").returncode == 2


def test_installs_into_the_workspace_and_nowhere_else(tmp_path: Path) -> None:
    at = checkout(tmp_path / "repo")
    done(at.root, "init")
    at.commit("workspace", {})
    wrote = told(at.root, "schema", "--install")["wrote"]
    assert json.loads((at.root / ".cowork/schemas/task.json").read_text()) == json_schema(Kind.TASK)
    assert at.git("status", "--porcelain", "-uall").splitlines() == [f"?? {path}" for path in sorted(wrote)]
    before = (at.root / ".cowork/schemas/task.json").stat().st_mtime_ns
    done(at.root, "schema", "--install")
    assert (at.root / ".cowork/schemas/task.json").stat().st_mtime_ns == before
    assert told(at.root, "status")["problems"] == []


def test_needs_a_workspace_to_install_into(tmp_path: Path) -> None:
    assert coworkd(tmp_path, "schema", "--install").returncode == 3
