"""A program that talks as Codex' app server does, and does what the name of its task says.

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

THREADS = Path(os.environ.get("HOME", "."), "codex-threads")

Message = dict[str, Any]


class Interrupted(Exception):  # noqa: N818 - an outcome
    """The other side wants the turn to end."""


class Trouble(Exception):  # noqa: N818 - an outcome
    """The turn ends with an error."""

    def __init__(self, message: str, info: Any) -> None:
        super().__init__(message)
        self.error = {"message": message, "codexErrorInfo": info, "additionalDetails": None}


class Peer:
    """The other side, as the program talks to it."""

    def __init__(self) -> None:
        self.thread = ""
        self.turn = ""
        self._numbers = itertools.count(1)

    def say(self, **message: Any) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    def note(self, method: str, **params: Any) -> None:
        self.say(method=method, params={"threadId": self.thread, "turnId": self.turn, **params})

    def hear(self) -> Message:
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        message = json.loads(line)
        if message.get("method") == "turn/interrupt":
            self.say(id=message["id"], result={})
            raise Interrupted
        if message.get("method") == "turn/steer":
            self.say(id=message["id"], result={"turnId": self.turn})
        return message

    def ask(self, method: str, **params: Any) -> Message:
        number = next(self._numbers)
        self.say(id=number, method=method, params={"threadId": self.thread, "turnId": self.turn, **params})
        while (heard := self.hear()).get("id") != number or "method" in heard:
            pass
        return heard.get("result") or heard

    def text(self, text: str) -> None:
        item = {"type": "agentMessage", "id": f"msg_{next(self._numbers)}", "text": text}
        self.note("item/agentMessage/delta", itemId=item["id"], delta=text)
        self.note("item/completed", item=item)

    def permitted(self, command: str) -> bool:
        item = {"type": "commandExecution", "id": f"call_{next(self._numbers)}", "status": "inProgress",
                "command": f"/bin/bash -lc '{command}'", "exitCode": None}  # fmt: skip
        self.note("item/started", item=item)
        asked = self.ask("item/commandExecution/requestApproval", itemId=item["id"], command=item["command"])
        allowed = asked.get("decision") == "accept"
        self.note("item/completed", item={**item, "status": "completed" if allowed else "declined"})
        return allowed

    def used(self, given: int, told: int) -> None:
        last = {"totalTokens": given + told, "inputTokens": given, "cachedInputTokens": 0, "outputTokens": told}
        self.note("thread/tokenUsage/updated", tokenUsage={"last": last, "total": last, "modelContextWindow": None})

    def until_interrupted(self) -> None:
        while True:
            self.hear()


def says(peer: Peer) -> None:
    peer.note("something/new", what=[1, 2])
    peer.text("hello")


def fails(_peer: Peer) -> None:
    raise Trouble("trouble", "badRequest")


def asks(peer: Peer) -> None:
    answer = peer.ask("item/tool/requestUserInput", questions=[{"id": "q", "question": "Which colour?", "options": []}])
    peer.text(answer["answers"]["q"]["answers"][0])


def wants(peer: Peer) -> None:
    peer.text("installed" if peer.permitted("npm install") else "left alone")


def stays(peer: Peer) -> None:
    peer.text("up")
    peer.until_interrupted()


def spends(peer: Peer) -> None:
    peer.used(100, 20)
    peer.used(50, 5)


def limited(peer: Peer) -> None:
    raise Trouble("too many", {"responseTooManyFailedAttempts": {"httpStatusCode": 429}})


def spawns(peer: Peer) -> None:
    line = "(setsid bash -c 'exec -a survivor-$COWORK_RUN sleep 1000' >/dev/null 2>&1 </dev/null &)"
    subprocess.run(["bash", "-c", line], check=True)
    stays(peer)


def floods(peer: Peer) -> None:
    peer.text("x" * 2_000_000)


def babbles(peer: Peer) -> None:
    sys.stdout.write('not json\n[1]\n{"method": 7}\n{"method": "item/started", "params": null}\n{"id": "x"}\n')
    peer.ask("attestation/generate")
    peer.text("done")


def silent(peer: Peer) -> None:
    peer.until_interrupted()


def changes(peer: Peer) -> None:
    if peer.permitted("echo made > made.txt"):
        Path("made.txt").write_text("made\n")
        peer.text("made")


def insists(peer: Peer) -> None:
    peer.permitted(f"denied {peer.turn}")
    peer.text("turn ")


def pesters(peer: Peer) -> None:
    while True:
        peer.permitted("denied")


ACTS: dict[str, Callable[[Peer], None]] = {
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


def turn(peer: Peer) -> None:
    """One turn and its end."""
    end: Message = {"status": "completed", "error": None}
    first = peer.turn == ""
    peer.turn = str(uuid.uuid4())
    peer.note("turn/started", turn={"id": peer.turn})
    try:
        if first or os.environ["COWORK_TASK"] != "wants":
            ACTS[os.environ["COWORK_TASK"]](peer)
    except Trouble as trouble:
        peer.note("error", error=trouble.error, willRetry=False)
        end = {"status": "failed", "error": trouble.error}
    except Interrupted:
        end = {"status": "interrupted", "error": None}
    peer.note("turn/completed", turn={"id": peer.turn, **end})


def answer(peer: Peer, message: Message) -> None:
    number, params = message["id"], message.get("params") or {}
    match message["method"]:
        case "thread/start":
            peer.thread = uuid.uuid4().hex
            THREADS.mkdir(parents=True, exist_ok=True)
            (THREADS / peer.thread).touch()
            peer.say(id=number, result={"thread": {"id": peer.thread}})
        case "thread/resume" if (THREADS / params["threadId"]).exists():
            peer.thread = params["threadId"]
            peer.say(id=number, result={"thread": {"id": peer.thread}})
        case "turn/start":
            peer.say(id=number, result={"turn": {"id": "", "status": "inProgress"}})
            turn(peer)
        case "initialize":
            peer.say(id=number, result={"userAgent": "fake"})
        case method:
            peer.say(id=number, error={"code": -32600, "message": f"no {method}"})


def main() -> None:
    """Answer until nobody asks any more."""
    peer = Peer()
    while True:
        try:
            message = peer.hear()
        except Interrupted:
            continue
        if "id" in message and message.get("method", "turn/steer") != "turn/steer":
            answer(peer, message)


if __name__ == "__main__":
    main()
