"""A conflict, written down for the author who is to resolve it: one JSON document, complete in itself."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from coworkd.core.conflict_facts import ConflictFacts, LandedWork
from coworkd.core.text_formats import shorten, shorten_start
from coworkd.merge.git.integration import TASK_TRAILER, Submission
from coworkd.merge.git.tree_merge import Conflicted, ConflictFile, Stage
from coworkd.system.durable_files import replace_file
from coworkd.system.git import Repo

FORMAT = 1
TEXT_CAP = 64 * 1024
"""Bytes of one version of a file that are quoted; more is cut, and marked."""
TOTAL_CAP = 1024 * 1024
"""Bytes of all versions together; what comes after is named by its id alone."""
LOG_CAP = 16 * 1024
MAX_REMARKS = 50
"""Remarks of git's that are handed on in the prompt; the bundle has all of them."""
MAX_LANDED = 20
"""Tasks, and commits, that are named as those who changed the same paths."""
MESSAGE_CAP = 1000
"""Characters of a commit's message, and of the end of what an agent said."""
TASK_CAP = 4000
"""Characters of the text of a task."""
_STAGES = {1: "base", 2: "tip", 3: "submission"}


class ConflictKind(StrEnum):
    """Why a submission went back to its author."""

    CONTENT = "content"
    MODIFY_DELETE = "modify/delete"
    RENAME = "rename"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """What did not go together, and who has to know."""

    submission: Submission
    tip: str
    base: str
    kind: ConflictKind
    conflict: Conflicted | None = None
    """None where the trees merge and the verification is red."""
    gate_log: str = ""
    allowed: tuple[str, ...] = ()
    """Patterns of the paths that the resolution may touch; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSince:
    """A commit that changed the same paths."""

    commit: str
    author: str
    message: str

    @property
    def line(self) -> str:
        """Its short name and its subject."""
        return " ".join((self.commit[:12], *self.message.splitlines()[:1]))


def bundle_file(state: Path, task: str, number: int) -> Path:
    """Where the bundle of a conflict lies that a task's submission has."""
    return state / "bundles" / f"{task}-{number}.json"


def bundle_files(state: Path, task: str) -> list[Path]:
    """Every bundle of the task that there is."""
    name = re.compile(rf"{re.escape(task)}-\d+\.json")
    return [file for file in sorted((state / "bundles").glob("*.json")) if name.fullmatch(file.name)]


def conflict_facts(repo: Repo, submission: str, tip: str, conflict: Conflicted) -> ConflictFacts:
    """What a conflict is about, for the database."""
    remarks = (message.text for message in conflict.messages if message.kind.startswith("CONFLICT"))
    return ConflictFacts(
        paths=conflict.paths,
        remarks=tuple(remarks)[:MAX_REMARKS],
        landed=tuple(landed_since(repo, submission, tip, conflict.paths))[:MAX_LANDED],
        commits=tuple(one.line for one in commits_since(repo, submission, tip, conflict.paths)),
    )


def kind_of(conflict: Conflicted) -> ConflictKind:
    """The kind that asks most of the author: a rename before a deletion before plain content."""
    said = " ".join(message.kind.lower() for message in conflict.messages if message.kind.startswith("CONFLICT"))
    if any(word in said for word in ("rename", "directory", "file location")):
        return ConflictKind.RENAME
    return ConflictKind.MODIFY_DELETE if "modify/delete" in said else ConflictKind.CONTENT


def bundle(repo: Repo, dispute: Dispute) -> str:
    """The bundle as JSON text. Names what has landed on the same paths since the base, so that the author can look."""
    conflict = dispute.conflict or Conflicted(files=(), messages=())
    quoted = _Quotation(repo)
    document = {
        "format": FORMAT,
        "task": dispute.submission.task,
        "attempt": dispute.submission.attempt,
        "submission": {"number": dispute.submission.number, "commit": dispute.submission.commit},
        "tip": dispute.tip,
        "tip_ref": "refs/cowork/tip",
        "base": dispute.base,
        "kind": dispute.kind.value,
        "files": [_file_versions(file, quoted) for file in conflict.files],
        "messages": [{"kind": m.kind, "text": m.text, "paths": list(m.paths)} for m in conflict.messages],
        "landed_since": landed_since(repo, dispute.submission.commit, dispute.tip, conflict.paths),
        "commits_since": [
            asdict(one) for one in commits_since(repo, dispute.submission.commit, dispute.tip, conflict.paths)
        ],
        "gate_log": dispute.gate_log[-LOG_CAP:],
        "allowed_paths": list(dispute.allowed),
    }
    return json.dumps(document, ensure_ascii=True, indent=2) + "\n"


def add_notes(path: Path, landed: Sequence[LandedWork], allowed: Sequence[str]) -> None:
    """Have the bundle in a file say what landed there was for, and which paths the task may touch.

    Only the author of the conflict needs that. A bundle that is gone stays gone.
    """
    with suppress(FileNotFoundError):
        document = json.loads(path.read_bytes())
        document["landed"] = [
            {**asdict(one), "text": shorten(one.text, TASK_CAP), "reply": shorten_start(one.reply, MESSAGE_CAP)}
            for one in landed
        ]
        document["allowed_paths"] = list(allowed)
        replace_file(path, json.dumps(document, ensure_ascii=True, indent=2).encode() + b"\n")


def landed_since(repo: Repo, base: str, tip: str, paths: tuple[str, ...]) -> list[str]:
    """The tasks whose landings on these paths (none given: on any) `base` does not have, latest first."""
    # Limited to paths, git leaves out a merge whose first parent `base` has; `--sparse` keeps it, with what it changed.
    trailer = f"--format=%x00%(trailers:key={TASK_TRAILER},valueonly,separator=%x00)%x01"
    walk = ("log", "--first-parent", "--sparse", "--diff-merges=first-parent", "--no-renames", "--shortstat", trailer)
    logged = repo.run("--literal-pathspecs", *walk, f"{base}..{tip}", "--", *paths, timeout=600)
    records = (record.partition("\x01") for record in logged.text.split("\0"))
    return list(dict.fromkeys(name.strip() for name, _, changes in records if name.strip() and changes.strip()))


def commits_since(repo: Repo, base: str, tip: str, paths: tuple[str, ...]) -> list[CommitSince]:
    """The commits, but for merges, that changed these paths and that `base` does not have, latest first.

    Their messages say what was meant.
    """
    arguments = ("log", "--no-merges", f"--max-count={MAX_LANDED}", "-z", "--format=%H%x00%an%x00%B", f"{base}..{tip}")
    fields = iter(repo.run("--literal-pathspecs", *arguments, "--", *paths, timeout=600).fields)
    return [
        CommitSince(commit=commit, author=next(fields), message=shorten(next(fields).strip(), MESSAGE_CAP))
        for commit in fields
    ]


def _file_versions(file: ConflictFile, quoted: _Quotation) -> dict[str, object]:
    versions = {_STAGES[stage.number]: quoted.version(stage) for stage in file.stages}
    return {"path": file.path, **{name: versions.get(name) for name in _STAGES.values()}}


class _Quotation:
    """Reads versions of files up to a total size."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._remaining = TOTAL_CAP

    def version(self, stage: Stage) -> dict[str, object]:
        """A version by mode and id, with its text where it is text and fits; `cut`: some of it is missing."""
        content = self._repo.blob(stage.object_id) if self._remaining > 0 else b""
        kept = content[: min(TEXT_CAP, self._remaining)]
        binary = b"\0" in kept
        self._remaining -= 0 if binary else len(kept)
        text = None if binary else kept.decode(errors="replace")
        cut = len(kept) < len(content) or self._remaining <= 0
        return {"mode": stage.mode, "id": stage.object_id, "text": text, "cut": cut, "binary": binary}
