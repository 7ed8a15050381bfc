"""Which keys of a task contradict each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coworkd.core.model import Mode, PatternName

P = PatternName

MODES: Mapping[PatternName, tuple[Mode, ...]] = {
    P.SOLO: (Mode.BUILD, Mode.PLAN, Mode.ANSWER),
    P.DEBATE: (Mode.ANSWER,),
    P.TEAM: (Mode.BUILD,),
    P.CHAIN_REVIEW: (Mode.BUILD, Mode.ANSWER),
    P.DEVILS_ADVOCATE: (Mode.BUILD, Mode.ANSWER),
    P.EXPERT_PANEL: (Mode.ANSWER,),
    P.REFINE: (Mode.BUILD,),
    P.RED_TEAM: (Mode.BUILD,),
    P.CONSENSUS: (Mode.BUILD,),
    P.HIERARCHY: (Mode.BUILD,),
}
"""What each pattern can be used for. Whether an answer passes tests cannot be tried, and a change cannot be voted on
word by word; a plan is one reply, which a person reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two keys that cannot both be meant."""

    keys: tuple[str, ...]
    """Those it is about, first the one to point at."""
    reason: str
    """What to write instead."""


def contradiction(mode: Mode, pattern: PatternName, *, loop: bool) -> Contradiction | None:
    """The first contradiction between these keys; None: there is none."""
    if loop and mode is not Mode.BUILD:
        reason = f"`loop:` builds and `mode: {mode}` only reads: take one of them out"
        return Contradiction(keys=("loop", "mode"), reason=reason)
    modes = MODES[pattern]
    if mode in modes:
        return None
    usable = ", ".join(name for name in P if mode in MODES[name])
    reason = (
        f"`pattern: {pattern}` is for {' and '.join(f'`mode: {one}`' for one in modes)}, not for `mode: {mode}`;"
        f" for that there is: {usable}"
    )
    return Contradiction(keys=("pattern", "mode"), reason=reason)
