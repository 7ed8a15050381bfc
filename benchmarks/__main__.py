"""`python -m benchmarks`: measure, print the table, and with `--write` keep it in docs/performance.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import claims, confined, dispatch, graph, index, live, merging, others, slots, supervision
from benchmarks.bench import PROJECT, Bench
from benchmarks.table import Row, markdown

SUBJECTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "index": index.whole_commands,
    "look": index.looking,
    "status": index.screen,
    "edit": live.edits,
    "write": live.writing,
    "burst": live.burst,
    "idle": live.idle,
    "graph": graph.edits,
    "ready": graph.ready_sets,
    "claims": claims.claims,
    "sandbox": confined.commands,
    "start": dispatch.starting,
    "together": dispatch.together,
    "merges": merging.merges,
    "slots": slots.creation,
    "caches": slots.cache_copies,
    "landing": dispatch.landing_cpu,
    "workers": supervision.starting,
    "watching": supervision.watching,
    "resting": supervision.resting,
    "peers": others.peers,
}
"""What can be measured, in the order of the table."""

PAGE = PROJECT / "docs" / "performance.md"
BEGIN, END = "<!-- written by `make bench` -->\n", "<!-- end -->\n"


def main() -> None:
    wanted = _arguments()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="coworkd-bench-", dir=wanted.place) as place:
        bench = Bench(
            place=Path(place), peers=cache / "coworkd-benchmarks", size=wanted.size, times=wanted.times,
            seconds=wanted.seconds,
        )  # fmt: skip
        for name in wanted.only or SUBJECTS:
            for row in SUBJECTS[name](bench):
                rows.append(row)
                print(f"{row.subject}: {row.ours:.3f} {row.unit}", file=sys.stderr, flush=True)
    table = markdown(rows, bench.skipped)
    print(table)
    if wanted.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; all unless named")
    parser.add_argument("--size", type=int, default=10_000, help="tasks in a large workspace (10,000)")
    parser.add_argument("--times", type=int, default=5, help="how often what is quick is measured (5)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long an idle daemon is watched (60)")
    parser.add_argument("--place", help="a folder on the file system to measure; the system's temporary one unless set")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/performance.md")
    wanted = parser.parse_args()
    if unknown := [name for name in wanted.only if name not in SUBJECTS]:
        parser.error(f"nothing is known of {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    return wanted


main()
