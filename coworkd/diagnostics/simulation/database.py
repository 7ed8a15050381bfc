"""The real tables in memory, with crashes possible around every commit and a memory of what power loss leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from functools import cache

from coworkd.diagnostics.simulation.faults import Faults
from coworkd.store import Database


@cache
def _empty() -> bytes:
    """An empty database of the present version: made once, copied for every simulation."""
    database = Database(":memory:")
    image = database.connection.serialize()
    database.close()
    return image


class SimDatabase(Database):
    """A database of one simulated disk. What follows the last durable commit is lost with the power."""

    def __init__(self, faults: Faults, *, image: bytes = b"", durable: bool = False) -> None:
        self._faults = faults
        self._image = image or _empty()
        self._keeping = durable
        super().__init__(":memory:")

    def _prepare(self) -> None:
        self.connection.deserialize(self._image)

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Generator[None]:
        outermost = not self._depth
        if outermost:
            self._faults.step(refusable=False)
        with super().write(durable=durable):
            yield
        if outermost and durable and self._keeping:
            self._image = self.connection.serialize()
        if outermost:
            self._faults.step(refusable=False)

    def lose_power(self) -> None:
        """Go back to the last durable commit."""
        self.connection.deserialize(self._image)
        self.forget_answers()
