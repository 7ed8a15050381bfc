"""What Codex says, read; how it is started."""

from __future__ import annotations

import pytest

from coworkd.agents.drivers.codex.calls import change_calls, command_call, is_in_worktree, questions_text, unwrap_shell
from coworkd.agents.drivers.codex.driver import arguments
from coworkd.agents.drivers.codex.errors import error_kind, seconds_until_reset, turn_error
from coworkd.agents.drivers.codex.messages import answers, thread_params
from coworkd.agents.json_codec import Json
from coworkd.agents.port import ErrorKind
from coworkd.core.model import AgentSpec, Mode


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/bin/bash -lc 'touch q1'", "touch q1"),
        ("bash -c 'echo \"a b\" && ls'", 'echo "a b" && ls'),
        ("git push", "git push"),
        ("/bin/bash script.sh x", "/bin/bash script.sh x"),
        ("python -c 'x = 1'", "python -c 'x = 1'"),
        ("echo 'open", "echo 'open"),
    ],
)
def test_a_command_is_taken_out_of_its_shell(line: str, expected: str) -> None:
    assert unwrap_shell(line) == expected
    assert str(command_call({"command": line})) == f"run({expected})"


def test_a_host_that_is_asked_for_is_the_network() -> None:
    asked: Json = {"command": "curl x", "networkApprovalContext": {"host": "a.example", "protocol": "https"}}
    assert str(command_call(asked)) == "net(a.example)"


def test_every_changed_file_is_a_call() -> None:
    item: Json = {"changes": [{"path": "/w/src/a.py"}, {"path": "/etc/passwd"}, {"path": "/w/../b"}]}
    wanted = change_calls(item, "/w")
    assert [str(call) for call in wanted] == ["write(src/a.py)", "write(/etc/passwd)", "write(/w/../b)"]
    assert [is_in_worktree(call) for call in wanted] == [True, False, False]
    assert [is_in_worktree(call) for call in change_calls(None, "/w")] == [False]


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("contextWindowExceeded", ErrorKind.CONTEXT),
        ("usageLimitExceeded", ErrorKind.QUOTA),
        ("somethingNew", ErrorKind.OTHER),
        ({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}, ErrorKind.RATE_LIMIT),
        ({"httpConnectionFailed": {"httpStatusCode": 503}}, ErrorKind.OVERLOADED),
        ({"httpConnectionFailed": {"httpStatusCode": 401}}, ErrorKind.AUTH),
        ({"httpConnectionFailed": {"httpStatusCode": None}}, ErrorKind.NETWORK),
        (None, ErrorKind.OTHER),
        ([1], ErrorKind.OTHER),
    ],
)
def test_errors_have_kinds_by_their_fields(info: Json, expected: ErrorKind) -> None:
    assert error_kind(info) is expected
    report = turn_error({"message": "rate limit, overloaded", "codexErrorInfo": info}, 9.0)
    assert report.kind is expected
    waits = expected in (ErrorKind.RATE_LIMIT, ErrorKind.QUOTA, ErrorKind.OVERLOADED)
    assert report.retry_after == (9.0 if waits else None)


def test_limits_that_are_used_up_say_when_they_are_lifted() -> None:
    used: Json = {"primary": {"usedPercent": 100, "resetsAt": 1060}, "secondary": {"usedPercent": 40, "resetsAt": 9000}}
    assert seconds_until_reset(used, 1000.0) == 60.0
    assert seconds_until_reset({"primary": None, "secondary": None}, 1000.0) is None


def test_questions_and_their_answers() -> None:
    asked: Json = {"questions": [{"id": "a", "question": "Which?", "options": [{"label": "X", "description": "y"}]}]}
    assert questions_text(asked) == "Which?\n\n- X: y"
    assert answers(({"id": "a"}, {"id": "b"}, 7), "so") == {
        "answers": {"a": {"answers": ["so"]}, "b": {"answers": ["so"]}}
    }


def test_plan_mode_cannot_write() -> None:
    assert thread_params("/w", "", "", Mode.PLAN) == {
        "cwd": "/w",
        "approvalPolicy": "untrusted",
        "sandbox": "read-only",
    }
    built = thread_params("/w", "m", "Be brief.", Mode.BUILD)
    assert (built["model"], built["developerInstructions"]) == ("m", "Be brief.")


def test_a_key_never_stands_in_the_command_line() -> None:
    agent = AgentSpec(
        name="c", driver="codex", env=(("OPENAI_API_KEY", "sk-canary"), ("OPENAI_BASE_URL", "http://h/v1"))
    )
    line = " ".join(arguments(agent, {}))
    assert 'base_url = "http://h/v1"' in line
    assert 'env_key = "OPENAI_API_KEY"' in line
    assert "sk-canary" not in line
    assert arguments(AgentSpec(name="c", driver="codex"), {}) == ("codex", "app-server")
