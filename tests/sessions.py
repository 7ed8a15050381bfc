"""The same few agent sessions for every driver, and the means to follow one."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from coworkd.agents.drivers.acp.driver import AcpAgent
from coworkd.agents.drivers.claude.driver import ClaudeAgent
from coworkd.agents.drivers.codex.driver import CodexAgent
from coworkd.agents.drivers.command import CommandAgent
from coworkd.agents.drivers.llm import litellm_client
from coworkd.agents.drivers.llm.driver import LlmAgent
from coworkd.agents.drivers.replay.driver import ReplayAgent
from coworkd.agents.port import (
    Agent,
    AgentEvent,
    AnswerDecision,
    Asked,
    AskKind,
    Assignment,
    Ended,
    EndReason,
    TextWritten,
)
from coworkd.agents.testing import FakeAgent, ScriptSteps
from coworkd.agents.worker_commands import GiveAnswer
from coworkd.core.model import AgentSpec, ToolRules
from tests.modelserver import (
    Call,
    Flaw,
    ModelServer,
    Query,
    Raw,
    Refusal,
    Reply,
    Script,
    Spent,
    Trouble,
    Turn,
    run,
    steps,
)

T = TypeVar("T")

ACP_AGENT = str(Path(__file__).with_name("acpagent.py"))
CODEX_SERVER = str(Path(__file__).with_name("codexserver.py"))
CLAUDE_CLI = str(Path(__file__).with_name("claudecli.py"))

DENIED = ("run(denied*)",)
"""The calls that no agent of these sessions may make."""
PATIENCE = 60.0
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
    SPENDS = "spends"
    """Reports 100 and 50 tokens of input, 20 and 5 of output, in two reports."""
    LIMITED = "limited"
    """Is refused by its provider: too many requests, come back in 7 seconds."""
    SPAWNS = "spawns"
    """Starts `survivor-RUN` in a session of its own, which says `up`, and never ends."""
    FLOODS = "floods"
    """Says two million times `x` in one line."""
    BABBLES = "babbles"
    """Says what nobody can read."""
    SILENT = "silent"
    """Says nothing and never ends."""
    CHANGES = "changes"
    """Asks to run `echo made > made.txt`; says `made` when that was done."""
    INSISTS = "insists"
    """In every turn asks for another call that is denied, says `turn`, and ends the turn."""
    PESTERS = "pesters"
    """Asks for a call that is denied, in one turn without end."""


_SURVIVOR = "(setsid bash -c 'exec -a survivor-$COWORK_RUN sleep 1000' &)"
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
    Session.SPAWNS: f"{_SURVIVOR}; echo up; sleep 1000",
    Session.FLOODS: "head -c 2000000 /dev/zero | tr '\\0' x",
    Session.BABBLES: "printf 'a\\377\\376b'",
    Session.SILENT: "sleep 1000",
    Session.CHANGES: (
        "if [ ! -e $COWORK_INBOX/made.md ]; then printf -- '---\\napproval: pending\\ntool: run\\narguments: make\\n---\\nMay I?\\n'"
        " > $COWORK_OUTBOX/made.md; " + _WAIT.format("made.md") + "; fi; echo made > made.txt; echo made"
    ),
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
    Session.SPENDS: [{"usage": {"input": 100, "output": 20}}, {"usage": {"input": 50, "output": 5}}],
    Session.SPAWNS: [{"say": "up"}, {"run": f"{_SURVIVOR}; sleep 1000"}],
    Session.FLOODS: [{"say": "x" * 2_000_000}],
    Session.BABBLES: [{"mumble": "?"}],
    Session.SILENT: [{"pause": 1000}],
    Session.CHANGES: [
        {"permit": "May I?", "tool": "run", "arguments": "make", "name": "made.md", "otherwise": []},
        {"run": "echo made > made.txt"},
        {"say": "made"},
    ],
}

_NPM = "#!/bin/sh\necho installed\n"


def _colour(query: Query) -> Turn:
    if not query.turn:
        return Reply(calls=(Call(name="ask", arguments={"question": "Which colour?"}),))
    return Reply(text=query.said[-1])


def _wants(query: Query) -> Turn:
    if not query.turn:
        return Reply(calls=(run("npm install"),))
    return Reply(text="left alone" if "did not allow it" in query.said[-1] else "installed")


def _spent(given: int, told: int, *calls: Call) -> Reply:
    return Reply(text="" if calls else "done", calls=calls, spent=Spent(input=given, output=told))


MODELS: Mapping[Session, Script] = {
    Session.SAYS: steps(Reply(text="hello")),
    Session.FAILS: steps(Raw(status=400, body=b'{"error": {"message": "trouble", "type": "invalid_request_error"}}')),
    Session.ASKS: _colour,
    Session.WANTS: _wants,
    Session.STAYS: steps(Reply(text="up", flaw=Flaw.HELD)),
    Session.SPENDS: steps(_spent(100, 20, Call(name="list")), _spent(50, 5)),
    Session.LIMITED: steps(Refusal(trouble=Trouble.RATE_LIMIT, retry_after=7)),
    Session.SPAWNS: steps(Reply(text="up", calls=(run(f"{_SURVIVOR}; sleep 1000"),))),
    Session.FLOODS: steps(Reply(text="x" * 2_000_000)),
    Session.BABBLES: steps(Reply(text="a word and another word and more", flaw=Flaw.MALFORMED)),
    Session.SILENT: steps(Reply(flaw=Flaw.HELD)),
    Session.CHANGES: steps(Reply(calls=(run("echo made > made.txt"),)), Reply(text="made")),
    Session.INSISTS: steps(Reply(calls=(run("denied 1"),)), Reply(text="turn")),
    Session.PESTERS: lambda query: Reply(calls=(run(f"denied {query.turn}"),)),
}
"""What the model of the driver `llm` does."""


def script(assignment: Assignment) -> ScriptSteps:
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
            granted = isinstance(word, GiveAnswer) and word.answer.decision is AnswerDecision.APPROVED
            yield TextWritten(text="installed" if granted else "left alone")
        case Session.STAYS:
            yield TextWritten(text="up")
            while True:
                yield None
        case _:
            raise NotImplementedError("the fake plays no such session")


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


def modelled(bench: Bench, session: Session, **changes: object) -> Assignment:
    """A run of the driver `llm` whose model is scripted."""
    server = bench.server(MODELS[session])
    programs = bench.path / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "npm").write_text(_NPM)
    (programs / "npm").chmod(0o755)
    env = {
        "OPENAI_API_BASE": f"{server.url}/v1",
        "OPENAI_API_KEY": "sk-canary",
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    rules = ToolRules(ask=("run(npm install)", "run(echo made *)"), deny=DENIED)
    agent = AgentSpec(name="tester", driver="llm", model="openai/gpt-4o-mini", env=tuple(env.items()), tools=rules)
    return assignment(bench.path, session.value, **({"agent": agent} | changes))


def spoken_to(bench: Bench, session: Session, **changes: object) -> Assignment:
    """A run of the driver `acp` with an agent that plays the session."""
    agent = AgentSpec(name="tester", driver="acp", command=(sys.executable, ACP_AGENT), tools=ToolRules(deny=DENIED))
    return assignment(bench.path, session.value, **({"agent": agent} | changes))


def like_claude(bench: Bench, session: Session, **changes: object) -> Assignment:
    """A run of the driver `claude` with a program that plays the session."""
    agent = AgentSpec(
        name="tester", driver="claude", command=(sys.executable, CLAUDE_CLI), tools=ToolRules(deny=DENIED)
    )
    return assignment(bench.path, session.value, **({"agent": agent} | changes))


def like_codex(bench: Bench, session: Session, **changes: object) -> Assignment:
    """A run of the driver `codex` with a program that plays the session."""
    agent = AgentSpec(
        name="tester", driver="codex", command=(sys.executable, CODEX_SERVER), tools=ToolRules(deny=DENIED)
    )
    return assignment(bench.path, session.value, **({"agent": agent} | changes))


@dataclass(frozen=True)
class Bench:
    """Where a session is tried: a folder of its own, and model servers that close with it."""

    path: Path
    closing: ExitStack

    def server(self, script: Script) -> ModelServer:
        return self.closing.enter_context(ModelServer(script))


class Case(StrEnum):
    """What is asked of every driver, beside the bare port; a row of the table in `docs/agents.md`."""

    SESSION = "session id before the first text"
    STREAMING = "text is streamed"
    PERMISSION = "permission allowed and denied"
    HELD = "permission held long"
    RESTARTED = "permission answered after a restart"
    QUESTION = "question answered in the same run"
    USAGE = "usage as deltas"
    ERRORS = "typed error with the time of the next try"
    CANCEL = "cancelled"
    KILL = "killed with all its processes"
    HUGE = "huge output is cut"
    MALFORMED = "malformed output is an outcome"
    SILENT = "silence ends the run"
    RESUMED = "session resumed after kill -9"
    REFUSED = "repeated refusals end the run"


@dataclass(frozen=True)
class Driver:
    """One implementation of the port, and how it is brought to carry out a session."""

    name: str
    create: Callable[[], Agent]
    assign: Callable[..., Assignment]
    """Called with the bench, the session, and what is to be different about the assignment."""
    ready: Callable[[], object] = bool
    """Called before the first session: what takes long the first time is no part of a test."""
    cannot: Mapping[Case, str] = field(default_factory=dict[Case, str])
    """Which cases it cannot do, and why."""


_NO_SESSION = {
    Case.SESSION: "a program keeps no session that coworkd knows of",
    Case.RESUMED: "it is started again, with its answers in the inbox",
}

DRIVERS = (
    Driver(
        "command",
        CommandAgent,
        lambda bench, session, **changes: bash(bench.path, SCRIPTS[session], task=session.value, **changes),
        cannot=_NO_SESSION
        | {
            Case.USAGE: "a program cannot report its usage",
            Case.ERRORS: "exit 75 says that it is unavailable, not why",
            Case.REFUSED: "a program asks a person, and only people refuse",
        },
    ),
    Driver(
        "replay",
        ReplayAgent,
        lambda bench, session, **changes: recorded(bench.path, RECORDINGS[session], session.value, **changes),
        cannot={
            Case.SESSION: "a recording is played from its beginning",
            Case.RESUMED: "a recording is played from its beginning",
            Case.ERRORS: "a recording has no provider",
            Case.HUGE: "it replays the whole recording",
            Case.REFUSED: "a recording has an end",
        },
    ),
    Driver("llm", LlmAgent, modelled, ready=litellm_client.preload),
    Driver("acp", AcpAgent, spoken_to),
    Driver("claude", ClaudeAgent, like_claude),
    Driver(
        "codex",
        CodexAgent,
        like_codex,
        cannot={Case.ERRORS: "its errors say what went wrong, but not when to try again"},
    ),
    Driver(
        "fake",
        lambda: FakeAgent(script),
        lambda bench, session, **changes: assignment(bench.path, session.value, **changes),
        cannot=dict.fromkeys(
            set(Case) - {Case.STREAMING, Case.PERMISSION, Case.QUESTION, Case.CANCEL}, "plays in memory, for tests"
        ),
    ),
)


class Following:
    """Iterates a run in a thread of its own, as a worker does, and hands over its events one by one."""

    def __init__(self, agent: Agent, order: Assignment, resume: str | None = None) -> None:
        self.agent = agent
        self.order = order
        self.seen: list[AgentEvent] = []
        self._arriving: queue.SimpleQueue[AgentEvent] = queue.SimpleQueue()
        events = agent.start(order, resume)
        self._thread = threading.Thread(target=lambda: [self._arriving.put(event) for event in events], daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

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
