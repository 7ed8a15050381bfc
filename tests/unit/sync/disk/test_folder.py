from __future__ import annotations

from coworkd.core.file_names import foreign_token, temporary_name
from coworkd.sync.disk.folder import is_temporary


def test_a_scan_takes_away_what_a_former_daemon_left_and_not_what_another_process_writes() -> None:
    assert is_temporary(f"tasks/{temporary_name('a.md', '0123abcd')}")
    assert not is_temporary(f"tasks/{temporary_name('a.md', foreign_token())}")
