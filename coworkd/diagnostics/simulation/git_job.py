"""The job that asks git, as slow as it may be: people, git and kills come between a question and its answer."""

from __future__ import annotations

from coworkd.diagnostics.simulation.external_editors import ExternalEditors
from coworkd.sync.engine import Engine
from coworkd.sync.git_questions import GitAnswers, GitQuestions, ask_git

SLOWEST = 4.0
"""Seconds that git takes at most: longer than a missing file is waited for."""


class SimGitJob:
    """One job at a time, which ends some time after it was started; git is asked at any moment between the two."""

    def __init__(self, outside: ExternalEditors) -> None:
        self._outside = outside
        self._asked: GitQuestions | None = None
        self._ask_at = 0.0
        self._answers: GitAnswers | None = None
        self._ends_at: float | None = None

    def step(self, engine: Engine, now: float) -> None:
        """Hand over the answers of a job that has ended, and start the next one."""
        if self._ends_at is not None and now >= self._ends_at:
            answers = self._answered()
            self.kill()
            self._outside.note(f"git answers about {len(answers.origins)} files, {len(answers.missing)} missing")
            engine.take_git_answers(answers, now)
        if self._asked is not None and self._answers is None and now >= self._ask_at:
            self._answered()
        if self._asked is None and (asked := engine.git_questions()):
            self._start(asked, now)

    def kill(self) -> None:
        """The process that the job is part of is gone."""
        self._asked, self._answers, self._ends_at = None, None, None

    def deadline(self) -> float | None:
        """When git is asked, or the job ends."""
        asking = self._asked is not None and self._answers is None
        return self._ask_at if asking else self._ends_at

    def _start(self, asked: GitQuestions, now: float) -> None:
        chance = self._outside.chance
        took = chance.choice((0.001, 0.001, 0.02, 0.3, SLOWEST)) * chance.random()
        self._asked, self._ask_at, self._ends_at = asked, now + took * chance.random(), now + took
        if not took:
            self._answered()

    def _answered(self) -> GitAnswers:
        assert self._asked is not None, "a job is under way"
        if self._answers is None:
            self._answers = ask_git(self._outside.git, self._asked)
        return self._answers
