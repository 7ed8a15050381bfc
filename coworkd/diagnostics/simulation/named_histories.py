"""Histories with a name: what has gone wrong somewhere once, step by step."""

from __future__ import annotations

from coworkd.diagnostics.simulation.steps import History, Step, Style, Verb

_A = "tasks/a.md"


def _new(status: str = "ready", pause: float = 3.0) -> Step:
    return Step(verb=Verb.NEW, path=_A, actor=1, value=status, salt=1, pause=pause)


def _by(actor: int, verb: Verb, value: str = "", *, style: Style = Style.SED, at: int = 0, pause: float = 0.5) -> Step:
    return Step(verb=verb, path=_A, actor=actor, value=value, style=style, at=at, salt=3, pause=pause)


def _daemon(verb: Verb, pause: float = 1.0, value: str = "") -> Step:
    return Step(verb=verb, path=_A, value=value, salt=3, pause=pause)


_START, _DONE = _daemon(Verb.WORK), (_daemon(Verb.WORK), _daemon(Verb.WORK), _daemon(Verb.WORK))

NAMED: dict[str, History] = {
    # A buffer from before the run is saved when the daemon's own write is the last thing that happened (D = B).
    "stale-save": (_new(), _by(2, Verb.LOAD), *_DONE, _by(2, Verb.WRITE, "t10001x"), _by(2, Verb.SAVE)),
    "two-saves-from-one-buffer": (
        _new(), *_DONE, _by(2, Verb.LOAD), _by(2, Verb.STATUS, "ready"), _by(2, Verb.SAVE), *_DONE,
        _by(2, Verb.WRITE, "t10001x"), _by(2, Verb.SAVE), _by(2, Verb.SAVE),
    ),
    "save-between-check-and-exchange": (
        _new(), _by(2, Verb.LOAD), _by(2, Verb.WRITE, "t10001x"), _by(2, Verb.SAVE, at=8), _START,
    ),
    "crash-after-the-exchange": (
        _new(), Step(verb=Verb.CRASH, at=11), _START, _daemon(Verb.WAIT, 5.0),
        _by(2, Verb.LOAD), _by(2, Verb.WRITE, "t10001x"), _by(2, Verb.SAVE),
    ),
    "crash-in-recovery": (
        _new(), Step(verb=Verb.CRASH, at=11), Step(verb=Verb.CRASH, at=14), Step(verb=Verb.CRASH, at=17), _START,
        _daemon(Verb.WORK, 5.0),
    ),
    "late-write-through-an-open-descriptor": (
        _new(), _by(2, Verb.HOLD), _START, _by(2, Verb.WRITE, "t10001x"), _by(2, Verb.LATE, pause=12.0),
    ),
    "stash": (
        _new(), _daemon(Verb.COMMIT), _by(2, Verb.LOAD), _by(2, Verb.WRITE, "t10001x"), _by(2, Verb.SAVE),
        _daemon(Verb.STASH, 8.0), _daemon(Verb.POP, 8.0),
    ),
    "branch-switch": (
        _new(), _START, _daemon(Verb.COMMIT), _daemon(Verb.SWITCH, 8.0), _daemon(Verb.SWITCH, 8.0), _daemon(Verb.WORK),
    ),
    "commit-and-switch-at-once": (_new(), _daemon(Verb.COMMIT, 0.0), _daemon(Verb.SWITCH, 8.0), _daemon(Verb.SWITCH)),
    "deletion-by-pull": (_new(), _START, _daemon(Verb.COMMIT), _daemon(Verb.PULL, 40.0)),
    "editor-gap-with-a-lost-event": (
        _new(), Step(verb=Verb.SAVE, path=_A, actor=1, style=Style.SAFE, salt=8, pause=5.0),
    ),
    "stale-saves-of-two-people": (
        _new(), _by(2, Verb.LOAD), _by(3, Verb.LOAD), _by(2, Verb.WRITE, "t10001x"), _by(2, Verb.SAVE),
        _by(3, Verb.WRITE, "t10002x"), _by(3, Verb.SAVE), _by(3, Verb.SAVE),
    ),
    "a-read-that-fails-for-a-moment": (
        _new(), Step(verb=Verb.REFUSE, value="24", at=1), _by(2, Verb.LOAD), _by(2, Verb.WRITE, "t10001x"),
        _by(2, Verb.SAVE), _START,
    ),
    # The displaced save is offered in every turn until git has said where it came from, and its file is held once.
    "displaced-save-waits-for-git": (
        Step(verb=Verb.NEW, path=_A, actor=1, value="draft", salt=711952078),
        Step(verb=Verb.LABEL, path=_A, actor=1, value="t10001x", salt=854619989, pause=2.5),
        Step(verb=Verb.COMMAND, path=_A, value="ready", salt=157570403, pause=2.5),
        Step(verb=Verb.SAVE, path=_A, actor=1, style=Style.SED, at=9, salt=215313031),
        Step(verb=Verb.WORK, path=_A, actor=2, salt=16208529),
    ),
    "two-changes-within-a-tick": (_new(), _by(2, Verb.FLICKER, "t10001x", pause=5.0)),
}  # fmt: skip
"""By name, for `--history` and the tests."""
