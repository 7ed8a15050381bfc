"""What settings may say: agents, the workspace's settings, and the user's own."""

from __future__ import annotations

from coworkd.core.model import (
    AgentLimits,
    ApprovalPoint,
    ApproveBy,
    CacheTool,
    Integration,
    ToolRules,
    WorkspaceLimits,
)
from coworkd.documents.schema.builders import (
    agent_spec,
    settings_spec,
    user_spec,
)
from coworkd.documents.schema.fields import (
    HARMLESS,
    NEEDS_TRUST,
    SANDBOX,
    SANDBOX_MODE,
    Field,
    Schema,
    text_list_field,
)
from coworkd.documents.schema.pattern_readers import PATTERN_DEFAULTS
from coworkd.documents.schema.readers import (
    EnumReader,
    EnumSetReader,
    IntReader,
    MappingReader,
    WordReader,
    command_line,
    counts,
    duration,
    flag,
    number,
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
    clock_time,
    format_version,
    night_settings,
    only_usd_per_day,
    user_sandbox,
)

_NOT_HERE = (
    "has no effect here, where others could write commands for your machine: set it in your own settings"
    " ($XDG_CONFIG_HOME/coworkd/config.yaml)"
)

AGENT = Schema(
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
        text_list_field("fallback", "Agents that take over when this one is unavailable, in order", trust=NEEDS_TRUST),
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
        Field("sandbox", SANDBOX, help="How it is confined", trust=NEEDS_TRUST),
        Field(
            "tools",
            MappingReader(ToolRules, {"allow": texts, "ask": texts, "deny": texts}),
            help="Patterns of tool calls: allowed, asked about, denied",
            trust=NEEDS_TRUST,
        ),
        Field("login", WordReader(("mine", "key")), help="Lend it your own login, or give it a key", trust=NEEDS_TRUST),
        Field("billing", WordReader(("api", "subscription")), help="How its cost is counted", trust=HARMLESS),
        Field("env", text_pairs, help="Added to its clean environment", trust=NEEDS_TRUST),
        text_list_field("env_pass", "Names taken over from the daemon's environment", trust=NEEDS_TRUST),
        Field(
            "recording",
            text,
            help="For `replay`: the folder of recordings, relative to .cowork/",
            trust=NEEDS_TRUST,
        ),
    ),
    agent_spec,
    "An agent; the body is its system prompt",
)

CONFIG = Schema(
    "",
    (
        Field("version", format_version, help="Of the format: 1", trust=HARMLESS),
        Field("agent", text, help="Agent of tasks that name none", trust=HARMLESS),
        Field("concurrency", IntReader(1), help="Runs at once; 4 unless set", trust=NEEDS_TRUST),
        Field(
            "limits",
            MappingReader(WorkspaceLimits, {"providers": counts, "disk": size}),
            help="Runs at once by provider of their models, disk space: `{providers: {anthropic: 4}, disk: 20GB}`",
            trust=NEEDS_TRUST,
        ),
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
        text_list_field("setup", "Commands in a fresh slot, before an agent starts", trust=NEEDS_TRUST),
        text_list_field("copy", "Untracked files that a slot needs", trust=NEEDS_TRUST),
        Field(
            "caches",
            EnumSetReader(CacheTool),
            canonical=as_list,
            help="Package managers whose downloads set-up keeps for slots and verification: npm, pip, cargo",
            trust=NEEDS_TRUST,
        ),
        text_list_field("verify", "Commands that must succeed on the merged result", trust=NEEDS_TRUST),
        Field("verify_timeout", time_limit, help="How long one of them may take; 30m unless set", trust=NEEDS_TRUST),
        Field(
            "parallel_verifications",
            IntReader(1),
            help="Verifications at once, each in a folder of its own; by the cores of the machine unless set",
            trust=NEEDS_TRUST,
        ),
        Field(
            "approve",
            EnumSetReader(ApprovalPoint),
            canonical=as_list,
            help="At which points a person is asked; `[merge]` unless set",
            trust=NEEDS_TRUST,
        ),
        Field("backoff", number, help="Seconds before the first retry; 2 unless set", trust=HARMLESS),
        Field("max_attempts", IntReader(1), help="How often a task is tried; 3 unless set", trust=NEEDS_TRUST),
        Field(
            "sandbox",
            SANDBOX,
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
        Field(
            "patterns",
            PATTERN_DEFAULTS,
            help="By pattern, what tasks leave open: `{team: {members: [a, b, c], judges: [d]}}`",
            trust=NEEDS_TRUST,
        ),
        Field(
            "night",
            MappingReader(
                night_settings,
                {
                    "from": clock_time,
                    "to": clock_time,
                    "usd": number,
                    "tokens": IntReader(0),
                    "max_tasks": IntReader(1),
                },
                closed=True,
            ),
            help="When no person is there, and what starts then at most: `{from: 22:00, to: 07:00, usd: 20}`",
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
)

USER = Schema(
    "",
    (
        text_list_field("notify", "Commands that are told what waits for you", trust=NEEDS_TRUST),
        Field(
            "sandbox",
            MappingReader(user_sandbox, {"mode": SANDBOX_MODE, "use": WordReader(SANDBOXES)}, shorthand="mode"),
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
