"""What the committed files of a workspace say of a landing: its review, and the text of the task that was run.

Of a file that came by git only what it claims can be shown: nothing here decides anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.check_names import check_log
from coworkd.core.errors import CoworkError, DocumentError
from coworkd.core.model import Check
from coworkd.documents.markdown import Value, parse
from coworkd.store import Database
from coworkd.store.versions import stored_versions
from coworkd.sync.disk.folder import digest
from coworkd.system.git import Repo
from coworkd.system.paths_and_settings import FOLDER

_MAX_VERSIONS = 200
"""Committed versions of a task's file that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """What a review says of the submission that it is about; empty: it does not say."""

    path: str
    """Relative to `.cowork/`."""
    approval: str = ""
    comment: str = ""
    risk: str = ""
    proof: str = ""
    tree: str = ""
    text: str = ""
    """The beginning of the digest of the task's text."""
    cost_usd: float | None = None
    estimated: bool = False
    checks: tuple[Check, ...] = ()


def find_review(folder: Path, task: str, commit: str) -> ReviewFacts | None:
    """The review of a submission, also one that a later submission moved aside; None: there is none."""
    earlier = sorted((folder / "reviews" / f"{task}.d").glob("*.md"), reverse=True)
    for file in (folder / "reviews" / f"{task}.md", *earlier):
        try:
            document = parse(file.read_bytes())
        except (OSError, DocumentError):
            continue
        cowork = document.get("cowork")
        if isinstance(cowork, Mapping) and commit and cowork.get("commit") == commit:
            path = file.relative_to(folder).as_posix()
            return _facts(path, cowork, _text(document.get("approval")), _text(document.get("comment")))
    return None


def _facts(path: str, cowork: Mapping[str, Value], approval: str, comment: str) -> ReviewFacts:
    verify = cowork.get("verify")
    checks = [_check(one) for one in verify if isinstance(one, Mapping)] if isinstance(verify, list) else []
    return ReviewFacts(
        path=path, approval=approval, comment=comment, risk=_text(cowork.get("risk")), proof=_text(cowork.get("proof")),
        tree=_text(cowork.get("tree")), text=_text(cowork.get("text")), cost_usd=_number(cowork.get("cost_usd")),
        estimated=cowork.get("estimated") == "true", checks=tuple(checks),
    )  # fmt: skip


def _check(one: Mapping[str, Value]) -> Check:
    exit_code = _number(one.get("exit"))
    return Check(
        command=_text(one.get("command")), exit=1 if exit_code is None else int(exit_code),
        seconds=_number(one.get("seconds")) or 0.0, from_tip=_text(one.get("from_tip")),
    )  # fmt: skip


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Value) -> float | None:
    try:
        return float(_text(value))
    except ValueError:
        return None


def log_paths(folder: Path, review: ReviewFacts | None, task: str, checks: int) -> tuple[str, ...]:
    """Where the whole output of each check is, while it is kept: that of the task's latest verification; else empty."""
    if review is None or review.path != f"reviews/{task}.md":
        return ("",) * checks
    names = [check_log(task, number) for number in range(1, checks + 1)]
    return tuple(name if (folder / name).exists() else "" for name in names)


def find_task_text(repo: Repo, db: Database, path: str, sha: str) -> str:
    """The text of a task whose digest begins with `sha`; empty: no version of its file that is kept has it."""
    if not path or not sha:
        return ""
    for data in _versions(repo, db, path):
        try:
            body = parse(data).body
        except DocumentError:
            continue
        if digest(body.encode()).startswith(sha):
            return body
    return ""


def _versions(repo: Repo, db: Database, path: str) -> Iterator[bytes]:
    """The file as it is, as the database remembers it, and as it was committed, the latest first."""
    file = repo.root / FOLDER / path
    if file.is_file():
        yield file.read_bytes()
    yield from (version.data for version in stored_versions(db, path))
    name = f"{FOLDER}/{path}"
    asked = ("log", f"-{_MAX_VERSIONS}", "--all", "--format=%H", "--", name)
    for commit in repo.run(*asked, check=False).text.split():
        if blob := repo.resolve(f"{commit}:{name}"):
            try:
                yield repo.blob(blob)
            except CoworkError:
                continue


def stored_checks(checks: str) -> tuple[Check, ...]:
    """The checks of a submission as the database has them."""
    return tuple(Check(**check) for check in json.loads(checks))
