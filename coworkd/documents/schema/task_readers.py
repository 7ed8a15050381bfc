"""Readers for what only coworkd's documents say: statuses, priorities, ids, loops.

Pure, like `readers`, which reads what any schema could contain.
"""

from __future__ import annotations

import re
from typing import Any

from coworkd.core.errors import DocumentError
from coworkd.core.model import Loop, NightSettings, SandboxLevel, SandboxMode, Status, UserSandbox
from coworkd.core.plan_order import Order, parse_order
from coworkd.core.task_ids import task_id
from coworkd.documents.markdown import Value, normalise_key
from coworkd.documents.schema.readers import number, text, texts, unknown_word
from coworkd.documents.yaml_writer import inline

_STATUSES = {status.value: status for status in Status}
STATUS_ALIASES = {
    "todo": Status.DRAFT,
    "open": Status.DRAFT,
    "pending": Status.DRAFT,
    "inprogress": Status.DRAFT,
    "closed": Status.DONE,
    "completed": Status.DONE,
    "canceled": Status.CANCELLED,
}
_IN_PROGRESS = "`{}` is read as draft: coworkd says `running` when it works on a task; write `ready` to start it"
MAX_SIZE = 1_000_000
PRIORITIES = {"urgent": 0.0, "high": 1.0, "medium": 2.0, "low": 3.0}


def status_word(value: Value) -> tuple[Status, str]:
    """The status, and a remark when it was read as something else than it says."""
    word = text(value).strip().lower()
    found = _STATUSES.get(word) or STATUS_ALIASES.get(normalise_key(word))
    if found is None:
        raise unknown_word(value, list(Status))
    return found, _IN_PROGRESS.format(value) if normalise_key(word) == "inprogress" else ""


def priority_rank(value: Value) -> float:
    """A word or a number; 0 is the most urgent."""
    word = text(value).strip().lower()
    if word in PRIORITIES:
        return PRIORITIES[word]
    try:
        return number(value)
    except DocumentError as error:
        raise DocumentError(f"{unknown_word(value, list(PRIORITIES))}; or write a number, 0 is urgent") from error


def order_of(value: Value) -> Order:
    """A place among the children of a plan, such as `2.10`."""
    found = parse_order(text(value).strip())
    if found is None:
        raise DocumentError(f"`{inline(value, flow=False)}` is no place; write numbers with dots, such as `2.1`")
    return found


def size_of(value: Value) -> float:
    """How much something counts in the progress of its plan."""
    found = number(value)
    if not 0 < found <= MAX_SIZE:
        raise DocumentError(f"a size is more than 0 and at most {MAX_SIZE}, not `{inline(value, flow=False)}`")
    return found


def status_as_kept(value: Value) -> Value:
    """The status in coworkd's own word."""
    return str(status_word(value)[0])


def as_list(value: Value) -> Value:
    """A list; a text alone as a list of one."""
    return [value] if isinstance(value, str) else value


def ids_of(value: Value) -> tuple[str, ...]:
    """Ids of the files that are named, by id or by file name, `folder/name.md` included."""
    return tuple(name for item in texts(value) if (name := id_of(item)))


def id_of(value: Value) -> str:
    """The id of the file that is named; empty when none is."""
    stem = stem_of(value)
    return task_id(stem) if stem else ""


def stem_of(value: Value) -> str:
    """A file name without its `.md`."""
    return text(value).strip().removesuffix(".md")


def loop_until(promise: str = "", max_iterations: int = 20, give_up: str = "", delay: float = 0.0) -> Loop:
    """A loop, which cannot do without its promise."""
    if not promise:
        raise DocumentError("a loop needs to know when it is over; write `{promise: WORDS}`")
    if give_up and give_up in promise:
        raise DocumentError(f"`{give_up}` is a part of the promise, which would give up; write other words")
    return Loop(promise=promise, max_iterations=max_iterations, give_up=give_up, delay=delay)


def format_version(value: Value) -> str:
    """The one version of the workspace format that there is."""
    if text(value) != "1":
        raise DocumentError(f"this version of coworkd reads format 1, not {inline(value, flow=False)}")
    return text(value)


SANDBOXES = tuple(level.value for level in SandboxLevel if level is not SandboxLevel.NONE)
"""Those that can be asked for by name."""


_CLOCK = re.compile(r"(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])")


def clock_time(value: Value) -> int:
    """The minute of the day that a time such as `22:00` stands for."""
    found = _CLOCK.fullmatch(text(value).strip())
    if found is None:
        raise DocumentError(f"`{text(value)}` is not a time of the day; write for example `22:00`")
    return int(found["hour"]) * 60 + int(found["minute"])


def night_settings(**read: Any) -> NightSettings:
    """A night, which cannot do without its beginning and its end."""
    begin, end = read.pop("from", None), read.pop("to", None)
    if begin is None or end is None:
        raise DocumentError("a night needs its beginning and its end; write `{from: 22:00, to: 07:00}`")
    if begin == end:
        raise DocumentError("`from` and `to` are the same time; write for example `{from: 22:00, to: 07:00}`")
    return NightSettings(begin=begin, end=end, **read)


def user_sandbox(mode: SandboxMode | None = None, use: str = "") -> UserSandbox:
    """The user's own word about the sandbox."""
    return UserSandbox(mode=mode, use=SandboxLevel(use) if use else None)


def only_usd_per_day(usd_per_day: float | None = None) -> float | None:
    """For a map of which nothing else is read; None: no bound."""
    return usd_per_day


def absolute(value: Value) -> str:
    """A path that does not depend on the working folder; `~` is expanded by code that knows the home folder."""
    written = text(value)
    if not written.startswith(("/", "~/")):
        raise DocumentError(f"`{written}` is not a whole path; begin it with `/` or `~/`")
    return written
