"""What is asked of the job that tries a change for a pattern of collaboration. Pure values."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.tries import TryKind
from coworkd.merge.job_values import VerifyRequest
from coworkd.store import StepKey


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherChange:
    """What another step made, of which files are laid over."""

    commit: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TryRequest:
    """Find out about a change; nothing is moved, and no author is blamed."""

    step: StepKey
    kind: TryKind
    change: VerifyRequest
    """The change, as the merge queue would verify it."""
    others: tuple[OtherChange, ...] = ()
    command: str = ""
    """The command of a finding, which is run as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryDeferred:
    """Nothing was found out, and the try is made again."""

    reason: str
