"""The files of an open database under a real SQLite: removed, replaced, or written over by another program."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.store import Database
from coworkd.store.database_files import DatabaseFiles


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The file of a database that is open, and has a log and an index."""
    db = Database(tmp_path / "state.db")
    with db.write():
        db.set_state("key", "value")
    yield tmp_path / "state.db"
    db.close()


def test_writing_to_it_replaces_nothing(tmp_path: Path) -> None:
    db = Database(tmp_path / "state.db")
    for number in range(3):
        with db.write():
            db.set_state("key", str(number) * 100_000)
        assert not db.was_replaced()
    db.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    assert not db.was_replaced()
    db.close()


@pytest.mark.parametrize("name", ["state.db", "state.db-wal", "state.db-shm"])
@pytest.mark.parametrize("how", ["removed", "replaced", "cut"])
def test_what_another_program_does_to_a_file_is_noticed(path: Path, name: str, how: str) -> None:
    files, file = DatabaseFiles(str(path)), path.with_name(name)
    assert not files.were_replaced()
    content = file.read_bytes()
    if how == "removed":
        file.unlink()
    elif how == "replaced":
        other = file.with_name("other")
        other.write_bytes(content)
        other.replace(file)
    else:
        file.write_bytes(b"")
    assert files.were_replaced()


CUT_AND_READ = """
import sys
from pathlib import Path
from coworkd.store import Database
path = Path(sys.argv[1])
db = Database(path)
with db.write():
    db.set_state("key", "value")
for name in ("state.db-wal", "state.db-shm"):
    path.with_name(name).write_bytes(b"")
print(db.was_replaced() if sys.argv[2] == "look" else "")
db.close()
"""


def test_a_process_outlives_that_its_index_is_cut(tmp_path: Path) -> None:
    words = [sys.executable, "-P", "-c", CUT_AND_READ, str(tmp_path / "state.db")]
    looked = subprocess.run([*words, "look"], capture_output=True, text=True, timeout=60, check=False)
    assert (looked.returncode, looked.stdout) == (0, "True\n"), looked.stderr
    blind = subprocess.run([*words, "blind"], capture_output=True, text=True, timeout=60, check=False)
    assert blind.returncode == -signal.SIGBUS, "the control: SQLite itself does not outlive it"


OPEN_AND_CLOSE = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1])
other.execute("SELECT count(*) FROM events").fetchone()
other.close()
"""


def test_looking_at_the_files_gives_up_no_lock_on_them(tmp_path: Path) -> None:
    """Another program that opens and closes the database does not take itself for the only one."""
    db = Database(tmp_path / "state.db")
    with db.write():
        db.set_state("key", "value")
    assert not db.was_replaced()
    subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, str(tmp_path / "state.db")], timeout=60, check=True)
    assert (tmp_path / "state.db-wal").exists()
    assert not db.was_replaced()
    db.close()
