"""One agent, one run: the pattern that every other one is a longer form of."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.dispatch.patterns.base import PastRun, PatternStep, StartStep, SubmitWork


def next_steps(agent: str, history: Sequence[PastRun]) -> PatternStep:
    """Run the agent once; when it has ended well, what it made is the submission."""
    done = next((past for past in history if past.ended_well), None)
    if done is not None:
        return SubmitWork(run=done.run)
    return StartStep(agent=agent, role="author", number=len(history) + 1)
