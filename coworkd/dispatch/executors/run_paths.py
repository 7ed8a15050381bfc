"""Where things of one workspace lie outside its folder. Values only."""

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
    """The folders of git objects that slots lean on."""

    def worktree(self, slot: int) -> Path:
        """What an agent in this slot sees as its repository."""
        return self.state / "slots" / str(slot) / "work"

    def run_dir(self, run: str, epoch: int) -> Path:
        """Outbox, inbox, events and logs of one handing-over of a run."""
        return self.state / "runs" / f"{run}.{epoch}"

    def home(self, agent: str) -> Path:
        """The home of an agent, kept between its runs."""
        return self.state / "homes" / agent
