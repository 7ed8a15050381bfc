"""What each kind of document may say: keys, aliases, readers, and the value of the model they add up to.

Pure tables. A new key is a line here and a field in the model; a new kind is a `Schema`. Nothing here looks at files,
and no key of the daemon's own `cowork:` map is listed: people do not write it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from coworkd.core.model import (
    AgentLimits,
    ApproveBy,
    Budget,
    Gate,
    Integration,
    Kind,
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
from coworkd.documents.markdown import Value, normalise_key
from coworkd.documents.schema.builders import (
    Spec,
    SpecParts,
    agent_spec,
    answer_spec,
    message_spec,
    plan_spec,
    settings_spec,
    task_spec,
    user_spec,
)
from coworkd.documents.schema.readers import (
    EnumReader,
    EnumSetReader,
    IntReader,
    MappingReader,
    Reader,
    WordReader,
    command_line,
    duration,
    flag,
    number,
    raw,
    size,
    text,
    text_pairs,
    texts,
    time_limit,
)
from coworkd.documents.schema.task_readers import (
    SANDBOXES,
    absolute,
    as_list,
    format_version,
    id_of,
    ids_of,
    loop_until,
    only_usd_per_day,
    priority_rank,
    status_as_kept,
    status_word,
    stem_of,
    user_sandbox,
)


class Owner(Enum):
    """Who writes a key; the `cowork:` map is the daemon's and is not listed."""

    USER = "person"
    BOTH = "both"


class TrustLevel(Enum):
    """What a key may do when its text came by git and has not been trusted here.

    Text is typed here, trusted, or untrusted. Of settings and agents nothing counts until the file is trusted as a
    whole; of a task each key counts by its level. `coworkd trust` shows every key that is not harmless.
    """

    HARMLESS = "harmless"
    """Counts from any text: it runs nothing and lets nothing more happen than without it."""
    TIGHTENS = "tightens"
    """From untrusted text it narrows what counts here and never widens it (`core/policy/untrusted_limits.py`)."""
    NEEDS_TRUST = "needs trust"
    """Runs something, answers for a person or widens something: counts only when typed here or trusted."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of one kind of document."""

    name: str
    read: Reader
    aliases: tuple[str, ...] = ()
    owner: Owner = Owner.USER
    canonical: Callable[[Value], Value] = raw
    """The one way to write values that mean the same, by which edits are compared."""
    help: str = ""
    """What the key is for, as an editor shows it."""
    trust: TrustLevel = field(kw_only=True)
    """Without a default: each new key needs a decision on what it may do in a clone that was not reviewed."""
    misplaced: str = ""
    """The problem of a file that has it, where it has no effect."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of document."""

    folder: str
    fields: tuple[Field, ...]
    build: Callable[[SpecParts], Spec]
    help: str
    """What such a document is, as an editor shows it."""
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


_APPROVAL = Field(
    "approval", raw, owner=Owner.BOTH, help="Your answer: exactly one of these words", trust=TrustLevel.NEEDS_TRUST
)
_SANDBOX_MODE = EnumReader(SandboxMode)
_SANDBOX = MappingReader(
    SandboxSpec,
    {"mode": _SANDBOX_MODE, "network": texts, "allow_paths": texts},
    shorthand="mode",
    elsewhere=(("use", "only your own settings ($XDG_CONFIG_HOME/coworkd/config.yaml) say which sandbox is used"),),
)


HARMLESS, TIGHTENS, NEEDS_TRUST = TrustLevel


def _text_list_field(name: str, says: str, *aliases: str, trust: TrustLevel) -> Field:
    return Field(name, texts, aliases, canonical=as_list, help=says, trust=trust)


_NOT_HERE = (
    "has no effect here, where others could write commands for your machine: set it in your own settings"
    " ($XDG_CONFIG_HOME/coworkd/config.yaml)"
)

SCHEMAS: Mapping[Kind, Schema] = {
    Kind.TASK: Schema(
        "tasks",
        (
            Field(
                "title",
                text,
                help="One line; without it the first heading of the body, else the file name",
                trust=HARMLESS,
            ),
            Field(
                "status",
                status_word,
                owner=Owner.BOTH,
                canonical=status_as_kept,
                help="Write `ready` to start it, `paused` or `cancelled` to stop it, `done` to close it by hand",
                trust=HARMLESS,
            ),
            Field(
                "agent",
                text,
                help="Who does it: the name of a file in agents/; without it the `agent` of config.yaml",
                trust=HARMLESS,
            ),
            Field(
                "depends_on",
                ids_of,
                ("dependencies",),
                canonical=as_list,
                help="Ids of tasks that must have landed before it starts",
                trust=HARMLESS,
            ),
            Field(
                "priority",
                priority_rank,
                help="urgent 0, high 1, medium 2 (unless set), low 3, or a number on that scale",
                trust=HARMLESS,
            ),
            Field(
                "mode",
                EnumReader(Mode),
                help="`build` changes files; `plan` only reads and ends in a plan",
                trust=HARMLESS,
            ),
            Field("plan", id_of, help="Id of the plan it belongs to", trust=HARMLESS),
            _text_list_field("labels", "Your own words for grouping", "tags", trust=HARMLESS),
            _text_list_field(
                "touches", "Patterns of paths: tasks whose patterns overlap do not run at once", trust=HARMLESS
            ),
            _text_list_field(
                "verify",
                "Commands that must succeed on the merged result, after those of the workspace",
                trust=TIGHTENS,
            ),
            Field(
                "approve",
                EnumSetReader(Gate),
                canonical=as_list,
                help="At which points a person is asked; without it the `approve` of config.yaml",
                trust=TIGHTENS,
            ),
            Field(
                "on_error",
                EnumReader(OnError),
                help="After a failure: `retry` (unless set), `skip` gives up at once, `abort` also starts nothing new",
                trust=HARMLESS,
            ),
            Field(
                "max_attempts", IntReader(1), help="How often it is tried; else as the workspace has it", trust=TIGHTENS
            ),
            Field(
                "timeout",
                time_limit,
                help="How long one run may take, such as `45m`; waiting for you does not count",
                trust=TIGHTENS,
            ),
            Field(
                "loop",
                MappingReader(loop_until, {"promise": text, "max_iterations": IntReader(1)}),
                help="Start the agent again until it says the promise",
                trust=TIGHTENS,
            ),
            Field(
                "budget",
                MappingReader(Budget, {"usd": number, "tokens": IntReader(0), "minutes": number}),
                help="Upper bounds for one task",
                trust=TIGHTENS,
            ),
            Field("pattern", text, help="How several agents work on it together", trust=HARMLESS),
        ),
        task_spec,
        "A task for an agent; the body says what to do",
    ),
    Kind.PLAN: Schema(
        "plans",
        (
            Field(
                "title",
                text,
                help="One line; without it the first heading of the body, else the file name",
                trust=HARMLESS,
            ),
            Field("level", EnumReader(PlanLevel), help="initiative > phase > plan", trust=HARMLESS),
            Field("parent", id_of, help="Id of the plan above", trust=HARMLESS),
            _APPROVAL,
            Field("comment", text, help="Passed on to the author of the plan", trust=HARMLESS),
        ),
        plan_spec,
        "A plan; the body holds Problem, Proposed changes, Steps, Risks",
    ),
    Kind.MESSAGE: Schema(
        "messages",
        (
            Field("from", text, help="Who wrote it; without it you", trust=HARMLESS),
            Field("kind", EnumReader(MessageKind), help="Written by coworkd", trust=HARMLESS),
            Field("state", EnumReader(MessageState), help="Written by coworkd", trust=HARMLESS),
            Field("draft", flag, help="Not sent while this is true", trust=NEEDS_TRUST),
            Field("resend", flag, help="Ask for a new reply to an edited message", trust=NEEDS_TRUST),
            Field(
                "reply_to",
                stem_of,
                help="The question it answers: a file name of the thread, without .md; without it the newest open one",
                trust=NEEDS_TRUST,
            ),
        ),
        message_spec,
        "A message in the thread of a task",
    ),
    Kind.APPROVAL: Schema(
        "approvals",
        (
            _APPROVAL,
            Field("scope", EnumReader(Scope), help="Which later calls the approval covers", trust=NEEDS_TRUST),
            Field("grant", text, help="The pattern that is allowed; you may narrow it", trust=NEEDS_TRUST),
            Field("comment", text, help="Told to the agent", trust=HARMLESS),
        ),
        answer_spec,
        "A permission that an agent asks for",
    ),
    Kind.REVIEW: Schema(
        "reviews",
        (
            _APPROVAL,
            Field("comment", text, help="Told to the agent, or kept with the answer", trust=HARMLESS),
            Field(
                "status",
                WordReader(("open", "landed", "reverted", "revert", "apply")),
                owner=Owner.BOTH,
                help="Written by coworkd; `revert` takes a landed change back, `apply` brings it again",
                trust=NEEDS_TRUST,
            ),
        ),
        answer_spec,
        "A change that asks to land",
    ),
    Kind.AGENT: Schema(
        "agents",
        (
            Field(
                "driver",
                text,
                help="What kind of program it is: `command` starts any, `replay` plays a recording",
                trust=NEEDS_TRUST,
            ),
            Field("model", text, help="The model it is asked to use", trust=HARMLESS),
            Field("command", command_line, help="The program and its arguments", trust=NEEDS_TRUST),
            _text_list_field(
                "fallback", "Agents that take over when this one is unavailable, in order", trust=NEEDS_TRUST
            ),
            Field(
                "limits",
                MappingReader(
                    AgentLimits,
                    {
                        "concurrency": IntReader(1),
                        "timeout": time_limit,
                        "stall": time_limit,
                        "output": size,
                        "hold": time_limit,
                    },
                ),
                help="Bounds: runs at once, time, silence, output, how long an open request holds its program",
                trust=NEEDS_TRUST,
            ),
            Field("sandbox", _SANDBOX, help="How it is confined", trust=NEEDS_TRUST),
            Field(
                "tools",
                MappingReader(ToolRules, {"allow": texts, "ask": texts, "deny": texts}),
                help="Patterns of tool calls: allowed, asked about, denied",
                trust=NEEDS_TRUST,
            ),
            Field(
                "login", WordReader(("mine", "key")), help="Lend it your own login, or give it a key", trust=NEEDS_TRUST
            ),
            Field("billing", WordReader(("api", "subscription")), help="How its cost is counted", trust=HARMLESS),
            Field("env", text_pairs, help="Added to its clean environment", trust=NEEDS_TRUST),
            _text_list_field("env_pass", "Names taken over from the daemon's environment", trust=NEEDS_TRUST),
            Field(
                "recording",
                text,
                help="For `replay`: the folder of recordings, relative to .cowork/",
                trust=NEEDS_TRUST,
            ),
        ),
        agent_spec,
        "An agent; the body is its system prompt",
    ),
    Kind.CONFIG: Schema(
        "",
        (
            Field("version", format_version, help="Of the format: 1", trust=HARMLESS),
            Field("agent", text, help="Agent of tasks that name none", trust=HARMLESS),
            Field("concurrency", IntReader(1), help="Runs at once; 4 unless set", trust=NEEDS_TRUST),
            Field(
                "quiet",
                duration,
                help="How long a file rests before it starts something unasked; 10 seconds unless set",
                trust=HARMLESS,
            ),
            Field(
                "integration",
                MappingReader(Integration, {"branch": text, "target": text, "land": WordReader(("ask", "auto"))}),
                help="The branch that changes land on, and the one it is for",
                trust=NEEDS_TRUST,
            ),
            _text_list_field("setup", "Commands in a fresh slot, before an agent starts", trust=NEEDS_TRUST),
            _text_list_field("copy", "Untracked files that a slot needs", trust=NEEDS_TRUST),
            _text_list_field("verify", "Commands that must succeed on the merged result", trust=NEEDS_TRUST),
            Field(
                "verify_timeout", time_limit, help="How long one of them may take; 30m unless set", trust=NEEDS_TRUST
            ),
            Field(
                "approve",
                EnumSetReader(Gate),
                canonical=as_list,
                help="At which points a person is asked; `[merge]` unless set",
                trust=NEEDS_TRUST,
            ),
            Field("backoff", number, help="Seconds before the first retry; 2 unless set", trust=HARMLESS),
            Field("max_attempts", IntReader(1), help="How often a task is tried; 3 unless set", trust=NEEDS_TRUST),
            Field(
                "sandbox",
                _SANDBOX,
                help="How agents, set-up and verification are confined; whom set-up may reach",
                trust=NEEDS_TRUST,
            ),
            Field(
                "budget",
                MappingReader(only_usd_per_day, {"usd_per_day": number}),
                help="Upper bound of a rolling day",
                trust=NEEDS_TRUST,
            ),
            Field("adopt_notes", flag, help="Whether a task file without a header is a task", trust=NEEDS_TRUST),
            Field("run_pulled", flag, help="Whether tasks that came by git start by themselves", trust=NEEDS_TRUST),
            Field(
                "commit",
                WordReader(("off", "auto")),
                help="Whether coworkd commits .cowork/ at quiet moments",
                trust=NEEDS_TRUST,
            ),
            Field("keep_days", number, help="How long kept work stays after a landing; 14 unless set", trust=HARMLESS),
            Field(
                "notify",
                texts,
                canonical=as_list,
                help="Only in your own settings",
                misplaced=_NOT_HERE,
                trust=NEEDS_TRUST,
            ),
        ),
        settings_spec,
        "Settings of the workspace; every key is optional",
    ),
}
"""Every kind of document. Of aliases only those are listed that are other words: `dependsOn` is the same key."""

USER = Schema(
    "",
    (
        _text_list_field("notify", "Commands that are told what waits for you", trust=NEEDS_TRUST),
        Field(
            "sandbox",
            MappingReader(user_sandbox, {"mode": _SANDBOX_MODE, "use": WordReader(SANDBOXES)}, shorthand="mode"),
            help="The least that counts, and which one is used",
            trust=NEEDS_TRUST,
        ),
        Field(
            "allowed_signers",
            absolute,
            help="Whose signatures of approvals count, as ssh-keygen reads it",
            trust=NEEDS_TRUST,
        ),
        Field(
            "budget",
            MappingReader(only_usd_per_day, {"usd_per_day": number}),
            help="The most that a day may cost",
            trust=NEEDS_TRUST,
        ),
        Field("concurrency", IntReader(1), help="The most runs at once", trust=NEEDS_TRUST),
        Field(
            "approve_by",
            EnumReader(ApproveBy),
            help="Where approvals count: `file` (default), or `command` alone",
            trust=NEEDS_TRUST,
        ),
    ),
    user_spec,
    "The user's own settings: what no workspace goes beyond",
)
"""The one file outside a workspace that is read like its documents."""


def names_with_trust(kind: Kind, level: TrustLevel) -> frozenset[str]:
    """The keys of this kind that have this level."""
    return frozenset(known.name for known in SCHEMAS[kind].fields if known.trust is level)
