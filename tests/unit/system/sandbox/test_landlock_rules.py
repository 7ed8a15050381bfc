"""Rights and structures of Landlock, by version of its interface."""

from __future__ import annotations

import struct

import pytest

from coworkd.system.sandbox import landlock_rules as rules

TRUNCATE, IOCTL_DEV, REFER = 1 << 14, 1 << 15, 1 << 13


@pytest.mark.parametrize(
    ("abi", "rights", "size"),
    [
        (1, (1 << 13) - 1, 8), (2, (1 << 14) - 1, 8), (3, (1 << 15) - 1, 8), (4, (1 << 15) - 1, 16),
        (5, (1 << 16) - 1, 16), (6, (1 << 16) - 1, 24), (7, (1 << 16) - 1, 24), (99, (1 << 16) - 1, 24),
    ],
)  # fmt: skip
def test_only_what_a_version_knows_is_asked_of_it(abi: int, rights: int, size: int) -> None:
    content = rules.ruleset(abi)
    assert len(content) == size
    fields = struct.unpack(f"={size // 8}Q", content)
    assert fields == (rights, 3, 3)[: size // 8]
    for wanted in (rules.READ, rules.WRITE, rules.DEVICE):
        assert rules.granted_rights(wanted, abi, folder=True) & ~rights == 0


def test_a_rule_about_a_file_grants_nothing_that_only_folders_have() -> None:
    """The kernel refuses such a rule."""
    read = rules.granted_rights(rules.READ, 6, folder=False)
    assert read == rules.EXECUTE | rules.READ_FILE
    write = rules.granted_rights(rules.WRITE, 6, folder=False)
    assert write == rules.EXECUTE | rules.READ_FILE | rules.WRITE_FILE | TRUNCATE


def test_no_one_may_make_devices_and_what_is_read_is_not_written() -> None:
    assert not (rules.WRITE | rules.READ | rules.DEVICE) & (rules.MAKE_CHAR | rules.MAKE_BLOCK | IOCTL_DEV)
    assert rules.READ & ~(rules.EXECUTE | rules.READ_FILE | rules.READ_DIR) == 0
    assert rules.WRITE & REFER, "else nothing could be moved between two folders of a run"


def test_the_structures_are_packed_as_the_kernel_reads_them() -> None:
    assert rules.path_rule(rules.READ_FILE, 7) == (4).to_bytes(8, "little") + (7).to_bytes(4, "little")
    assert rules.port_rule(3128) == (2).to_bytes(8, "little") + (3128).to_bytes(8, "little")
