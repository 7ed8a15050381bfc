"""The daemon's log: a rotating file beside the database, and readable lines in the foreground.

A log that cannot be written loses lines, and never stops or disturbs what is logged.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import BinaryIO

from coworkd.core.redaction import Secrets

_MAX_BYTES = 2_000_000
_KEPT_FILES = 3


class PatientFileHandler(RotatingFileHandler):
    """Opens its file again where that was deleted or could not be opened; says how many lines were lost meanwhile."""

    def __init__(self, path: Path) -> None:
        # Names of files may hold bytes that are no text.
        super().__init__(
            path, maxBytes=_MAX_BYTES, backupCount=_KEPT_FILES, encoding="utf-8", errors="backslashreplace", delay=True
        )
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        self._reopen_if_moved()
        lost = self._lost
        super().emit(record)
        if lost and self._lost == lost:
            self._lost = 0
            note = f"{lost} lines could not be written here before the last one"
            self.emit(logging.makeLogRecord({"msg": note, "levelno": logging.WARNING, "levelname": "WARNING"}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's signature
        """The line is lost; the file is opened again for the next one."""
        self._lost += 1
        self._close_file()

    def _reopen_if_moved(self) -> None:
        if self.stream is not None and not _is_same_file(self.stream.fileno(), self.baseFilename):
            self._close_file()

    def _close_file(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.close()


def _is_same_file(descriptor: int, path: str) -> bool:
    try:
        there, ours = os.stat(path), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def set_up_log(path: Path, secrets: Secrets) -> None:
    """Have everything that the daemon logs written to `path` and to standard error, without `secrets`."""
    log = logging.getLogger("coworkd")
    file = PatientFileHandler(path)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    screen = logging.StreamHandler(sys.stderr)
    screen.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log.setLevel(logging.INFO)
    for handler in (file, screen):
        handler.addFilter(lambda record: _redact_record(record, secrets))
        log.addHandler(handler)


def write_stacks_on_request(path: Path) -> BinaryIO:
    """Have SIGUSR1 append what every thread is doing to `path`: for a daemon that does not answer.

    The file returned has to stay open for as long as the process takes the signal.
    """
    file = path.open("ab")
    faulthandler.register(signal.SIGUSR1, file, all_threads=True)
    return file


def _redact_record(record: logging.LogRecord, secrets: Secrets) -> bool:
    """Have no secret in the record's text; it is always let through."""
    record.msg, record.args = secrets.redact(record.getMessage()), None
    return True
