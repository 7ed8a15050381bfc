"""The job that asks git what sync wants to know: where bytes came from, why files are missing, where HEAD stands."""

from __future__ import annotations

from collections.abc import Callable

from coworkd.core.model import Problem
from coworkd.store import Database
from coworkd.store.notices import remove_notice
from coworkd.store.problems import problem_paths, put_problem
from coworkd.sync.engine import Engine
from coworkd.sync.git_questions import AskGit, GitAnswers, GitQuestions
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

ASK_GIT: Job[None, GitAnswers] = Job(name="questions to git", purpose=Purpose.SAVES, first_pause=1.0)

_FOLDER = ".cowork/"
_SOURCE = "git"


class GitJob:
    """Asks for one workspace, one job at a time; used by the writer thread alone."""

    def __init__(self, db: Database, engine: Engine, jobs: Jobs, ask: AskGit) -> None:
        """`ask` runs in the job and may wait for git."""
        self._db = db
        self._engine = engine
        self._jobs = jobs
        self._ask = ask
        self.ended = 0
        """How many jobs have ended."""
        self._failure_shown = bool(problem_paths(db, _SOURCE))
        jobs.handle(ASK_GIT, then=self._take_answers, failed=self._report_failure)

    def step(self) -> None:
        """Ask what is open; what is asked while a job is under way waits for the next one."""
        if self._jobs.any_running(ASK_GIT) or self._jobs.pausing(ASK_GIT, None):
            return
        if asked := self._engine.git_questions():
            self._jobs.start(ASK_GIT, None, _job_for(self._ask, asked))

    def is_asking(self) -> bool:
        """Whether a job is under way, whose end begins a turn."""
        return self._jobs.any_running(ASK_GIT)

    def failing(self) -> bool:
        """Whether git could not answer the last time."""
        return bool(self._jobs.failing(ASK_GIT))

    def _take_answers(self, _: None, answers: GitAnswers, now: float) -> None:
        self.ended += 1
        if self._failure_shown:
            self._failure_shown = False
            with self._db.write():
                remove_notice(self._db, _FOLDER, _SOURCE)
        self._engine.take_git_answers(answers, now)

    def _report_failure(self, _: None, failure: JobFailed, now: float) -> None:
        """Nothing is decided without the answers; they are asked for again."""
        self.ended += 1
        self._failure_shown = True
        message = f"git does not answer, so what was saved is not taken in: {failure.reason}; {failure.retry}"
        with self._db.write():
            put_problem(self._db, Problem(path=_FOLDER, line=0, message=message), _SOURCE, now)


def _job_for(ask: AskGit, asked: GitQuestions) -> Callable[[], GitAnswers]:
    return lambda: ask(asked)
