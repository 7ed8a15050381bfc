"""An agent that speaks the Agent Client Protocol and does what the name of its task says: see `tests.sessions.Session`.

Standard library only: it is started as a program, `python -m tests.acpagent` or by its path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

SESSIONS = Path(os.environ.get("HOME", "."), "acp-sessions")
OPTIONS = [
    {"optionId": "no", "name": "Allow", "kind": "reject_once"},
    {"optionId": "always", "name": "Never", "kind": "allow_always"},
    {"optionId": "yes", "name": "Reject", "kind": "allow_once"},
]
"""Named to mislead whoever goes by names or places."""


class Peer:
    """The client, as the agent talks to it."""

    def __init__(self) -> None:
        self._asked = 1000
        self.session = ""
        self.turn = 0

    def say(self, message: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()

    def hear(self) -> dict[str, Any]:
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        return json.loads(line)

    def update(self, kind: str, /, **more: Any) -> None:
        update = {"sessionUpdate": kind, **more}
        self.say({"method": "session/update", "params": {"sessionId": self.session, "update": update}})

    def text(self, text: str) -> None:
        self.update("agent_message_chunk", content={"type": "text", "text": text})

    def permitted(self, command: str) -> bool:
        """Ask before a command is run, as a tool call."""
        self._asked += 1
        tool = {"toolCallId": f"call-{self._asked}", "title": f"Shell: {command}", "kind": "execute", "status": "pending",
                "rawInput": {"command": command}}  # fmt: skip
        self.update("tool_call", **tool)
        params = {"sessionId": self.session, "toolCall": tool, "options": OPTIONS}
        self.say({"id": self._asked, "method": "session/request_permission", "params": params})
        while True:
            message = self.hear()
            if message.get("method") == "session/cancel":
                self.update("tool_call_update", toolCallId=tool["toolCallId"], status="failed")
                raise Cancelled
            if message.get("id") == self._asked:
                outcome = message["result"]["outcome"]
                allowed = outcome.get("optionId") == "yes"
                status = "completed" if allowed else "failed"
                self.update("tool_call_update", toolCallId=tool["toolCallId"], status=status)
                return allowed

    def until_cancelled(self) -> None:
        while self.hear().get("method") != "session/cancel":
            pass
        raise Cancelled


class Cancelled(Exception):  # noqa: N818 - as the protocol has it
    """The client wants the turn to end."""


class Trouble(Exception):  # noqa: N818 - an outcome
    """The turn ends with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({"data": data} if data else {})


Usage = dict[str, int] | None
Act = Callable[[Peer, str], Usage]


def says(peer: Peer, _prompt: str) -> Usage:
    peer.update("agent_thought_chunk", content={"type": "text", "text": "hm"})
    peer.update("something_new", what=[1, 2])
    peer.text("hello")
    return None


def fails(_peer: Peer, _prompt: str) -> Usage:
    raise Trouble(-32603, "trouble")


def asks(peer: Peer, prompt: str) -> Usage:
    if peer.turn == 1 and "Which colour?" not in prompt:
        draft = Path(os.environ["COWORK_OUTBOX"], ".c")
        draft.write_text("---\nkind: question\n---\nWhich colour?\n")
        draft.rename(draft.with_name("colour.md"))
    else:
        peer.text(prompt.partition("The answer:")[2])
    return None


def wants(peer: Peer, _prompt: str) -> Usage:
    if peer.turn == 1:
        peer.text("installed" if peer.permitted("npm install") else "left alone")
    return None


def stays(peer: Peer, _prompt: str) -> Usage:
    peer.text("up")
    peer.until_cancelled()
    return None


def spends(peer: Peer, _prompt: str) -> Usage:
    if peer.turn == 1:
        peer.permitted("denied")
        return {"inputTokens": 60, "cachedReadTokens": 40, "outputTokens": 20, "totalTokens": 120}
    return {"inputTokens": 50, "outputTokens": 5, "totalTokens": 55}


def limited(_peer: Peer, _prompt: str) -> Usage:
    raise Trouble(429, "slow down", {"retryAfter": 7})


def spawns(peer: Peer, _prompt: str) -> Usage:
    line = "(setsid bash -c 'exec -a survivor-$COWORK_RUN sleep 1000' >/dev/null 2>&1 </dev/null &)"
    subprocess.run(["bash", "-c", line], check=True)
    return stays(peer, "")


def floods(peer: Peer, _prompt: str) -> Usage:
    peer.text("x" * 2_000_000)
    return None


def babbles(peer: Peer, _prompt: str) -> Usage:
    sys.stdout.write('not json\n[1]\n{"jsonrpc": "2.0", "method": 7}\n{"method": "session/update", "params": null}\n')
    peer.say({"id": 1, "method": "fs/read_text_file", "params": {"path": "/etc/passwd"}})
    assert "error" in peer.hear()
    peer.text("done")
    return None


def silent(peer: Peer, _prompt: str) -> Usage:
    peer.until_cancelled()
    return None


def changes(peer: Peer, _prompt: str) -> Usage:
    if peer.turn == 1 and peer.permitted("echo made > made.txt"):
        Path("made.txt").write_text("made\n")
        peer.text("made")
    return None


def insists(peer: Peer, _prompt: str) -> Usage:
    peer.permitted(f"denied {peer.turn}")
    peer.text("turn ")
    return None


def pesters(peer: Peer, _prompt: str) -> Usage:
    while True:
        peer.permitted("denied")


ACTS: dict[str, Act] = {
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


def answer(peer: Peer, message: dict[str, Any]) -> Any:
    """The result of one request."""
    params = message.get("params") or {}
    match message["method"]:
        case "initialize":
            return {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}, "authMethods": []}
        case "session/new":
            peer.session = uuid.uuid4().hex
            SESSIONS.mkdir(parents=True, exist_ok=True)
            (SESSIONS / peer.session).touch()
            return {"sessionId": peer.session}
        case "session/load":
            if not (SESSIONS / params["sessionId"]).exists():
                raise Trouble(-32002, "no such session")
            peer.session = params["sessionId"]
            peer.text("what was said before")
            return {}
        case "session/prompt":
            peer.turn += 1
            try:
                usage = ACTS[os.environ.get("COWORK_TASK", "says")](peer, params["prompt"][0]["text"])
            except Cancelled:
                return {"stopReason": "cancelled"}
            return {"stopReason": "end_turn"} | ({"usage": usage} if usage else {})
        case method:
            raise Trouble(-32601, f"no {method}")


def main() -> None:
    """Answer until nobody asks any more."""
    peer = Peer()
    while True:
        message = peer.hear()
        if "id" not in message or "method" not in message:
            continue
        try:
            peer.say({"id": message["id"], "result": answer(peer, message)})
        except Trouble as trouble:
            peer.say({"id": message["id"], "error": trouble.error})


if __name__ == "__main__":
    main()
