from __future__ import annotations

from pathlib import Path

from coworkd.system.boot_identity import boot_identity


def test_a_start_of_the_machine_is_the_same_for_all_that_count_from_it(tmp_path: Path) -> None:
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("a9f7da6e\n")
    assert boot_identity(tmp_path) == "a9f7da6e"
    (tmp_path / "proc/self/ns").mkdir(parents=True)
    (tmp_path / "proc/self/ns/time").symlink_to("time:[1]")
    assert boot_identity(tmp_path) == "a9f7da6e time:[1]"


def test_where_it_is_not_known_no_other_process_has_the_same(tmp_path: Path) -> None:
    assert boot_identity(tmp_path) != boot_identity(tmp_path)
