"""Histories made from a seed: a few files, a few people, and everything that can come in between."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from coworkd.diagnostics.simulation.folder import REFUSALS
from coworkd.diagnostics.simulation.steps import History, Step, Style, Verb

PATHS = ("tasks/a.md", "tasks/b.md", "tasks/sub/c.md")
PEOPLE = 3
WORDS = ("ready", "draft", "paused", "done", "cancelled", "Ready")

_PAUSES = (0.0, 0.002, 0.01, 0.06, 0.3, 1.2, 2.5, 12.0)

_EDITING = (Verb.LOAD, Verb.WRITE, Verb.REWRITE, Verb.STATUS, Verb.LABEL, Verb.SAVE)
_TROUBLE = (Verb.CRASH, Verb.CRASH, Verb.REFUSE, Verb.POWER)
_GIT = (Verb.COMMIT, Verb.SWITCH, Verb.STASH, Verb.POP, Verb.PULL)

_MIXES: tuple[tuple[Verb, ...], ...] = (
    (
        *_EDITING,
        *_EDITING,
        Verb.SAVE,
        Verb.HOLD,
        Verb.LATE,
        Verb.FLICKER,
        Verb.FLICKER,
        Verb.WORK,
        Verb.WORK,
        Verb.COMMAND,
    ),
    (*_EDITING, Verb.SAVE, Verb.WORK, Verb.WORK, Verb.COMMAND, Verb.SAY, Verb.POST, Verb.ASK, *_TROUBLE, *_TROUBLE),
    (*_EDITING, Verb.SAVE, Verb.WORK, Verb.COMMAND, Verb.REMOVE, *_GIT, *_GIT, Verb.SWITCH, Verb.CRASH),
)
"""What a history draws from: editing and the board, trouble, git. A verb named twice is drawn twice as often."""


def generate(seed: int) -> History:
    """The history of this seed: always the same."""
    chance = Random(seed)
    return _Author(chance, chance.choice(_MIXES)).history(chance.randint(8, 22))


class _Author:
    def __init__(self, chance: Random, mix: tuple[Verb, ...]) -> None:
        self._chance = chance
        self._mix = mix
        self._paths = PATHS[: chance.randint(1, 3)]
        self._tokens = 0

    def history(self, length: int) -> History:
        steps = [self._first(path) for path in self._paths]
        while len(steps) < length:
            steps += self._more()
        return tuple(steps)

    def _first(self, path: str) -> Step:
        status = self._chance.choice(("ready", "ready", "draft", ""))
        return self._step(Verb.NEW, path, actor=1, value=status, pause=self._chance.choice((0.0, 2.5, 12.0)))

    def _more(self) -> list[Step]:
        """One step, or an edit as people make it: load, type, save."""
        verb = self._chance.choice(self._mix)
        path, actor = self._chance.choice(self._paths), self._chance.randint(1, PEOPLE)
        if verb is not Verb.LOAD or self._chance.random() < 0.3:
            return [self._one(verb, path, actor)]
        typed = self._chance.choice((Verb.WRITE, Verb.WRITE, Verb.STATUS, Verb.REWRITE, Verb.LABEL))
        return [self._one(each, path, actor) for each in (Verb.LOAD, typed, Verb.SAVE)]

    def _one(self, verb: Verb, path: str, actor: int) -> Step:
        chance = self._chance
        match verb:
            case Verb.STATUS:
                return self._step(verb, path, actor=actor, value=chance.choice(WORDS))
            case Verb.WRITE | Verb.REWRITE | Verb.FLICKER | Verb.LABEL | Verb.SAY | Verb.POST:
                return self._step(verb, path, actor=actor, value=self._token(), at=self._at(verb))
            case Verb.COMMAND:
                return self._step(verb, path, value=chance.choice(("ready", "paused", "cancelled")))
            case Verb.PULL:
                return self._step(verb, path, value=chance.choice(("", self._token())))
            case Verb.REFUSE:
                return self._step(verb, value=str(chance.choice(REFUSALS)), at=chance.randint(1, 20))
            case Verb.CRASH | Verb.POWER:
                return self._step(verb, at=chance.choice((0, *range(1, 25))))
            case _:
                return self._step(verb, path, actor=actor, at=self._at(verb), style=chance.choice(tuple(Style)))

    def _at(self, verb: Verb) -> int:
        """One save in three happens in the middle of the daemon's work."""
        racing = verb in (Verb.SAVE, Verb.LATE, Verb.REMOVE) and self._chance.random() < 0.35
        return self._chance.randint(1, 16) if racing else 0

    def _token(self) -> str:
        self._tokens += 1
        return f"t1{self._tokens:04d}x"

    def _step(self, verb: Verb, path: str = "", **more: Any) -> Step:
        pause = self._chance.choice(_PAUSES)
        plain = Step(verb=verb, path=path, salt=self._chance.randrange(1 << 30), pause=pause)
        return replace(plain, **more)
