"""What a person does in the demo, step by step: write files, read files, and now and then a command.

Everything here goes through the workspace's files and the installed command, as it would for anybody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import click

from coworkd.core.errors import UserError
from coworkd.diagnostics.playground import Playground, field

FIRST = "fix-word-count"
ASKS = "report-title"
PERMITS = "json-output"

TITLE = "Words at a glance"

_PATIENCE = 60.0
"""Seconds after which something that should have appeared will not."""
_LOOK = 0.05
"""Seconds between two looks at the files."""
_STUCK = ("failed", "paused", "cancelled")
_REVIEW_SHOWN = re.compile(r"^(approval:|Verified|> \S|\| `.*\| [AMD] )")
"""The word to change, the evidence, what the agent says, and which files it changed."""
_DIFF_SHOWN = re.compile(f"{_REVIEW_SHOWN.pattern}|^[-+](?![-+ ])")
_FORM_SHOWN = re.compile(r"^approval:|^  (tool|arguments):|^[A-Z]")
_TESTS = ("python3", "-m", "unittest", "-q")

Found = TypeVar("Found", bound=object)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEvent:
    """How the story ended."""

    tasks: dict[str, str]
    """The status of every task, by its id."""
    target: str
    """The commit that the user's branch stands on."""


class Teller:
    """Says what happens, unless it is to be `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._chapters = 0

    def chapter(self, title: str) -> None:
        self._chapters += 1
        self._echo("\n" + click.style(f"{self._chapters}. {title}", bold=True))

    def say(self, text: str) -> None:
        self._echo(text)

    def show(self, text: str) -> None:
        """Lines of a file, or of a command's output."""
        self._echo("\n".join(f"    {line}".rstrip() for line in text.strip("\n").split("\n")))

    def _echo(self, text: str) -> None:
        if not self._quiet:
            click.echo(text)


class Story:
    """The three tasks of the example, from file to landed change."""

    def __init__(self, place: Playground, notification_runner: Teller) -> None:
        self._place = place
        self._tell = notification_runner

    def tell(self) -> DemoEvent:
        """Play it to its end. Raises `UserError` with the place where it got stuck."""
        self._program()
        self._workspace()
        self._tasks()
        self._first()
        self._question()
        self._permission()
        self._rest()
        return self._landed()

    # ---- the chapters

    def _program(self) -> None:
        self._tell.chapter("A git repository with a small program and a failing test")
        self._place.lay_out()
        self._command(*_TESTS, lines=3)

    def _workspace(self) -> None:
        self._tell.chapter("A workspace in it, and an agent that plays recorded sessions")
        self._coworkd("init")
        for name in ("config.yaml", "agents/scribe.md", "recordings"):
            self._place.lend(name)
        self._wrote("config.yaml", self._place.read("config.yaml"))
        self._wrote("agents/scribe.md", self._place.read("agents/scribe.md"))
        pid = self._place.start()
        self._tell.say(f"$ coworkd up    (a process of its own, {pid}; from here on it watches .cowork/)")

    def _tasks(self) -> None:
        self._tell.chapter("You write three tasks")
        for task in (FIRST, ASKS, PERMITS):
            text = self._place.example(f"tasks/{task}.md")
            self._place.save(f"tasks/{task}.md", text)
            self._wrote(f"tasks/{task}.md", text)
        self._await_status(FIRST, "running")
        self._board()

    def _first(self) -> None:
        self._tell.chapter("The first change is verified and waits for your word")
        self._approve(FIRST, _DIFF_SHOWN)
        self._await_status(FIRST, "done")
        self._read(f"tasks/{FIRST}.md", _header(self._place.read(f"tasks/{FIRST}.md")))
        self._tell.say("It landed, so the two that depend on it start.")

    def _question(self) -> None:
        self._tell.chapter("An agent asks a question; the answer is a file")
        question = self._await_file(f"messages/{ASKS}/*-question-1.md")
        self._read(question, _body(self._place.read(question)).split("\n## Answer")[0])
        self._board()
        self._place.save(f"messages/{ASKS}/answer.md", f"{TITLE}\n")
        self._wrote(f"messages/{ASKS}/answer.md", TITLE)

    def _permission(self) -> None:
        self._tell.chapter("An agent asks for a permission; the answer is one word")
        form = self._await_file(f"approvals/{PERMITS}-*.md")
        self._read(form, _excerpt(self._place.read(form), _FORM_SHOWN))
        self._answer(form)

    def _rest(self) -> None:
        self._tell.chapter("The other reviews, as they turn green")
        left = [ASKS, PERMITS]
        while left:
            task = self._await("a review that waits for your word", lambda: next(filter(self._reviewable, left), ""))
            self._approve(task)
            left.remove(task)
        for task in (ASKS, PERMITS):
            self._await_status(task, "done")
        self._board()

    def _landed(self) -> DemoEvent:
        self._tell.chapter("Your own branch has not moved until now")
        self._coworkd("land")
        self._command("git", "log", "--graph", "--oneline", "--decorate", "main")
        self._command(*_TESTS, lines=3)
        self._command("python3", "-m", "textreport", "--top", "2", "samples/fox.txt")
        tasks = {task: self._status(task) for task in (FIRST, ASKS, PERMITS)}
        return DemoEvent(tasks=tasks, target=self._place.must("git", "rev-parse", "main").strip())

    # ---- what a person does

    def _approve(self, task: str, shown: re.Pattern[str] = _REVIEW_SHOWN) -> None:
        """Wait for the review of a task, look at it, and write the yes into it."""
        self._await(f"a review of {task} that waits for your word", lambda: self._reviewable(task))
        self._read(f"reviews/{task}.md", _excerpt(self._place.read(f"reviews/{task}.md"), shown))
        self._answer(f"reviews/{task}.md")

    def _reviewable(self, task: str) -> bool:
        return field(self._place.read(f"reviews/{task}.md"), "approval") == "pending"

    def _answer(self, name: str) -> None:
        text = self._place.read(name)
        self._place.save(name, re.sub(r"^approval:.*$", "approval: approved", text, count=1, flags=re.MULTILINE))
        self._wrote(name, "approval: approved")

    def _board(self) -> None:
        self._coworkd("status")

    # ---- telling it

    def _wrote(self, name: str, text: str) -> None:
        self._tell.say(f"You write .cowork/{name}:")
        self._tell.show(text)

    def _read(self, name: str, text: str) -> None:
        self._tell.say(f"You read .cowork/{name}:")
        self._tell.show(text)

    def _coworkd(self, *words: str) -> None:
        self._tell.say(f"$ coworkd {' '.join(words)}")
        self._tell.show(self._place.coworkd(*words))

    def _command(self, *argv: str, lines: int = 0) -> None:
        """Run a command, and show it with the last `lines` of its output; 0: all of it."""
        said = self._place.run(*argv).tail.strip("\n").split("\n")
        self._tell.say(f"$ {' '.join(argv)}")
        self._tell.show("\n".join(said[-lines:]))

    # ---- waiting

    def _status(self, task: str) -> str:
        return field(self._place.read(f"tasks/{task}.md"), "status")

    def _await_status(self, task: str, status: str) -> None:
        self._await(f"`status: {status}` in tasks/{task}.md", lambda: self._status(task) == status)

    def _await_file(self, pattern: str) -> str:
        return self._await(pattern, lambda: self._place.find(pattern))

    def _await(self, what: str, look: Callable[[], Found]) -> Found:
        """Look at the files until something is there. Raises `UserError` when it will not come."""
        until = time.monotonic() + _PATIENCE
        while not (found := look()):
            self._place.check()
            stuck = [task for task in (FIRST, ASKS, PERMITS) if self._status(task) in _STUCK]
            if stuck or time.monotonic() > until:
                why = f"{stuck[0]} is {self._status(stuck[0])}" if stuck else f"not within {_PATIENCE:.0f} s"
                raise UserError(f"the demo waits for {what}: {why}\n{self._place.coworkd('status')}")
            time.sleep(_LOOK)
        return found


def _header(text: str) -> str:
    """What stands between the two lines of `---`."""
    return text.split("---\n", 2)[1]


def _body(text: str) -> str:
    return text.split("---\n", 2)[2]


def _excerpt(text: str, shown: re.Pattern[str]) -> str:
    """The lines of a file that matter here; `...` stands for the others."""
    found: list[str] = []
    for line in text.splitlines():
        if shown.search(line):
            found.append(line)
        elif line.strip("> ") and found[-1:] != ["..."]:
            found.append("...")
    return "\n".join(found)
