"""The same few agent sessions for every driver, and the means to follow one."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from coworkd.agents.base import (
    Agent,
    AgentEvent,
    Asked,
    AskKind,
    Assignment,
    Decision,
    Ended,
    EndReason,
    TextWritten,
)
from coworkd.agents.command import CommandAgent
from coworkd.agents.control import GiveAnswer
from coworkd.agents.fake import Acts, FakeAgent
from coworkd.agents.replay import ReplayAgent
from coworkd.model import AgentSpec

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds after which a test gives up."""


class Session(StrEnum):
    """What an agent does; the name of the task that asks for it."""

    SAYS = "says"
    """Says `hello`."""
    FAILS = "fails"
    ASKS = "asks"
    """Asks in `colour.md`, says what it is told, and is done."""
    WANTS = "wants"
    """Asks to run `npm install` in `net.md`; says `installed`, or `left alone` if it may not."""
    STAYS = "stays"
    """Says `up` and never ends."""


_WAIT = 'while [ ! -e "$COWORK_INBOX/{0}" ]; do sleep 0.02; done'

SCRIPTS: Mapping[Session, str] = {
    Session.SAYS: "echo hello",
    Session.FAILS: "echo trouble >&2; exit 3",
    Session.ASKS: (
        "printf -- '---\\nkind: question\\n---\\nWhich colour?\\n' > $COWORK_OUTBOX/.c; "
        "mv $COWORK_OUTBOX/.c $COWORK_OUTBOX/colour.md; " + _WAIT.format("colour.md") + "; cat $COWORK_INBOX/colour.md"
    ),
    Session.WANTS: (
        "printf -- '---\\napproval: pending\\ntool: run\\narguments: npm install\\n---\\nMay I?\\n' "
        "> $COWORK_OUTBOX/net.md; " + _WAIT.format("net.md") + "; "
        "if grep -q '^answer: approved' $COWORK_INBOX/net.md; then echo installed; else echo left alone; fi"
    ),
    Session.STAYS: "echo up; sleep 1000",
}

RECORDINGS: Mapping[Session, list[object]] = {
    Session.SAYS: [{"say": "hello"}],
    Session.FAILS: [{"end": "failed", "message": "trouble"}],
    Session.ASKS: [{"ask": "Which colour?", "name": "colour.md"}, {"say": "{{answer:colour.md}}"}],
    Session.WANTS: [
        {
            "permit": "May I?",
            "tool": "run",
            "arguments": "npm install",
            "name": "net.md",
            "otherwise": [{"say": "left alone"}],
        },
        {"say": "installed"},
    ],
    Session.STAYS: [{"say": "up"}, {"pause": 1000}],
}


def script(assignment: Assignment) -> Acts:
    """The sessions for `FakeAgent` and `FakeExecutor`."""
    match Session(assignment.task):
        case Session.SAYS:
            yield TextWritten(text="hello")
        case Session.FAILS:
            yield Ended(reason=EndReason.FAILED, message="trouble")
        case Session.ASKS:
            word = yield Asked(request="colour.md", kind=AskKind.QUESTION, text="Which colour?")
            yield TextWritten(text=word.answer.body if isinstance(word, GiveAnswer) else "nothing")
        case Session.WANTS:
            asked = Asked(request="net.md", kind=AskKind.PERMISSION, text="May I?", tool="run", arguments="npm install")
            word = yield asked
            granted = isinstance(word, GiveAnswer) and word.answer.decision is Decision.APPROVED
            yield TextWritten(text="installed" if granted else "left alone")
        case Session.STAYS:
            yield TextWritten(text="up")
            while True:
                yield None


def assignment(tmp_path: Path, task: str, **changes: object) -> Assignment:
    """A run of `task` with its folders made; the worktree is an empty folder."""
    (tmp_path / "worktree").mkdir(exist_ok=True)
    # Whole trees are ended by these marks: no other run on the machine may carry them, in whichever process it is tested.
    mark = sha256(str(tmp_path).encode()).hexdigest()[:16]
    plain = Assignment(
        run=f"run-{mark}",
        task=task,
        attempt=1,
        epoch=1,
        agent=AgentSpec(name="tester"),
        prompt="Do it.",
        worktree=str(tmp_path / "worktree"),
        run_dir=str(tmp_path / "run"),
        home=str(tmp_path / "home"),
        timeout=60.0,
        stall=60.0,
        output_limit=1_000_000,
        repo_id=f"repo-{mark}",
    )
    return replace(plain, **changes)


def bash(tmp_path: Path, text: str, task: str = "task", **changes: object) -> Assignment:
    """A run of a shell script by the driver `command`."""
    agent = AgentSpec(name="tester", driver="command", command=("bash", "-c", text))
    return assignment(tmp_path, task, **({"agent": agent} | changes))


def recorded(tmp_path: Path, steps: list[object], task: str = "task", **changes: object) -> Assignment:
    """A run of a recording by the driver `replay`."""
    folder = tmp_path / "recordings"
    folder.mkdir(exist_ok=True)
    lines = [{"recording": 1, "agent": "tester", "model": "none"}, *steps]
    (folder / f"{task}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    agent = AgentSpec(name="tester", driver="replay")
    return assignment(tmp_path, task, **({"agent": agent, "recording": str(folder)} | changes))


@dataclass(frozen=True)
class Driver:
    """One implementation of the port, and how it is brought to carry out a session."""

    name: str
    create: Callable[[], Agent]
    assign: Callable[[Path, Session], Assignment]


DRIVERS = (
    Driver("command", CommandAgent, lambda path, session: bash(path, SCRIPTS[session], task=session.value)),
    Driver("replay", ReplayAgent, lambda path, session: recorded(path, RECORDINGS[session], session.value)),
    Driver("fake", lambda: FakeAgent(script), lambda path, session: assignment(path, session.value)),
)


class Following:
    """Iterates a run in a thread of its own, as a worker does, and hands over its events one by one."""

    def __init__(self, agent: Agent, order: Assignment) -> None:
        self.agent = agent
        self.seen: list[AgentEvent] = []
        self._arriving: queue.SimpleQueue[AgentEvent] = queue.SimpleQueue()
        events = agent.start(order, None)
        self._thread = threading.Thread(target=lambda: [self._arriving.put(event) for event in events], daemon=True)
        self._thread.start()

    def until(self, kind: type[T]) -> T:
        """The next event of a type."""
        while True:
            event = self._arriving.get(timeout=PATIENCE)
            self.seen.append(event)
            if isinstance(event, kind):
                return event

    def end(self) -> Ended:
        """The end, and the assurance that nothing comes after it."""
        ended = self.until(Ended)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        assert self._arriving.empty()
        assert sum(isinstance(event, Ended) for event in self.seen) == 1
        return ended

    def text(self) -> str:
        return "".join(event.text for event in self.seen if isinstance(event, TextWritten))
