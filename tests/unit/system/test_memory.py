"""How much memory is free: of the machine, and within control groups of both versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.system.memory import available_memory

MB = 1024 * 1024
MEMINFO = "MemTotal:       16000000 kB\nMemAvailable:    8192 kB\nSwapFree: 0 kB\n"


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _v2(path: str, used: int, limit: str, reusable: int = 0) -> dict[str, str]:
    group = f"sys/fs/cgroup{path}"
    return {
        f"{group}/memory.current": f"{used}\n", f"{group}/memory.max": f"{limit}\n",
        f"{group}/memory.stat": f"anon 5\ninactive_file {reusable}\nactive_file 9\n",
    }  # fmt: skip


TABLE: dict[str, tuple[dict[str, str], int | None]] = {
    "nothing known": ({}, None),
    "the machine": ({"proc/meminfo": MEMINFO}, 8 * MB),
    "a group without a limit": (
        {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/a\n", **_v2("/a", 7 * MB, "max")}, 8 * MB
    ),
    "a group with one": (
        {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/a\n", **_v2("/a", 7 * MB, str(10 * MB), 2 * MB)}, 5 * MB
    ),
    "an outer group": (
        {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/a/b\n", **_v2("/a/b", MB, "max"),
         **_v2("/a", 9 * MB, str(10 * MB))}, MB,
    ),
    "a full group": (
        {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/\n", **_v2("", 9 * MB, str(8 * MB))}, 0
    ),
    "version 1": (
        {"proc/meminfo": MEMINFO, "proc/self/cgroup": "5:cpu:/x\n3:memory:/box\n",
         "sys/fs/cgroup/memory/box/memory.usage_in_bytes": f"{6 * MB}\n",
         "sys/fs/cgroup/memory/box/memory.limit_in_bytes": f"{8 * MB}\n",
         "sys/fs/cgroup/memory/box/memory.stat": f"inactive_file 1\ntotal_inactive_file {MB}\n"}, 3 * MB,
    ),
    "no machine, a group": ({"proc/self/cgroup": "0::/a\n", **_v2("/a", MB, str(4 * MB))}, 3 * MB),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_the_least_of_all_that_bounds_it(tmp_path: Path, case: str) -> None:
    files, free = TABLE[case]
    _write(tmp_path, files)
    assert available_memory(tmp_path) == free


def test_this_machine_says_something_plausible() -> None:
    free = available_memory()
    assert free is None or 0 <= free < 1 << 50
