"""The inbox of a run: answers and messages for the agent, each whole or not there at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from coworkd.agents.port import AnswerDecision, InboxAnswer, InboxFile
from coworkd.core.errors import AgentError, DocumentError
from coworkd.documents import markdown
from coworkd.system.durable_files import replace_file

_ANSWER = "answer"
_COMMENT = "comment"


def render_answer(answer: InboxAnswer) -> str:
    """An answer as the agent reads it: `answer` and `comment` in the header, what the person wrote below."""
    header = {_ANSWER: answer.decision.value} | ({_COMMENT: answer.comment} if answer.comment else {})
    return markdown.compose(header, answer.body).decode()


def read_answer(text: str) -> InboxAnswer | None:
    """The reverse of `render_answer`; None for a file that is not an answer."""
    try:
        document = markdown.parse(text.encode(errors="replace"))
        decision = AnswerDecision(str(document.get(_ANSWER)))
    except (DocumentError, ValueError):
        return None
    return InboxAnswer(decision=decision, comment=str(document.get(_COMMENT) or ""), body=document.body)


class Inbox:
    """A folder that the agent may look at at any moment, and write to: its entries are never followed.

    Safe to be used from several threads.
    """

    def __init__(self, folder: Path, given: tuple[InboxFile, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._closed = False
        for file in given:
            self.put(file.name, file.text)

    def has(self, name: str) -> bool:
        return name in os.listdir(self._fd)

    def put(self, name: str, text: str) -> None:
        """Write a file, or replace it, in one step; nothing happens after `close`.

        Raises AgentError for what is not a plain file name.
        """
        if not name or name.startswith(".") or "/" in name or "\0" in name:
            raise AgentError(f"{name!r} cannot be a file in the inbox of an agent")
        with self._lock:
            if not self._closed:
                replace_file(name, text.encode(errors="replace"), mode=0o644, folder=self._fd)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._fd)
