"""Paths of one workspace outside its folder. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaths:
    root: Path
    """The user's checkout."""
    state: Path
    """`$XDG_STATE_HOME/coworkd/REPO-ID`: slots, gates, homes, runs."""
    repo_id: str
    instance: str
    stores: tuple[str, ...] = ()
    """Git object folders that slots borrow objects from."""

    def worktree(self, slot: int) -> Path:
        """The checkout of an agent in this slot."""
        return self.state / "slots" / str(slot) / "work"

    def run_dir(self, run: str, epoch: int) -> Path:
        """Outbox, inbox, events and logs of one start of a run."""
        return self.state / "runs" / f"{run}.{epoch}"

    def home(self, agent: str) -> Path:
        """The home of an agent, kept between its runs."""
        return self.state / "homes" / agent
