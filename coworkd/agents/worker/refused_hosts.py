"""Hosts that the sandbox of a run refused to connect to, and the text that reports them.

Recorded by the threads of the proxy as it happens, in the folder of the run; reported once, when the run ends.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from coworkd.system.sandbox.network_rules import Refusal

REFUSED_HOSTS_FILE = "refused-hosts"
_MAX_HOSTS = 20
"""Hosts that are named; a program that tries many is not helped by a longer list."""


class RefusedHosts:
    """Those of one run: each once, in the order of the first attempt."""

    def __init__(self, run_dir: str) -> None:
        self._file = Path(run_dir, REFUSED_HOSTS_FILE)
        self._lock = threading.Lock()

    def add(self, refusal: Refusal) -> None:
        """Write one down. One that no entry of a list could allow is left out."""
        with self._lock:
            known = self.entries()
            if refusal.entry and refusal.entry not in known and len(known) < _MAX_HOSTS:
                with self._file.open("a") as out:
                    out.write(f"{refusal.entry}\n")

    def entries(self) -> tuple[str, ...]:
        try:
            return tuple(self._file.read_text().splitlines())
        except OSError:
            return ()

    def clear(self) -> None:
        """A new start of the run begins."""
        self._file.unlink(missing_ok=True)


def describe(entries: Sequence[str]) -> str:
    """What was refused, for a sentence."""
    return f"the sandbox refused connections to {', '.join(entries)}"


def advice(entries: Sequence[str], file: str) -> str:
    """The line to write so that they are allowed; `file` is where, relative to `.cowork/`."""
    return f"if it needs them, add `{network_setting(entries)}` to .cowork/{file}"


def network_setting(entries: Sequence[str]) -> str:
    return f"sandbox: {{network: [{', '.join(entries)}]}}"
