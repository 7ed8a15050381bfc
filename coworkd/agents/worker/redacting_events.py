"""Taking secrets out of what an agent reports, before any of it is logged.

Text that streams is held back as far as it may be the beginning of a secret, until the next piece shows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from coworkd.agents.port import AgentEvent, TextWritten
from coworkd.core.redaction import Secrets
from coworkd.system.process.commands import redact_file


class EventRedactor:
    """Filters the events between one run's driver and its log."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._held = ""

    def feed(self, event: AgentEvent) -> Iterator[AgentEvent]:
        """What may be written down of this event, after what was held back before it."""
        if isinstance(event, TextWritten):
            yield from self._text(event)
            return
        yield from self.flush()
        yield _without(self._secrets, event)

    def flush(self) -> Iterator[AgentEvent]:
        """What is still held back, now that nothing follows."""
        held, self._held = self._held, ""
        if held:
            yield TextWritten(text=self._secrets.redact(held))

    def _text(self, event: TextWritten) -> Iterator[AgentEvent]:
        text = self._held + event.text
        safe = len(text) - self._secrets.unfinished_secret_length(text)
        self._held = text[safe:]
        if safe:
            yield dataclasses.replace(event, text=self._secrets.redact(text[:safe]))


def redact_run_files(run_dir: Path, secrets: Secrets) -> None:
    """Take secrets out of what was kept as it came, now that nothing writes to it any more."""
    for file in (*run_dir.glob("*.log"), *run_dir.glob("outbox/*")):
        redact_file(file, secrets)


def _without(secrets: Secrets, value: Any) -> Any:
    if isinstance(value, str) and type(value) is str:
        return secrets.redact(value)
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        return tuple(_without(secrets, item) for item in items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {item.name: getattr(value, item.name) for item in dataclasses.fields(value) if item.init}
        return dataclasses.replace(value, **{name: _without(secrets, item) for name, item in found.items()})
    return value
