"""What the sandbox costs: one command in it beside the same without."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench, middle
from benchmarks.table import Row
from coworkd.core.model import SandboxLevel
from coworkd.system.process import commands as process
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.system.sandbox_probes.detection import find

_ROUNDS = 5
_COMMAND = ("bash", "-c", "true")
_SANDBOXES = {SandboxLevel.BUBBLEWRAP: "the sandbox", SandboxLevel.LANDLOCK: "the sandbox of Landlock"}


def commands(bench: Bench) -> Iterator[Row]:
    """A command of a run, as agents, set-up and verification are started, in each kind of sandbox."""
    place = bench.place / "confined"
    work = place / "work"
    work.mkdir(parents=True)
    for level, where in _SANDBOXES.items():
        means = find(place / level, level)
        if means.level is SandboxLevel.NONE:
            bench.skipped.append(f"{where} ({means.unavailable_reason})")
            continue
        pairs = [(_run(work, None, number), _run(work, means, number)) for number in range(_ROUNDS * bench.times)]
        bare, held = (middle(column) for column in zip(*pairs, strict=True))
        yield Row(subject=f"a command in {where}", ours=held, unit="ms", beside="the same without", theirs=bare)
        yield Row(subject=f"what {where} adds to a command", ours=held - bare, unit="ms", beside="", most=100.0)


def _run(work: Path, means: SandboxCapabilities | None, number: int) -> float:
    """Milliseconds from the start of a command to its end, all that it started gone."""
    name = f"bench-{os.getpid()}-{number}"
    held = means and Confinement(means=means, run=name, workdir=str(work), writable=(str(work),))
    spec = process.ProcessSpec(
        argv=_COMMAND, cwd=work, env={"PATH": os.environ.get("PATH", os.defpath)}, marker=name, confinement=held,
    )  # fmt: skip
    began = time.monotonic()
    ended = process.run(spec)
    assert ended.ok, ended.tail
    return (time.monotonic() - began) * 1000
