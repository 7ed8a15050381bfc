"""Records what the real programs say, for unit tests: `REAL_AGENTS=... python -m tests.real.record`.

Each scene is played with the real program against the model server; the protocol of the run, without places of this
machine, becomes `tests/fixtures/DRIVER/SCENE.log`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from coworkd.agents.port import AnswerDecision, Asked, AskKind, Ended, InboxAnswer
from coworkd.agents.registry import create_agent
from coworkd.core.model import AgentSpec, ToolRules
from tests.modelserver import Call, ModelServer, Refusal, Reply, Script, Trouble, run, steps
from tests.sessions import Following, assignment

FIXTURES = Path(__file__).parents[1] / "fixtures"

_ASKED = {"questions": [{"question": "Which colour?", "header": "Colour", "multiSelect": False,
                         "options": [{"label": "Blue", "description": "b"}, {"label": "Red", "description": "r"}]}]}  # fmt: skip
_CALLS = steps(Reply(text="I make it.", calls=(run("echo made > made.txt"),)), Reply(text="It is made."))
SCENES: Mapping[str, Script] = {
    "says": steps(Reply(text="hello")),
    "permission": _CALLS,
    "rate-limit": steps(Refusal(trouble=Trouble.RATE_LIMIT, retry_after=2)),
    "quota": steps(Refusal(trouble=Trouble.QUOTA)),
    "overloaded": steps(Refusal(trouble=Trouble.OVERLOADED)),
    "auth": steps(Refusal(trouble=Trouble.AUTH)),
    "context": steps(Refusal(trouble=Trouble.CONTEXT)),
    "question": steps(Reply(calls=(Call(name="AskUserQuestion", arguments=_ASKED),)), Reply(text="As you like.")),
}
_PROGRAMS = {
    "claude": ("claude-sonnet-4-5", "ANTHROPIC_BASE_URL", "", "ANTHROPIC_API_KEY"),
    "codex": ("gpt-5.1-codex", "OPENAI_BASE_URL", "/v1", "OPENAI_API_KEY"),
}
_DULL = re.compile(r'"commands": ?\[|"method":"remoteControl|"subtype":"status"')
"""Lines that are long or say nothing about a run."""


def main() -> None:
    for driver in _PROGRAMS:
        for scene, script in SCENES.items():
            if (driver, scene) != ("codex", "question"):
                _record(driver, scene, script)


def _record(driver: str, scene: str, script: Script) -> None:
    model, address, path, key = _PROGRAMS[driver]
    with ModelServer(script) as server, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        env = ((address, server.url + path), (key, "sk-canary"))
        program = str(Path(os.environ["REAL_AGENTS"], driver).absolute())
        rules = ToolRules(ask=("run(echo *)",))
        agent = AgentSpec(name="tester", driver=driver, command=(program,), model=model, env=env, tools=rules)
        following = Following(create_agent(driver), assignment(root, "t", agent=agent))
        _follow(following)
        said = Path(following.order.run_dir, "protocol.log").read_text(encoding="utf-8")
    target = FIXTURES / driver / f"{scene}.log"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_scrubbed(said, folder, server.url), encoding="utf-8")


def _follow(following: Following) -> None:
    """Answer what is asked, until the end."""
    while following.alive:
        event = following.until(object)
        if isinstance(event, Ended):
            return
        if isinstance(event, Asked):
            question = event.kind is AskKind.QUESTION
            yes = (
                InboxAnswer(decision=AnswerDecision.REPLY, body="deep blue")
                if question
                else InboxAnswer(decision=AnswerDecision.APPROVED)
            )
            following.agent.answer(event.request, yes)


def _scrubbed(said: str, folder: str, url: str) -> str:
    lines = [line for line in said.splitlines() if not _DULL.search(line)]
    text = "\n".join(_short(line) for line in lines) + "\n"
    for found, put in ((folder, "/run"), (folder.replace("/", "-"), "-run"), (url, "http://127.0.0.1:1")):
        text = text.replace(found, put)
    text = re.sub(r"\([A-Z]\w+ [\d.]+; \w+\)", "(Linux)", text)
    return text.replace(url.removeprefix("http://"), "127.0.0.1:1")


def _short(line: str) -> str:
    """Without the long lists that a program begins with."""
    mark = "> " if line.startswith("> ") else ""
    message = json.loads(line.removeprefix(mark))
    for name in ("tools", "slash_commands", "skills", "agents", "plugins", "memory_paths"):
        message.pop(name, None)
    return mark + json.dumps(message, ensure_ascii=False)


if __name__ == "__main__":
    main()
