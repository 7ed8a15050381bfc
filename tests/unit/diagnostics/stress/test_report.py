"""The table of a stress run."""

from __future__ import annotations

from coworkd.diagnostics.stress.judge import Verdict
from coworkd.diagnostics.stress.report import StressFigures, StressReport, percentile, rows
from coworkd.diagnostics.stress.scenario import StressFault

VERDICT = Verdict(twice=(), lost=(), stuck=tuple("abcdefg"), disorder=(), caps_passed=(), processes_left=2)
FIGURES = StressFigures(
    seconds=61.4, tasks=9, landed=4, runs=12, faults={StressFault.KILL_DAEMON: 2}, start_overheads=[0.1, 0.2, 0.9],
    daemon_cpu=2.0, memory_per_agent=None, git_processes=100,
)  # fmt: skip


def test_every_count_and_every_figure_has_a_row() -> None:
    shown = dict(rows(StressReport(seed=3, verdict=VERDICT, figures=FIGURES, left_out=["a full disk: no mount"])))
    assert shown == {
        "started or landed twice": "0", "lost": "0", "stuck": "7 (a, b, c, d, e, ...)", "out of order": "0",
        "processes left": "2", "caps passed": "0", "tasks, landed, runs": "9, 4, 12 in 61 s",
        "faults": "2 x kill daemon", "start overhead p50, p95": "0.20 s, 0.90 s",
        "daemon CPU per landed task": "0.500 s", "own memory per agent": "not measured",
        "git processes per landed task": "25", "left out": "a full disk: no mount",
    }  # fmt: skip


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([1.0], 0.95) == 1.0
    assert percentile([float(n) for n in range(100)], 0.95) == 95.0
