"""The whole output of every check, in files that git ignores: outputs, which nothing reads back.

reviews/TASK.d/check-N.log   of the latest verification of a task's submission
reports/verification.log     of the latest verification of the tip without any change that was red
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from coworkd.core.check_names import TIP_LOG, check_log
from coworkd.core.model import Check
from coworkd.merge.blame import outcome_text
from coworkd.sync.disk.ports import Files


class CheckLogs:
    """Shows the output of checks; used by the writer thread alone."""

    def __init__(self, folder: Files, output_folder: Callable[[str], Path]) -> None:
        """`output_folder` is where the verifier leaves the output of the latest verification of a name."""
        self._folder = folder
        self._output_folder = output_folder

    def show(self, task: str, checks: Sequence[Check]) -> None:
        """Put the output of a task's checks beside its review; what an earlier verification left there goes."""
        for number in range(1, len(checks) + 1):
            self._publish(check_log(task, number), self._read_output(task, number))
        for number in count(len(checks) + 1):
            if self._folder.stat(check_log(task, number)) is None:
                return
            with suppress(OSError):
                self._folder.discard(check_log(task, number))

    def show_tip(self, name: str, checks: Sequence[Check]) -> None:
        """Put the output of the checks of a tip into one file."""
        parts = [
            f"$ {check.command}\n".encode()
            + self._read_output(name, number)
            + f"\n[{outcome_text(check)}]\n\n".encode()
            for number, check in enumerate(checks, 1)
        ]
        self._publish(TIP_LOG, b"".join(parts))

    def _read_output(self, name: str, number: int) -> bytes:
        try:
            return (self._output_folder(name) / f"{number}.log").read_bytes()
        except OSError:
            return b""

    def _publish(self, path: str, data: bytes) -> None:
        """What cannot be written now is not worth a problem of its own: the next verification writes it."""
        if self._folder.exists():
            with suppress(OSError):
                self._folder.publish(path, data)
