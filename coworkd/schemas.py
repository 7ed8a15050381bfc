"""What each kind of document may say: keys, aliases, readers, and the value of the model they add up to.

Pure tables. A new key is a line here and a field in the model; a new kind is a `Schema`. Nothing here looks at files,
and no key of the daemon's own `cowork:` map is listed: people do not write it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from coworkd.fields import (
    Reader,
    choice,
    command_line,
    duration,
    flag,
    number,
    option,
    raw,
    record,
    size,
    subset,
    text,
    text_pairs,
    texts,
    time_limit,
    whole,
)
from coworkd.markdown import Value, normalise_key
from coworkd.model import (
    Budget,
    Gate,
    Integration,
    Kind,
    Limits,
    MessageKind,
    MessageState,
    Mode,
    OnError,
    PlanLevel,
    SandboxMode,
    SandboxSpec,
    Scope,
    ToolRules,
)
from coworkd.specs import (
    Parts,
    Spec,
    agent_spec,
    answer_spec,
    message_spec,
    plan_spec,
    settings_spec,
    task_spec,
)
from coworkd.vocabulary import (
    as_list,
    format_version,
    id_of,
    ids_of,
    loop_until,
    only_mode,
    only_usd_per_day,
    priority_rank,
    status_as_kept,
    status_word,
    stem_of,
)


class Owner(Enum):
    """Who writes a key; the `cowork:` map is the daemon's and is not listed."""

    PERSON = "person"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of one kind of document."""

    name: str
    read: Reader
    aliases: tuple[str, ...] = ()
    owner: Owner = Owner.PERSON
    canonical: Callable[[Value], Value] = raw
    """The one way to write values that mean the same, by which edits are compared."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of document."""

    folder: str
    fields: tuple[Field, ...]
    build: Callable[[Parts], Spec]
    by_name: Mapping[str, Field] = field(init=False)
    by_key: Mapping[str, Field] = field(init=False)
    """The fields by every normalised key that means them."""
    known: frozenset[str] = field(init=False)
    """Every normalised key that means something, the daemon's map included."""

    def __post_init__(self) -> None:
        by_key = {normalise_key(key): entry for entry in self.fields for key in (entry.name, *entry.aliases)}
        object.__setattr__(self, "by_name", {entry.name: entry for entry in self.fields})
        object.__setattr__(self, "by_key", by_key)
        object.__setattr__(self, "known", frozenset(by_key) | {"cowork"})


_APPROVAL = Field("approval", raw, owner=Owner.BOTH)
_SANDBOX_MODE = choice(SandboxMode)


def _texts(name: str, *aliases: str) -> Field:
    return Field(name, texts, aliases, canonical=as_list)


SCHEMAS: Mapping[Kind, Schema] = {
    Kind.TASK: Schema(
        "tasks",
        (
            Field("title", text),
            Field("status", status_word, owner=Owner.BOTH, canonical=status_as_kept),
            Field("agent", text),
            Field("depends_on", ids_of, ("dependencies",), canonical=as_list),
            Field("priority", priority_rank),
            Field("mode", choice(Mode)),
            Field("plan", id_of),
            _texts("labels", "tags"),
            _texts("touches"),
            _texts("verify"),
            Field("approve", subset(Gate), canonical=as_list),
            Field("on_error", choice(OnError)),
            Field("max_attempts", whole(1)),
            Field("timeout", time_limit),
            Field("loop", record(loop_until, {"promise": text, "max_iterations": whole(1)})),
            Field("budget", record(Budget, {"usd": number, "tokens": whole(0), "minutes": number})),
            Field("pattern", text),
        ),
        task_spec,
    ),
    Kind.PLAN: Schema(
        "plans",
        (
            Field("title", text),
            Field("level", choice(PlanLevel)),
            Field("parent", id_of),
            _APPROVAL,
            Field("comment", text),
        ),
        plan_spec,
    ),
    Kind.MESSAGE: Schema(
        "messages",
        (
            Field("from", text),
            Field("kind", choice(MessageKind)),
            Field("state", choice(MessageState)),
            Field("draft", flag),
            Field("resend", flag),
            Field("reply_to", stem_of),
        ),
        message_spec,
    ),
    Kind.APPROVAL: Schema(
        "approvals",
        (_APPROVAL, Field("scope", choice(Scope)), Field("grant", text), Field("comment", text)),
        answer_spec,
    ),
    Kind.REVIEW: Schema(
        "reviews",
        (
            _APPROVAL,
            Field("comment", text),
            Field("status", option("open", "landed", "reverted", "revert", "apply"), owner=Owner.BOTH),
        ),
        answer_spec,
    ),
    Kind.AGENT: Schema(
        "agents",
        (
            Field("driver", text),
            Field("model", text),
            Field("command", command_line),
            _texts("fallback"),
            Field(
                "limits",
                record(Limits, {"concurrency": whole(1), "timeout": time_limit, "stall": time_limit, "output": size}),
            ),
            Field(
                "sandbox",
                record(SandboxSpec, {"mode": _SANDBOX_MODE, "network": texts, "allow_paths": texts}, alone="mode"),
            ),
            Field("tools", record(ToolRules, {"allow": texts, "ask": texts, "deny": texts})),
            Field("login", option("mine", "key")),
            Field("billing", option("api", "subscription")),
            Field("env", text_pairs),
            _texts("env_pass"),
            Field("recording", text),
        ),
        agent_spec,
    ),
    Kind.CONFIG: Schema(
        "",
        (
            Field("version", format_version),
            Field("agent", text),
            Field("concurrency", whole(1)),
            Field("quiet", duration),
            Field("integration", record(Integration, {"branch": text, "target": text, "land": option("ask", "auto")})),
            _texts("setup"),
            _texts("copy"),
            _texts("verify"),
            Field("verify_timeout", time_limit),
            Field("approve", subset(Gate), canonical=as_list),
            Field("backoff", number),
            Field("max_attempts", whole(1)),
            Field("sandbox", record(only_mode, {"mode": _SANDBOX_MODE}, alone="mode")),
            Field("budget", record(only_usd_per_day, {"usd_per_day": number})),
            Field("adopt_notes", flag),
            Field("run_pulled", flag),
            Field("commit", option("off", "auto")),
            Field("keep_days", number),
            _texts("notify"),
        ),
        settings_spec,
    ),
}
"""Every kind of document. Of aliases only those are listed that are other words: `dependsOn` is the same key."""
