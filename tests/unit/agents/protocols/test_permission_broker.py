from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.agents.json_codec import Json
from coworkd.agents.port import AnswerDecision, Asked, AskKind, Assignment, InboxAnswer
from coworkd.agents.protocols.permission_broker import (
    BrokerReply,
    BrokerRequest,
    PermissionBroker,
    PermissionRequest,
    QuestionRequest,
)
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.core.model import AgentSpec, ToolRules
from coworkd.core.policy.tool_permissions import ToolCall, ToolName

MAKE = ToolCall(tool=ToolName.RUN, subject="make")
PUSH = ToolCall(tool=ToolName.RUN, subject="git push")
OWN = ToolCall(tool=ToolName.WRITE, subject="app.py")
APPROVED = InboxAnswer(decision=AnswerDecision.APPROVED)
REJECTED = InboxAnswer(decision=AnswerDecision.REJECTED)


class Lab:
    """A broker whose replies are kept as `(request id, reply)`."""

    def __init__(self, run_dir: Path, rules: ToolRules, *, explain_bare_refusals: bool = True) -> None:
        self.signals = RunSignals()
        self.sent: list[tuple[Json, str]] = []
        assignment = Assignment(
            run="r1", task="t", attempt=1, epoch=1, agent=AgentSpec(name="a", tools=rules), prompt="", worktree="/w",
            run_dir=str(run_dir), home="/h", timeout=1, stall=1, output_limit=1, repo_id="",
        )  # fmt: skip
        self.broker = PermissionBroker(
            assignment, self.signals, self._keep, _render, explain_bare_refusals=explain_bare_refusals
        )

    def _keep(self, message: Mapping[str, Json]) -> None:
        self.sent.append((message["id"], str(message["reply"])))


def _render(request: BrokerRequest, reply: BrokerReply) -> Mapping[str, Json]:
    return {"id": request.id, "reply": str(reply)}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path, ToolRules(allow=("run(make)",), deny=("run(git push)",)))
    with closing(lab.signals):
        yield lab


def ask(lab: Lab, *calls: ToolCall, request_id: Json = 1, routine: tuple[ToolCall, ...] = ()) -> list[Asked]:
    identity: Json = [str(call) for call in calls]
    request = PermissionRequest(id=request_id, calls=calls, routine_calls=routine, identity=identity)
    return list(lab.broker.ask_permission(request))


def test_rules_reply_at_once(lab: Lab) -> None:
    assert ask(lab, MAKE, request_id=1) == []
    assert ask(lab, PUSH, request_id=2) == []
    assert ask(lab, request_id=3) == []
    assert [reply.partition("(")[0] for _, reply in lab.sent] == ["CallAllowed", "CallDenied", "CallAllowed"]
    assert "`run(git push)` was denied: the agent's `deny` has" in lab.sent[1][1]
    assert lab.broker.open_requests == ()


def test_the_strictest_of_several_calls_decides(lab: Lab) -> None:
    ask(lab, MAKE, PUSH)
    assert lab.sent[0][1].startswith("CallDenied")


def test_routine_calls_need_no_permission_of_their_own(lab: Lab) -> None:
    assert ask(lab, routine=(OWN,)) == []
    assert lab.sent == [(1, "CallAllowed()")]
    (asked,) = ask(lab, OWN, request_id=2)
    assert asked.kind is AskKind.PERMISSION


def test_an_answer_is_used_once(lab: Lab) -> None:
    call = ToolCall(tool=ToolName.RUN, subject="deploy")
    (asked,) = ask(lab, call)
    assert (asked.tool, asked.arguments) == ("run", "deploy")
    assert not lab.broker.deliver_answers()
    lab.signals.answer(asked.request, APPROVED)
    assert lab.broker.deliver_answers()
    assert lab.sent == [(1, "CallAllowed()")]
    (again,) = ask(lab, call, request_id=2)
    assert again.request != asked.request


def test_a_refusal_counts_for_the_whole_run(lab: Lab) -> None:
    call = ToolCall(tool=ToolName.RUN, subject="deploy")
    (asked,) = ask(lab, call)
    lab.signals.answer(asked.request, replace(REJECTED, body="Not today."))
    lab.broker.deliver_answers()
    assert "The person you work for does not allow it: Not today." in lab.sent[0][1]
    assert ask(lab, call, request_id=2) == []
    lab.broker.deliver_answers()
    assert lab.sent[1][1].startswith("CallDenied")


@pytest.mark.parametrize(("explain", "explanations"), [(True, 1), (False, 0)])
def test_a_bare_refusal_is_explained_where_the_protocol_does_not_say_it(
    tmp_path: Path, explain: bool, explanations: int
) -> None:
    lab = Lab(tmp_path, ToolRules(), explain_bare_refusals=explain)
    with closing(lab.signals):
        (asked,) = ask(lab, PUSH)
        lab.signals.answer(asked.request, REJECTED)
        lab.broker.deliver_answers()
        assert len(lab.broker.refusals.take_explanations(person_spoke=True)) == explanations


def test_a_question_is_answered_in_words(lab: Lab) -> None:
    (asked,) = lab.broker.ask_question(QuestionRequest(id=7, text="Which colour?", identity="colour"))
    assert (asked.kind, asked.text) == (AskKind.QUESTION, "Which colour?")
    lab.signals.answer(asked.request, InboxAnswer(decision=AnswerDecision.REPLY, body="Blue.\n"))
    lab.broker.deliver_answers()
    assert lab.sent == [(7, "QuestionAnswered(text='Blue.')")]


def test_the_same_request_after_a_restart_has_its_answer(lab: Lab, tmp_path: Path) -> None:
    (asked,) = ask(lab, ToolCall(tool=ToolName.RUN, subject="deploy"))
    later = Lab(tmp_path, ToolRules())
    with closing(later.signals):
        later.signals.answer(asked.request, APPROVED)
        assert ask(later, ToolCall(tool=ToolName.RUN, subject="deploy"), request_id=9) == []
        later.broker.deliver_answers()
        assert later.sent == [(9, "CallAllowed()")]


def test_requests_that_are_withdrawn_or_cancelled_are_open_no_more(lab: Lab) -> None:
    ask(lab, ToolCall(tool=ToolName.RUN, subject="a"), request_id=1)
    ask(lab, ToolCall(tool=ToolName.RUN, subject="b"), request_id=2)
    assert len(lab.broker.open_requests) == 2
    assert lab.broker.longest_hold(time.monotonic() + 10) > 9
    lab.broker.withdraw(1)
    lab.broker.cancel_all()
    assert lab.sent == [(2, "RequestCancelled()")]
    assert lab.broker.open_requests == ()
    assert lab.broker.longest_hold(time.monotonic()) == 0.0


def test_announced_calls_count_as_refused(lab: Lab) -> None:
    for _ in range(20):
        lab.broker.check_call(PUSH)
    assert "20 calls in a row were refused" in lab.broker.refusals.limit_reason
    lab.broker.check_call(MAKE)
    assert lab.broker.refusals.limit_reason == ""
