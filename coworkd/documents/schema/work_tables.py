"""What the documents that carry work may say: tasks, plans, messages, and what people decide about."""

from __future__ import annotations

from coworkd.core.model import (
    ApprovalPoint,
    Budget,
    MessageKind,
    MessageState,
    Mode,
    OnError,
    PlanLevel,
    Scope,
)
from coworkd.documents.schema.builders import (
    answer_spec,
    message_spec,
    plan_spec,
    task_spec,
)
from coworkd.documents.schema.fields import (
    HARMLESS,
    NEEDS_TRUST,
    TIGHTENS,
    Field,
    Owner,
    Schema,
    TrustLevel,
    text_list_field,
)
from coworkd.documents.schema.pattern_readers import PATTERN
from coworkd.documents.schema.readers import (
    EnumReader,
    EnumSetReader,
    IntReader,
    MappingReader,
    WordReader,
    duration,
    flag,
    number,
    raw,
    text,
    time_limit,
)
from coworkd.documents.schema.task_readers import (
    as_list,
    id_of,
    ids_of,
    loop_until,
    order_of,
    priority_rank,
    size_of,
    status_as_kept,
    status_word,
    stem_of,
)

APPROVAL_FIELD = Field(
    "approval", raw, owner=Owner.BOTH, help="Your answer: exactly one of these words", trust=TrustLevel.NEEDS_TRUST
)

_ORDER = Field(
    "order",
    order_of,
    help="Its place among the children of its plan, such as `2.1`, which comes after `2` and before `2.2` and `2.10`",
    trust=HARMLESS,
)
_SIZE = Field("size", size_of, help="How much it counts in the progress of its plan; 1 unless set", trust=HARMLESS)

TASK = Schema(
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
            "stack",
            flag,
            help="`true`: it may start from a verified change of a dependency before that lands, and lands behind it",
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
            help="`build` changes files; `plan` and `answer` only read, and end in a plan or in a message",
            trust=HARMLESS,
        ),
        Field("plan", id_of, help="Id of the plan it belongs to", trust=HARMLESS),
        _ORDER,
        _SIZE,
        text_list_field("labels", "Your own words for grouping", "tags", trust=HARMLESS),
        text_list_field(
            "touches", "Patterns of paths: tasks whose patterns overlap do not run at once", trust=HARMLESS
        ),
        text_list_field(
            "verify",
            "Commands that must succeed on the merged result, after those of the workspace",
            trust=TIGHTENS,
        ),
        Field(
            "batch",
            flag,
            help="`false`: it is verified alone, where a command must hold for this change alone",
            trust=TIGHTENS,
        ),
        Field(
            "approve",
            EnumSetReader(ApprovalPoint),
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
        Field("max_attempts", IntReader(1), help="How often it is tried; else as the workspace has it", trust=TIGHTENS),
        Field(
            "timeout",
            time_limit,
            help="How long one run may take, such as `45m`; waiting for you does not count",
            trust=TIGHTENS,
        ),
        Field(
            "loop",
            MappingReader(
                loop_until, {"promise": text, "max_iterations": IntReader(1), "give_up": text, "delay": duration}
            ),
            help="Start the agent again until it says the promise, or the words by which it gives up",
            trust=TIGHTENS,
        ),
        Field(
            "budget",
            MappingReader(Budget, {"usd": number, "tokens": IntReader(0), "minutes": number}),
            help="Upper bounds for one task",
            trust=TIGHTENS,
        ),
        Field(
            "pattern",
            PATTERN,
            help="How several agents work on it: a name, or `{name: team, members: [a, b], judges: [c]}`",
            trust=NEEDS_TRUST,
        ),
    ),
    task_spec,
    "A task for an agent; the body says what to do",
)

PLAN = Schema(
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
        _ORDER,
        Field(
            "sequential",
            flag,
            help="`true`: its children that have an `order` are done one after another",
            trust=HARMLESS,
        ),
        _SIZE,
        APPROVAL_FIELD,
        Field("comment", text, help="Passed on to the author of the plan", trust=HARMLESS),
    ),
    plan_spec,
    "A plan; the body holds Problem, Proposed changes, Steps, Risks",
)

MESSAGE = Schema(
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
)

APPROVAL = Schema(
    "approvals",
    (
        APPROVAL_FIELD,
        Field("scope", EnumReader(Scope), help="Which later calls the approval covers", trust=NEEDS_TRUST),
        Field("grant", text, help="The pattern that is allowed; you may narrow it", trust=NEEDS_TRUST),
        Field("comment", text, help="Told to the agent", trust=HARMLESS),
    ),
    answer_spec,
    "A permission that an agent asks for",
)

REVIEW = Schema(
    "reviews",
    (
        APPROVAL_FIELD,
        Field("choose", text, help="The letter of the proposal that is taken, of several", trust=NEEDS_TRUST),
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
)
