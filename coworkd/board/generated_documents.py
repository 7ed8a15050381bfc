"""Files that coworkd itself writes: messages of agents, approval forms, receipts.

They are composed here, kept in the database, and written by the sync engine like any other document.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from coworkd.core.clock import stamp
from coworkd.core.event_kinds import EventKind
from coworkd.core.file_names import bounded_name
from coworkd.core.model import Kind, MessageKind, MessageSpec, MessageState
from coworkd.core.terminal_text import plain_text
from coworkd.documents.decoding import kind_of
from coworkd.documents.editing import edit
from coworkd.documents.markdown import Value, compose
from coworkd.store import Database, DocumentRow, MessageRow, MessageStage, RunRow
from coworkd.store.documents import find_document
from coworkd.store.messages import message_files_of, message_replied_to, next_seen
from coworkd.sync.disk.folder import digest
from coworkd.sync.effective_specs import decode_bytes

GENERATED = "written by coworkd"
ANSWER = "answer"
"""How the file of a message ends that is what a task with `mode: answer` was for."""


class GeneratedDocuments:
    """Composes and amends the daemon's own documents; used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, path: str, data: bytes, now: float, *, persistent: bool = False) -> None:
        """A document that is to exist with these bytes. `lasting` ones are written again when they go missing.

        In place of an older one it goes on counting, so that a stale save of that one is not taken for one of this.
        """
        known = find_document(self._db, path)
        if known is not None and known.rev > 0:
            data = edit(data, {("cowork", "rev"): str(known.rev + 1)})
        self._db.put(
            DocumentRow(
                path=path, kind=kind_of(path) or Kind.MESSAGE, doc=PurePosixPath(path).stem, target_bytes=data,
                target_sha=digest(data), disk_sha=known.disk_sha if known else "", rev=known.rev if known else 0,
                changed_at=now, body_changed_at=now, from_git=False, absent_since=None, generated=persistent,
            )
        )  # fmt: skip

    def edit(self, path: str, changes: dict[tuple[str, ...], Value]) -> None:
        """Change values in a document of the daemon's or the receipt in a person's; a missing one is left alone."""
        row = find_document(self._db, path)
        if row is None or not row.target_sha:
            return
        data = edit(row.target_bytes, changes)
        if data != row.target_bytes:
            data = edit(data, {("cowork", "rev"): str(max(row.rev, 0) + 1)})
            self._db.set(DocumentRow, path, target_bytes=data, target_sha=digest(data))

    # ---- messages

    def add_message(
        self, run: RunRow, kind: MessageKind, body: str, now: float, *, name: str = "", state: str = ""
    ) -> str:
        """A message of an agent; returns its path. `name` distinguishes several of one run."""
        path = message_path(run, name)
        fields: dict[str, Value] = {"from": run.agent, "kind": str(kind)}
        if state:
            fields["state"] = state
        if parent := self._resent_message(run):
            fields["parent"] = parent
        fields["cowork"] = {"rev": "1", "run": run.id, **self._message_facts(run)}
        self.put(path, compose(fields, plain_text(body), note=f"{GENERATED}; what you write here is not sent"), now)
        self._db.put(
            MessageRow(
                path=path, task=run.task, sender=run.agent, kind=kind, stage=MessageStage.DAEMON,
                seen=next_seen(self._db), due=0.0, run=run.id, reply_to="", body=body, note="",
            )
        )  # fmt: skip
        return path

    def add_interruption(self, run: RunRow, body: str, now: float) -> None:
        """That the latest start of a run was interrupted."""
        name = f"interrupted-{run.start.epoch}"
        self.add_message(run, MessageKind.PROGRESS, body, now, name=name, state=MessageState.ERROR)

    def add_late_end(self, run: RunRow, epoch: int, body: str, now: float) -> None:
        """That a start of a run has ended when it was no longer waited for."""
        self.add_message(run, MessageKind.PROGRESS, body, now, name=f"late-{epoch}", state=MessageState.ERROR)

    def _message_facts(self, run: RunRow) -> dict[str, Value]:
        """Who said it, in answer to what, how soon, and for how much."""
        asked = message_replied_to(self._db, run.id)
        facts: dict[str, Value] = {"model": run.model, "provider": run.provider, "fallback": run.fallback}
        if run.live.first_reply_at and run.start.at:
            facts["ttft_ms"] = str(max(round((run.live.first_reply_at - run.start.at) * 1000), 0))
        if asked:
            facts["reply_to"] = PurePosixPath(asked.partition("#")[0]).stem
        if run.step:
            facts |= {"step": run.step, "role": run.role}
        return {key: value for key, value in facts.items() if value} | _usage(run)

    def _resent_message(self, run: RunRow) -> str:
        """The message with `resend: true` that this run replies to; empty: none."""
        files = message_files_of(self._db, run.id)
        resent = (path for path, data in files if decode_bytes(path, data).of(MessageSpec).resend)
        return next((PurePosixPath(path).stem for path in resent), "")

    def add_question(self, run: RunRow, number: int, text: str, now: float, *, answer: str = "") -> str:
        """A question of an agent, with its answer or the place for one; returns its path."""
        path = message_path(run, f"question-{number}")
        fields: dict[str, Value] = {
            "from": run.agent, "kind": str(MessageKind.QUESTION), "cowork": {"rev": "1", "run": run.id},
        }  # fmt: skip
        place = answer or "<!-- write here, or put a new file beside this one -->"
        body = f"{plain_text(text).strip()}\n\n## Answer\n\n{place}\n"
        what = "answered already" if answer else "answer under the last heading"
        self.put(path, compose(fields, body, note=f"{GENERATED}; {what}"), now)
        self._db.put(
            MessageRow(
                path=path, task=run.task, sender=run.agent, kind=MessageKind.QUESTION, stage=MessageStage.DAEMON,
                seen=next_seen(self._db), due=0.0, run=run.id, reply_to="", body=text, note="",
            )
        )  # fmt: skip
        return path

    def mark_delivered(self, message: MessageRow, run: str, now: float) -> None:
        """Write into a person's message, once, that it was handed over."""
        self._db.set(MessageRow, message.path, stage=MessageStage.DELIVERED, run=run, note="")
        self._db.event(now, EventKind.MESSAGE_DELIVERED, task=message.task, path=message.path, run=run)
        if "#" not in message.path:
            stem = PurePosixPath(message.path).stem
            self.edit(message.path, {("cowork", "id"): stem, ("cowork", "run"): run})


def message_path(run: RunRow, name: str = "") -> str:
    """`messages/TASK/YYYYMMDDTHHMMSSZ-AGENT-RUN[-NAME].md`."""
    tail = f"-{bounded_name(name, 64)}" if name else ""
    return f"messages/{run.task}/{stamp(run.started)}-{bounded_name(run.agent, 64)}-{run.id}{tail}.md"


def final_state(reason: str) -> MessageState:
    """How a run's message ends, from the run's reason."""
    if reason == "done":
        return MessageState.DONE
    return MessageState.CANCELLED if reason == "cancelled" else MessageState.ERROR


def _usage(run: RunRow) -> dict[str, Value]:
    usage: dict[str, Value] = {}
    if run.usage.input_tokens or run.usage.output_tokens:
        usage["tokens"] = {"input": str(run.usage.input_tokens), "output": str(run.usage.output_tokens)}
    if run.usage.cost_usd is not None:
        usage["cost_usd"] = f"{run.usage.cost_usd:.4f}".rstrip("0").rstrip(".")
        if run.usage.estimated or run.billing == "subscription":
            usage["estimated"] = "true"
    return usage
