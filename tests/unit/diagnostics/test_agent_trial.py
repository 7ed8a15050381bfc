"""What the events of a trial say."""

from __future__ import annotations

import pytest

from coworkd.agents.port import AgentEvent, Ended, EndReason, ErrorKind, ErrorReported, SessionStarted, TextWritten
from coworkd.diagnostics.agent_trial import judge

SAID = TextWritten(text="ready")
DONE = Ended(reason=EndReason.DONE)


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([SAID, DONE], {"starts": "ok"}),
        ([DONE], {"starts": "ok"}),
        ([SessionStarted(session="s")], {"starts": "ok"}),
        ([SAID, Ended(reason=EndReason.TIMED_OUT)], {"starts": "ok"}),
        ([], {"starts": "weak"}),
        ([Ended(reason=EndReason.FAILED, message="cannot start 'x'")], {"starts": "bad"}),
        ([ErrorReported(kind=ErrorKind.AUTH, message="401"), Ended(reason=EndReason.FAILED)],
         {"starts": "ok", "login": "bad"}),
        ([SAID, ErrorReported(kind=ErrorKind.RATE_LIMIT, message="429"), Ended(reason=EndReason.FAILED)],
         {"starts": "ok", "provider": "weak", "ends": "weak"}),
    ],
)  # fmt: skip
def test_the_judgement(events: list[AgentEvent], found: dict[str, str]) -> None:
    assert {finding.name: finding.level for finding in judge("ed", events, 1.0)} == found
