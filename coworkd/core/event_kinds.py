"""The kinds of events in the event log: one for every change of state.

Databases, audit logs and run records hold the values, so a value never changes.
"""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class EventKind(StrEnum):
    """What happened."""

    # ---- files

    FILE_SAVED = "file"
    NOTE_SAVED = "note"
    FILE_DELETED = "deleted"
    COMMITTED = "committed"

    # ---- tasks

    STATUS_CHANGED = "status"
    STATUS_REQUESTED = "wish"
    STATUS_REQUEST_REFUSED = "wish refused"
    TASK_ALLOWED = "owned"
    TASK_TAKEN_OVER = "taken"
    SETTINGS_TRUSTED = "trusted"
    PLAN_WRITTEN = "plan written"
    QUESTION_ANSWERED = "question answered"
    PLAN_FOUND_AGAIN = "plan found again"

    # ---- runs

    RUN_BEGUN = "run"
    RUN_BEGUN_AGAIN = "run again"
    RUN_WAITS = "run waits"
    RUN_WAITS_AGAIN = "run waits again"
    RUN_CONTINUED = "run goes on"
    RUN_STOPPED = "run stopped"
    RUN_LOST = "run lost"
    LATE_END_REFUSED = "late end refused"
    RUN_ENDED = "run ended"
    SESSION_RESUMED = "session taken up again"
    ROUND_ENDED = "round over"
    RUN_RECORDED = "recorded"
    RECORD_RESTORED = "record taken back"
    BUDGET_USED_UP = "budget used up"
    USAGE_REFUSED = "usage refused"
    CONTEXT_FILLED = "context"
    CONNECTIONS_REFUSED = "connections refused"

    # ---- patterns of collaboration

    PATTERN_BEGUN = "pattern"
    STEP_ASKED = "step"
    STEP_ENDED = "step ended"
    PATTERN_ENDED = "verdict"
    CHOSEN = "chosen"

    # ---- agents

    AGENT_STARTED = "agent started"
    FIRST_OUTPUT = "first output"
    FIRST_TEXT = "first text"
    AGENT_ERROR = "agent error"
    AGENT_LEFT = "agent left"
    AGENT_ENDED = "agent ended"
    FALLBACK_CHOSEN = "fallback"
    PRIMARY_TRIED_AGAIN = "primary tried again"
    COOLDOWN_BEGUN = "cools down"
    COOLDOWN_ENDED = "available again"
    AGENT_STOPPED = "agent stopped"
    AGENT_ALLOWED_AGAIN = "agent goes on"

    # ---- requests and messages

    REQUEST_ASKED = "asked"
    REQUEST_ASKED_AGAIN = "asked again"
    REQUEST_SETTLED = "settled"
    REQUEST_ANSWERED = "answered"
    ANSWER_USED = "used"
    ANSWER_RETURNED = "answer not heard"
    ANSWER_VOID = "answer void"
    REQUEST_VOID = "request void"
    GRANTED = "granted"
    MESSAGE_DELIVERED = "delivered"
    MESSAGE_EDITED = "steered"

    # ---- submissions and landings

    SUBMITTED = "submitted"
    SUBMISSION_FOUND_AGAIN = "submission found again"
    SUBMISSION_RETIRED = "submission retired"
    VERIFYING = "verifying"
    VERIFIED = "green"
    VERIFICATION_FAILED = "red"
    NOT_BATCHED = "not batched"
    NOT_LANDED = "not landed"
    VERIFICATION_FLAKY = "flaky"
    HELD = "held"
    RELEASED = "released"
    QUEUED_AGAIN = "queued again"
    CONFLICT = "conflict"
    CONFLICT_SENT_BACK = "conflict sent back"
    CONFLICT_WAITS_AGAIN = "conflict waits again"
    CONFLICT_NEEDS_PERSON = "conflict to a person"
    CONFLICT_RESOLVED = "conflict resolved"
    APPROVAL_VOID = "approval void"
    LANDING = "landing"
    LANDED = "landed"
    LANDED_AGAIN = "landed again"
    LANDING_MISSING = "landing missing"
    LANDING_FOUND = "landing found"
    LANDING_RECORD_RESTORED = "landing found again"
    INTEGRATION_MOVED = "integration"
    LANDED_IN_TARGET = "landed in the target"
    REVERT_ASKED = "revert asked"

    # ---- the workspace

    DATABASE_RESTORED = "database restored"
    NIGHT_BEGUN = "night"
    NIGHT_ENDED = "night over"
    CLOCK_SET = "clock set"
    SUSPENDED = "suspended"
    SHUTDOWN = "shutdown"
    PRUNED = "pruned"
    REPAIRED = "repaired"
