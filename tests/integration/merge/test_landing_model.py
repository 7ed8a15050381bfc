"""Whatever a person does to the branches between landings: nothing that landed is lost, nothing dropped comes back.

Random histories on real git, driven through the functions that the daemon's jobs call. `COWORK_LANDING_SEEDS=200` plays
more of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from coworkd.merge.branch_jobs import NoBase, run_base
from coworkd.merge.git.branch_moves import move_branch
from coworkd.merge.git.facts import read_state
from coworkd.merge.git.landings import latest_of_each
from coworkd.store.landings import KnownLandings, Landing, NeededLanding
from tests.integration.landingkit import INTEGRATION, Landings, green

SEEDS = int(os.environ.get("COWORK_LANDING_SEEDS", "4"))
STEPS = 14


@dataclass
class Story:
    """A repository in which a person and agents work, and what each of them believes."""

    world: Landings
    luck: random.Random
    landed: dict[str, Landing] = field(default_factory=dict[str, Landing])
    """By task: what the database says of tasks that have landed."""
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    own: set[str] = field(default_factory=set[str])
    """Files of commits that the person has made on main and not dropped."""
    dropped: set[str] = field(default_factory=set[str])
    pending: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """Submissions that have not landed: task, base, commit."""
    lost: set[str] = field(default_factory=set[str])
    told: list[str] = field(default_factory=list[str])
    number: int = 0

    def name(self, kind: str) -> str:
        self.number += 1
        return f"{kind}{self.number}"

    # ---- what a person does

    def commit(self) -> None:
        name = self.name("p")
        self.world.user.commit(name, {f"{name}.txt": f"{name}\n"})
        self.own.add(f"{name}.txt")

    def note(self) -> None:
        name = self.name("n")
        self.world.user.commit(name, {f".cowork/tasks/{name}.md": "later\n"})

    def amend(self) -> None:
        """The last commit, where it is the person's own, becomes another."""
        git = self.world.user.git
        last = f"{git('log', '-1', '--format=%s')}.txt"
        if last not in self.own:
            return
        name = self.name("p")
        git("rm", "-q", last)
        self.world.user.write(f"{name}.txt", f"{name}\n")
        git("add", "-A")
        git("commit", "-q", "--amend", "-m", name)
        self.own.add(f"{name}.txt")
        self._forget()

    def reset(self) -> None:
        git = self.world.user.git
        depth = len(git("rev-list", "--first-parent", "HEAD").splitlines())
        if depth > 1:
            git("reset", "-q", "--hard", f"HEAD~{self.luck.randint(1, min(2, depth - 1))}")
            self._forget()

    def _forget(self) -> None:
        """What is on main no more was dropped by the person."""
        gone = self.own - self.world.files("main")
        self.own -= gone
        self.dropped |= gone

    def delete(self) -> None:
        self.world.user.git("update-ref", "-d", f"refs/heads/{INTEGRATION}")

    def move_back(self) -> None:
        git = self.world.user.git
        if tip := self.world.tip:
            behind = git("rev-list", "--first-parent", "--max-count=3", tip).splitlines()
            git("update-ref", f"refs/heads/{INTEGRATION}", behind[-1])

    def take(self) -> None:
        """The person brings integration into main by hand, in one of the usual ways."""
        git, tip = self.world.user.git, self.world.tip
        if not tip or git("merge-base", "HEAD", tip) == tip or not self._merges(tip):
            return
        match self.luck.choice(["ff", "merge", "squash"]):
            case "squash":
                git("merge", "-q", "--squash", tip)
                git("commit", "-q", "--allow-empty", "-m", "squashed")
            case how:
                git("merge", "-q", "--no-ff" if how == "merge" else "--ff", "-m", "merged by hand", tip)

    def _merges(self, tip: str) -> bool:
        # What integration still has of dropped commits is the person's own doing then.
        return not (self.dropped & self.world.files(tip))

    # ---- what coworkd does

    def look(self) -> None:
        """As the daemon does whenever a branch has moved, and what it records of it."""
        report = self.world.make_due_moves(verify=green, needs=self.needs)
        facts = report.state.facts
        settled = {fact.landing.key for fact in facts.landings if fact.in_target}
        for fact in facts.landings:
            self.landed[fact.landing.task] = fact.landing
        self.lost = {fact.landing.task for fact in facts.lost}
        if report.state.rewritten:
            open_ = list(self.landed.values())
        else:
            open_ = latest_of_each([*self.world.known.landings, *(fact.landing for fact in facts.landings)])
        self.world.known = KnownLandings(
            tip=facts.integration, landings=tuple(one for one in open_ if one.key not in settled),
            recorded=report.state.recorded, settled_at=facts.target,
        )  # fmt: skip

    def start(self) -> None:
        """A run begins, often one that depends on a task that has landed, and submits."""
        task = self.name("t")
        needs = tuple(self.luck.sample(sorted(self.landed), k=min(len(self.landed), self.luck.randint(0, 1))))
        needed = [NeededLanding(landing=self.landed[one], proof="") for one in needs]
        start = run_base(self.world.repo, self.world.branches, needed)
        if isinstance(start, NoBase):
            self.told.append(start.reason)
            return
        there = self.world.files(start.commit)
        assert there.issuperset(f"{one}.txt" for one in needs), f"{needs} are met, and not there"
        self.needs[task] = needs
        commit = self.world.submit(task, start.commit, {f"{task}.txt": f"{task}\n"})
        self.pending.append((task, start.commit, commit))

    def land(self) -> None:
        """The oldest submission lands, where its dependencies are still there."""
        self.look()
        for task, base, commit in list(self.pending):
            if self.lost.intersection(self.needs[task]) or not self.world.tip:
                continue
            landing = self.world.merge(task, base, commit)
            if landing is not None:
                self.pending.remove((task, base, commit))
                self.landed[task] = landing
                return

    # ---- what must hold

    def check(self) -> None:
        """After a look: each task that says landed has its change in one of the branches, or is told to be lost."""
        here, there = self.world.files(), self.world.files("main")
        for task in self.landed:
            assert task in self.lost or f"{task}.txt" in here | there, f"{task} is gone in silence"
        assert not self.dropped & (here | there), f"came back: {sorted(self.dropped & (here | there))}"
        assert self.own <= here | there
        history = set(self.world.user.git("log", "--format=%s", INTEGRATION).splitlines())
        assert not {name.removesuffix(".txt") for name in self.dropped} & history, "came back in the history"


Step = Callable[[Story], None]
PERSON: tuple[Step, ...] = (
    Story.commit, Story.commit, Story.commit, Story.note, Story.amend, Story.reset, Story.delete, Story.move_back,
    Story.take,
)  # fmt: skip
AGENTS: tuple[Step, ...] = (Story.start, Story.land, Story.land)


def play(folder: Path, seed: int, look: Step = Story.look) -> Story:
    world = Landings.at(folder)
    story = Story(world=world, luck=random.Random(seed))
    try:
        for _ in range(STEPS):
            for steps in (AGENTS, PERSON):
                story.luck.choice(steps)(story)
            if story.luck.random() < 0.7:
                look(story)
                story.check()
        look(story)
        story.check()
    finally:
        world.repo.close()
    return story


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_that_landed_is_lost_and_nothing_dropped_comes_back(tmp_path: Path, seed: int) -> None:
    play(tmp_path / "project", seed)


def _restart_always(story: Story) -> None:
    """The fault that this is about: integration starts again from main whatever has landed."""
    state = read_state(story.world.repo, story.world.branches)
    move_branch(story.world.repo, story.world.branches, state.facts, state.facts.target)


def _merge_always(story: Story) -> None:
    """The other one: whatever integration has is kept, also what was dropped."""
    git, tip = story.world.user.git, story.world.tip
    if tip:
        git("checkout", "-q", "--detach", tip)
        git("merge", "-q", "-m", "all of it", "main")
        git("update-ref", f"refs/heads/{INTEGRATION}", "HEAD")
        git("checkout", "-q", "main")


@pytest.mark.parametrize(("wrong", "said"), [(_restart_always, "is gone in silence"), (_merge_always, "came back")])
def test_the_oracle_sees_both_faults(tmp_path: Path, wrong: Step, said: str) -> None:
    world = Landings.at(tmp_path / "project")
    story = Story(world=world, luck=random.Random(0))
    story.start()
    story.land()
    story.commit()
    story.look()
    story.check()
    story.reset()
    wrong(story)
    with pytest.raises(AssertionError, match=said):
        story.check()
    world.repo.close()
