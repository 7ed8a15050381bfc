"""A program that talks as Claude Code does in its two-way mode, and does what the name of its task says.

See `tests.sessions.Session`. Standard library only: it is started as a program, by its path.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

SESSIONS = Path(os.environ.get("HOME", "."), "claude-sessions")

Message = dict[str, Any]


class Interrupted(Exception):  # noqa: N818 - an outcome
    """The other side wants the turn to end."""


class Trouble(Exception):  # noqa: N818 - an outcome
    """The turn ends with an error."""

    def __init__(self, text: str, word: str, status: int | None = None) -> None:
        super().__init__(text)
        self.word = word
        self.status = status


class Peer:
    """The other side, as the program talks to it."""

    def __init__(self, session: str) -> None:
        self.session = session
        self._numbers = itertools.count(1)
        self._queued: list[Message] = []
        self.spent = [0, 0]

    def say(self, kind: str, **fields: Any) -> None:
        line = {"type": kind, **fields, "session_id": self.session, "uuid": str(uuid.uuid4())}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def hear(self) -> Message:
        """The next line; messages of the user are kept for the end of the turn."""
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        message = json.loads(line)
        if message["type"] == "user":
            self._queued.append(message)
        if message.get("request", {}).get("subtype") == "interrupt":
            raise Interrupted
        return message

    def next_prompt(self) -> str:
        while not self._queued:
            self.hear()
        message = self._queued.pop(0)
        repeated = {"message": message["message"], "isReplay": True}
        sys.stdout.write(json.dumps({"type": "user", "uuid": message["uuid"], **repeated}) + "\n")
        sys.stdout.flush()
        return message["message"]["content"]

    def ask(self, request: Message) -> Message:
        number = f"request-{next(self._numbers)}"
        sys.stdout.write(json.dumps({"type": "control_request", "request_id": number, "request": request}) + "\n")
        sys.stdout.flush()
        while (heard := self.hear().get("response", {})).get("request_id") != number:
            pass
        return heard.get("response") or {}

    def text(self, text: str) -> None:
        """A reply, in pieces and then whole."""
        number = f"msg_{next(self._numbers)}"
        self.event("message_start", message={"id": number, "usage": {}})
        self.event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        self.event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
        self.say("assistant", message={"id": number, "content": [{"type": "text", "text": text}]})

    def event(self, kind: str, **fields: Any) -> None:
        self.say("stream_event", event={"type": kind, **fields}, parent_tool_use_id=None)

    def used(self, given: int, cached: int, told: int) -> None:
        usage = {"input_tokens": given - cached, "cache_read_input_tokens": cached}
        self.event("message_start", message={"id": f"msg_{next(self._numbers)}", "usage": usage})
        self.event("message_delta", usage={"output_tokens": told})
        self.spent = [self.spent[0] + given, self.spent[1] + told]

    def call(self, tool: str, given: Message) -> Message | None:
        """Ask before a call; None: it is not to be made, else its arguments."""
        number = f"toolu_{next(self._numbers)}"
        self.say(
            "assistant",
            message={"id": "m", "content": [{"type": "tool_use", "id": number, "name": tool, "input": given}]},
        )
        asked = {"tool_name": tool, "tool_use_id": number}
        hook = self.ask({"subtype": "hook_callback", "callback_id": "x", "input": {**asked, "tool_input": given}})
        allowed = hook.get("hookSpecificOutput", {}).get("permissionDecision") != "deny"
        answer = self.ask({"subtype": "can_use_tool", "input": given, **asked}) if allowed else {}
        done = answer.get("behavior") == "allow"
        result = {"type": "tool_result", "tool_use_id": number, "content": "done", "is_error": not done}
        self.say("user", message={"role": "user", "content": [result]})
        return answer["updatedInput"] if done else None

    def until_interrupted(self) -> None:
        while True:
            self.hear()


def says(peer: Peer, _prompt: str) -> None:
    peer.say("something_new", what=[1, 2])
    peer.text("hello")


def fails(_peer: Peer, _prompt: str) -> None:
    raise Trouble("trouble", "invalid_request", 400)


def asks(peer: Peer, prompt: str) -> None:
    if prompt == "By the way.":
        return
    given = peer.call("AskUserQuestion", {"questions": [{"question": "Which colour?", "options": []}]})
    peer.text(given["answers"]["Which colour?"] if given else "nothing")


def wants(peer: Peer, _prompt: str) -> None:
    given = peer.call("Bash", {"command": "npm install", "description": "install"})
    peer.text("installed" if given else "left alone")


def stays(peer: Peer, _prompt: str) -> None:
    peer.text("up")
    peer.until_interrupted()


def spends(peer: Peer, _prompt: str) -> None:
    peer.used(100, 40, 20)
    peer.used(50, 0, 5)


def limited(peer: Peer, _prompt: str) -> None:
    peer.say("system", subtype="api_retry", attempt=1, retry_delay_ms=7000, error_status=429, error="rate_limit")
    raise Trouble("API Error: 429", "rate_limit", 429)


def spawns(peer: Peer, _prompt: str) -> None:
    line = "(setsid bash -c 'exec -a survivor-$COWORK_RUN sleep 1000' >/dev/null 2>&1 </dev/null &)"
    subprocess.run(["bash", "-c", line], check=True)
    stays(peer, "")


def floods(peer: Peer, _prompt: str) -> None:
    peer.text("x" * 2_000_000)


def babbles(peer: Peer, _prompt: str) -> None:
    sys.stdout.write('not json\n[1]\n{"type": 7}\n{"type": "assistant", "message": null}\n{"type": "stream_event"}\n')
    peer.ask({"subtype": "elicitation"})
    peer.text("done")


def silent(peer: Peer, _prompt: str) -> None:
    peer.until_interrupted()


def changes(peer: Peer, _prompt: str) -> None:
    if peer.call("Bash", {"command": "echo made > made.txt", "description": str(uuid.uuid4())}):
        Path("made.txt").write_text("made\n")
        peer.text("made")


def insists(peer: Peer, _prompt: str) -> None:
    peer.call("Bash", {"command": "denied 1"})
    peer.text("turn ")


def pesters(peer: Peer, _prompt: str) -> None:
    while True:
        peer.call("Bash", {"command": "denied"})


ACTS: dict[str, Callable[[Peer, str], None]] = {
    act.__name__: act
    for act in (
        says,
        fails,
        asks,
        wants,
        stays,
        spends,
        limited,
        spawns,
        floods,
        babbles,
        silent,
        changes,
        insists,
        pesters,
    )
}


def turn(peer: Peer, prompt: str) -> None:
    """One turn and its result."""
    peer.spent = [0, 0]
    peer.say("system", subtype="init", model="fake")
    end: Message = {"subtype": "success", "is_error": False}
    try:
        ACTS[os.environ["COWORK_TASK"]](peer, prompt)
    except Trouble as trouble:
        peer.say("assistant", message={"id": "m", "content": []}, error=trouble.word)
        end = {"subtype": "success", "is_error": True, "result": str(trouble), "api_error_status": trouble.status}
    except Interrupted:
        end = {"subtype": "error_during_execution", "is_error": True}
    usage = {"input_tokens": peer.spent[0], "output_tokens": peer.spent[1]}
    peer.say("result", usage=usage, total_cost_usd=0, **end)


def main() -> None:
    """Answer until nobody asks any more."""
    arguments = sys.argv[1:]
    resumed = arguments[arguments.index("--resume") + 1] if "--resume" in arguments else ""
    if resumed and not (SESSIONS / resumed).exists():
        sys.exit("No conversation found with session ID")
    peer = Peer(resumed or str(uuid.uuid4()))
    SESSIONS.mkdir(parents=True, exist_ok=True)
    (SESSIONS / peer.session).touch()
    while True:
        try:
            turn(peer, peer.next_prompt())
        except Interrupted:
            continue


if __name__ == "__main__":
    main()
