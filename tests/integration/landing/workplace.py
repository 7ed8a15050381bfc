"""The daemon's own parts over a user's repository, turn by turn in one thread: dispatch, merge queue and both branches.

An agent is played by a commit that is made on exactly what its slot would have held. Time is the test's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from coworkd.agents.port import Assignment
from coworkd.agents.testing import ScriptSteps
from coworkd.board.views.attention import AttentionItem, attention_items
from coworkd.core.errors import RepoError
from coworkd.core.start_faults import start_fault_of
from coworkd.dispatch.executors.slot_results import (
    FinishRequest,
    FinishResult,
    Imported,
    SavedWork,
    SlotDeferred,
    SlotFailed,
    SlotReady,
    SlotRequest,
)
from coworkd.merge.branch_jobs import NoBase, RunBase
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.landed_tasks import LandedTasks
from coworkd.merge.merger import Merger, QueueFiles
from coworkd.merge.target_branch import TargetBranch
from coworkd.store import TaskRow
from coworkd.store.submissions import merge_queue
from coworkd.system.background_jobs import Jobs
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, base_ref, submission_ref, update_refs
from tests.integration.dispatchkit import Bench
from tests.integration.gitkit import Checkout
from tests.integration.landing.inline_jobs import InlineJobs
from tests.integration.landing.interruptions import Interruption, interruptible

INTEGRATION = "cowork/integration"
MAX_TURNS = 60
RETRIES = 8
"""Turns after which what is tried again and fails again is not waited for."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


class Killed(BaseException):
    """The daemon is gone in the middle of something."""


SHARED = "shared.txt"
"""What tasks that collide write, each a line of its own."""


def _ends_at_once(_: Assignment) -> ScriptSteps:
    yield from ()


class Workplace(Bench):
    """A repository with its daemon; `kill` leaves nothing but the disk."""

    def __init__(self, user: Checkout) -> None:
        self.user = user
        self.interruption = Interruption()
        self.colliding: set[str] = set()
        self.begun: dict[str, str] = {}
        """The commit that each run has begun with."""
        self.starts: list[tuple[str, str, tuple[str, ...]]] = []
        """Tasks that have started: the commit they have started from, and the tasks that they need."""
        user.write(".git/info/exclude", ".cowork/\ntrash/\nstate/\nstate.db*\nepoch\n")
        super().__init__(user.root, _ends_at_once)
        self.made = self.submit_work
        self._recover()
        self.config('verify: ["true"]\napprove: []\nconcurrency: 4\nland: manual\n')
        self.agent("main", driver="replay")

    def open(self) -> None:
        self.repo = Repo.open(self.user.root)
        super().open()
        self.integration = IntegrationJobs(self.root, self.root / "state", self.jobs.stopping)
        self.target = TargetBranch(self.board, self.jobs, self.repo)
        self.target.look_and_wait()
        landed = LandedTasks(self.board, self.repo)
        files = QueueFiles(folder=self.place.folder, common_dir=self.repo.common_dir)
        self.merger = Merger(self.board, self.jobs, self.integration, landed, files)

    def make_jobs(self) -> Jobs:
        self.inline = InlineJobs()
        return self.inline

    def no_base_reason(self) -> str:
        return self.target.no_base_reason()

    def kill(self) -> None:
        """The process is gone, and what it had begun; another one starts."""
        self.interruption.forget()
        self.inline.drop()
        self.repo.close()
        self.jobs.close()
        self.place.restart()
        self.open()
        self._recover()

    def _recover(self) -> None:
        self.dispatch.recover()
        self.merger.recover(self.now)

    def close(self) -> None:
        self.inline.drop()
        self.repo.close()
        super().close()

    # ---- time

    def run(self, what: Callable[[], None]) -> None:
        """Do it, unless the daemon is killed meanwhile."""
        try:
            with interruptible(self.interruption):
                what()
        except Killed:
            self.kill()
        self.interruption.forget()

    def part_of_turn(self, jobs: int = 0) -> None:
        """One turn, after so many jobs that wait were done."""
        for _ in range(jobs):
            self.inline.do_next()
        now = self.place.now
        self.place.turn(0.0)
        self.jobs.settle(now)
        self.target.look()
        self.dispatch.step(now)
        self.merger.step(now, start=True)
        self.dispatch.start(now)
        self.place.engine.push(now, blocked=lambda _: False)

    def do_unrecorded(self, turns: int) -> None:
        """So many turns; then every job that waits is done, and its outcome is not taken."""
        for _ in range(turns):
            self.part_of_turn(4)
        while self.inline.do_next():
            pass

    def settle(self) -> None:
        """Turns until nothing happens by itself any more, also not when what has failed is tried again."""
        still, seen = 0, Counter[str]()
        for _ in range(MAX_TURNS):
            before = self._state()
            self.place.now = max(self.place.now + 20.0, self.jobs.deadline(self.place.now) or 0.0)
            while self.inline.do_next():
                pass
            self.part_of_turn()
            after = self._state()
            seen[after] += 1
            still = still + 1 if after == before else 0
            # What is tried again comes past the same states, over and over.
            if (seen[after] > RETRIES and self.told()) or (still > 3 and not self.jobs.busy()):
                return
        raise AssertionError(f"it does not come to rest: {self.told()}")

    def _state(self) -> str:
        """Everything that says how far things are, but for times."""
        tasks = [(row.id, row.status, row.reason, row.landed, row.reverted) for row in self.tasks()]
        queue = [(row.key, row.state) for row in merge_queue(self.db)]
        told = sorted(_TIME.sub("", text) for text in self.told())
        return repr((tasks, queue, self.db.state.integration_tip, told))

    # ---- what an agent does

    def _prepare(self, order: SlotRequest) -> SlotReady | SlotFailed | SlotDeferred:  # pyright: ignore[reportIncompatibleMethodOverride]
        branches = BranchContext(branch=order.branch, target=order.target, known=order.known)
        try:
            found = RunBase(commit=order.start_from)
            if not order.start_from:
                found = self.integration.base(branches, order.needed)
            if isinstance(found, NoBase):
                return SlotDeferred(reason=found.reason)
            with Repo.open(self.root) as repo:
                pinned = base_ref(order.run)
                update_refs(repo, [RefChange(name=pinned, old=repo.commit(pinned), new=found.commit)])
        except RepoError as error:
            if order.start_from:
                return SlotFailed(fault=start_fault_of(error, own_commit=True))
            return SlotDeferred(reason=f"waits: {error}")
        self.begun[order.run] = order.restore or found.commit
        self.starts.append((order.task, found.commit, tuple(one.landing.task for one in order.needed)))
        return SlotReady(base=found.commit, worktree=self.root / "state", lacks=found.lacks)

    def submit_work(self, order: FinishRequest) -> FinishResult:
        if not order.submit:
            return SavedWork()
        with Repo.open(self.root) as repo:
            commit = self._commit(repo, order)
            name = submission_ref(order.task, order.number)
            update_refs(repo, [RefChange(name=name, old=repo.commit(name), new=commit)])
            return Imported(commit=commit, tree=repo.tree_of(commit))

    def _commit(self, repo: Repo, order: FinishRequest) -> str:
        """The task's own file, and a line in a file that others write as well, after what is in the tip to merge."""
        start = self.begun[order.run]
        files = {f"{order.task}.txt": f"{order.task}\n"}
        if order.task in self.colliding:
            lines = text_of(repo, order.tip or start, SHARED).splitlines()
            files[SHARED] = "".join(f"{line}\n" for line in [order.task, *lines] if line)
        parents = (start, order.tip) if order.tip else (start,)
        return commit_with(repo, parents, files, order.message)

    # ---- what a person asks for

    def land(self) -> LandedInTarget | TargetRefused:
        """A job that fails is answered as a refusal, with its reason."""
        with interruptible(self.interruption):
            try:
                return self.merger.target_landing_job()()
            except RepoError as error:
                return TargetRefused(reason=str(error))

    def set_status(self, path: str, status: str) -> None:
        """In a file, as with an editor; nothing where there is no such file."""
        if (self.place.root / path).exists():
            text = re.sub(r"^status: .*$", f"status: {status}", self.place.text(path), count=1, flags=re.MULTILINE)
            self.place.save(text, path)

    # ---- what there is

    def attention(self) -> list[AttentionItem]:
        return attention_items(self.db)

    def told(self) -> list[str]:
        return [f"{item.kind} {item.path}: {item.what}" for item in self.attention()]

    def tasks(self) -> list[TaskRow]:
        return self.db.all(TaskRow)


def text_of(repo: Repo, commit: str, path: str) -> str:
    return repo.run("show", f"{commit}:{path}", check=False).text if repo.resolve(f"{commit}:{path}") else ""


def commit_with(repo: Repo, parents: tuple[str, ...], files: Mapping[str, str], message: str) -> str:
    """A commit with the files of the last parent and some others; no branch and no index of the user's is touched."""
    entries = [line for line in repo.run("ls-tree", parents[-1]).lines if line.split("\t")[1] not in files]
    for path, text in files.items():
        blob = repo.run("hash-object", "-w", "--stdin", stdin=text.encode()).text
        entries.append(f"100644 blob {blob}\t{path}")
    tree = repo.run("mktree", stdin="".join(f"{line}\n" for line in entries).encode()).text
    words = [word for parent in parents for word in ("-p", parent)]
    return repo.run("commit-tree", tree, *words, stdin=message.encode(), env=repo.author()).text


def new_repository(folder: Path) -> Checkout:
    folder.mkdir(parents=True)
    user = Checkout(folder)
    user.git("init", "-q", "-b", "main")
    for key, value in {"user.name": "Anna", "user.email": "anna@example.org", "commit.gpgsign": "false"}.items():
        user.git("config", key, value)
    user.commit("start", {"app.py": "app\n", ".gitignore": "*.log\n"})
    return user
