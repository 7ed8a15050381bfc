"""What of a package cache is linked into a copy, and what is copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.core.model import CacheTool, SandboxLevel
from coworkd.slots.package_caches import copy_caches

FILES = {
    CacheTool.NPM: ("_cacache/content-v2/sha512/a/b/c", "_cacache/index-v5/a/b", "_cacache/tmp/t", "_logs/x"),
    CacheTool.PIP: ("http-v2/a/b", "wheels/a/x.whl", "selfcheck/x"),
    CacheTool.CARGO: (
        *("registry/index/i/.cache/a", "registry/cache/i/a.crate", "registry/src/i/a-1/lib.rs", "bin/tool"),
        *("git/db/a/HEAD", "git/checkouts/a/1234/lib.rs", "config.toml", "credentials.toml"),
    ),
}
LINKED = {
    CacheTool.NPM: {"_cacache/content-v2/sha512/a/b/c"},
    CacheTool.PIP: {"http-v2/a/b", "wheels/a/x.whl"},
    CacheTool.CARGO: {"registry/cache/i/a.crate", "registry/src/i/a-1", "git/db/a", "git/checkouts/a/1234"},
}
COPIED = {
    CacheTool.NPM: {"_cacache/index-v5/a/b"},
    CacheTool.PIP: set[str](),
    CacheTool.CARGO: {"registry/index/i/.cache/a"},
}


def fill(state: Path) -> None:
    for tool, names in FILES.items():
        for name in names:
            file = state / "caches" / tool / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)


@pytest.mark.parametrize("tool", list(CacheTool))
def test_what_a_tool_never_changes_is_linked_and_what_it_appends_to_is_copied(tmp_path: Path, tool: CacheTool) -> None:
    fill(tmp_path)
    copy_caches(tmp_path, tmp_path / "slots/1", [tool], SandboxLevel.BUBBLEWRAP)
    copy = tmp_path / "slots/1/caches" / tool
    links = {path for path in copy.rglob("*") if path.is_symlink()}
    assert {str(path.relative_to(copy)) for path in links} == LINKED[tool]
    assert {path.readlink() for path in links} == {tmp_path / "caches" / tool / name for name in LINKED[tool]}
    files = {path for path in copy.rglob("*") if path.is_file() and not path.is_symlink()}
    own = {str(path.relative_to(copy)) for path in files if not any(link in path.parents for link in links)}
    assert own == COPIED[tool]


@pytest.mark.parametrize("tool", list(CacheTool))
def test_without_a_sandbox_everything_is_copied(tmp_path: Path, tool: CacheTool) -> None:
    fill(tmp_path)
    copy_caches(tmp_path, tmp_path / "slots/1", [tool], SandboxLevel.NONE)
    copy = tmp_path / "slots/1/caches" / tool
    assert not any(path.is_symlink() for path in copy.rglob("*"))
    copied = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    known = (*LINKED[tool], *COPIED[tool])
    assert copied == {name for name in FILES[tool] if any(name.startswith(part) for part in known)}


def test_a_copy_is_made_again_and_goes_with_the_setting(tmp_path: Path) -> None:
    fill(tmp_path)
    slot = tmp_path / "slots/1"
    copy_caches(tmp_path, slot, list(CacheTool), SandboxLevel.BUBBLEWRAP)
    index = slot / "caches/npm/_cacache/index-v5/a/b"
    index.write_text("evil")
    (slot / "caches/evil").write_text("")
    copy_caches(tmp_path, slot, [CacheTool.NPM], SandboxLevel.BUBBLEWRAP)
    assert index.read_text() == "_cacache/index-v5/a/b"
    assert [path.name for path in (slot / "caches").iterdir()] == ["npm"]
    copy_caches(tmp_path, slot, [], SandboxLevel.BUBBLEWRAP)
    assert not (slot / "caches").exists()


def test_a_link_in_the_shared_cache_is_not_followed(tmp_path: Path) -> None:
    fill(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("")
    (tmp_path / "caches/pip/wheels/away").symlink_to(outside)
    copy_caches(tmp_path, tmp_path / "slots/1", [CacheTool.PIP], SandboxLevel.NONE)
    assert not (tmp_path / "slots/1/caches/pip/wheels/away").exists()
