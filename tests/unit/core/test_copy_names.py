"""Names that tools give to copies, and names like them that people give to files of their own."""

from __future__ import annotations

import pytest

from coworkd.core.copy_names import CopyKind, CopyName, copy_name

LEFT_BY_TOOLS = [
    ("a.sync-conflict-20240101-120000-ABCDEFG.md", CopyKind.SYNC, "a.md"),
    ("a (conflicted copy 2024-01-01).md", CopyKind.SYNC, "a.md"),
    ("a (conflicted copy 2024-01-01 120000).md", CopyKind.SYNC, "a.md"),
    ("a (Anna's conflicted copy 2024-01-01).md", CopyKind.SYNC, "a.md"),
    ("a (Anna's conflicted copy 2024-01-01 (1)).md", CopyKind.SYNC, "a.md"),
    ("a (conflicted copy).md", CopyKind.SYNC, "a.md"),
    ("a (conflicted copy 2024-01-01) 2.md", CopyKind.SYNC, "a.md"),
    ("a (x) b (conflicted copy).md", CopyKind.SYNC, "a (x) b.md"),
    ("a (In Konflikt stehende Kopie von Anna 2024-01-01).md", CopyKind.SYNC, "a.md"),
    ("a (Copie en conflit de Anna 2024-01-01).md", CopyKind.SYNC, "a.md"),
    ("a (Case Conflict).md", CopyKind.SYNC, "a.md"),
    ("a_conflict-20240101-120000.md", CopyKind.SYNC, "a.md"),
    ("a-conflict-20240101-120000.md", CopyKind.SYNC, "a.md"),
    ("a-conflict-anna-20240101-120000.md", CopyKind.SYNC, "a.md"),
    ("a (SFConflict anna@example.org 2024-01-01-12-00-00).md", CopyKind.SYNC, "a.md"),
    ("a [conflicted].md", CopyKind.SYNC, "a.md"),
    ("a (# Name clash 2024-01-01 x1 #).md", CopyKind.SYNC, "a.md"),
    ("a_NAS_Jan-01-120000-2024_Conflict.md", CopyKind.SYNC, "a.md"),
    ("a_BACKUP_123.md", CopyKind.MERGE, "a.md"),
    ("a_BASE_123.md", CopyKind.MERGE, "a.md"),
    ("a_LOCAL_123.md", CopyKind.MERGE, "a.md"),
    ("a_REMOTE_123.md", CopyKind.MERGE, "a.md"),
    ("a.REMOTE.123.md", CopyKind.MERGE, "a.md"),
    ("~$a.md", CopyKind.LOCK, "a.md"),
    ("a.orig.md", CopyKind.BACKUP, "a.md"),
    ("a.md.orig", CopyKind.BACKUP, "a.md"),
    ("a.bak.md", CopyKind.BACKUP, "a.md"),
    ("a.~1~.md", CopyKind.BACKUP, "a.md"),
    ("a~.md", CopyKind.BACKUP, "a.md"),
    ("測試.sync-conflict-20240101-120000-ABCDEFG.md", CopyKind.SYNC, "測試.md"),
]
A_PERSON_MAY_MEAN_IT = [
    ("a 2.md", "a.md"),
    ("phase 12.md", "phase.md"),
    ("a (1).md", "a.md"),
    ("a(1).md", "a.md"),
    ("a copy.md", "a.md"),
    ("a copy 2.md", "a.md"),
    ("a-copy.md", "a.md"),
    ("a - Copy.md", "a.md"),
    ("a - Copy (2).md", "a.md"),
    ("a (copy).md", "a.md"),
    ("a (3rd copy).md", "a.md"),
    ("a Kopie.md", "a.md"),
    ("Copy of a.md", "a.md"),
    ("a-DESKTOP-7F3K.md", "a.md"),
]
NO_COPIES = [
    "a.md",
    "add-a-dark-mode.md",
    "phase-2.md",
    "api-v2.md",
    "v1.2.md",
    "photocopy.md",
    "copy.md",
    "copy-editor.md",
    "2.md",
    "(1).md",
    "release 2024.md",
    "fix-conflict-resolution.md",
    "fix sync-conflict handling.md",
    "handle (conflicted copies) now.md",
    "merge-conflict-2024.md",
    "db_BACKUP.md",
    "local_remote.md",
    "original.md",
    "a.origin.md",
    "日本語.md",
    "",
]


@pytest.mark.parametrize(("name", "kind", "original"), LEFT_BY_TOOLS)
def test_names_that_only_tools_give(name: str, kind: CopyKind, original: str) -> None:
    found = copy_name(name)
    assert found == CopyName(kind=kind, original=original)
    assert found is not None
    assert found.is_certain


@pytest.mark.parametrize(("name", "original"), A_PERSON_MAY_MEAN_IT)
def test_names_that_are_only_a_hint(name: str, original: str) -> None:
    found = copy_name(name)
    assert found == CopyName(kind=CopyKind.DUPLICATE, original=original)
    assert found is not None
    assert not found.is_certain


@pytest.mark.parametrize("name", NO_COPIES)
def test_names_that_say_nothing_of_a_copy(name: str) -> None:
    assert copy_name(name) is None
