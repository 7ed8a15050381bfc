"""The names of the requests of one run: the same call has the same name, also in a later start of the run.

An answer is found by the name of its request, so the name is all that ties an approval to a call. An approval is good
for one call: once it has been used, the same call is asked about again under the next name. Use is recorded before the
call is made: an approval that was used in a start that crashed does not count twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container
from pathlib import Path

from coworkd.agents.json_codec import Json

USED_NAMES_FILE = "requests.spent"


class RequestNames:
    """Used by the run's own thread."""

    def __init__(self, run_dir: Path) -> None:
        self._ledger = run_dir / USED_NAMES_FILE
        self._used = set(self._ledger.read_text(encoding="utf-8").split()) if self._ledger.exists() else set[str]()

    def name(self, kind: str, essence: Json, held: Container[str]) -> str:
        """The first name for this that is neither used nor held for another call of the same kind."""
        digest = hashlib.sha256(json.dumps([kind, essence], sort_keys=True).encode()).hexdigest()[:16]
        number = 1
        while (name := _name(kind, digest, number)) in self._used or name in held:
            number += 1
        return name

    def mark_used(self, name: str) -> None:
        self._used.add(name)
        with self._ledger.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")


def _name(kind: str, digest: str, number: int) -> str:
    return f"{kind}-{digest}.md" if number == 1 else f"{kind}-{digest}-{number}.md"
