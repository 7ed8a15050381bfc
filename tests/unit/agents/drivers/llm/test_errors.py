from __future__ import annotations

import pytest

from coworkd.agents.drivers.llm.errors import ProviderFailure, classify, is_transient
from coworkd.agents.json_codec import Json
from coworkd.agents.port import ErrorKind

NOW = 1_800_000_000.0
PER_DAY: Json = {
    "error": {"status": "RESOURCE_EXHAUSTED", "details": [{"violations": [{"quotaId": "RequestsPerDay"}]}]}
}
PER_MINUTE: Json = {
    "error": {
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"violations": [{"quotaId": "RequestsPerMinute"}]}, {"retryDelay": "17.5s"}],
    }
}


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ProviderFailure(status=429), ErrorKind.RATE_LIMIT),
        (ProviderFailure(body={"type": "error", "error": {"type": "rate_limit_error"}}), ErrorKind.RATE_LIMIT),
        (ProviderFailure(status=429, body=PER_MINUTE), ErrorKind.RATE_LIMIT),
        (ProviderFailure(status=429, body=[PER_MINUTE]), ErrorKind.RATE_LIMIT),
        (ProviderFailure(status=429, body=PER_DAY), ErrorKind.QUOTA),
        (ProviderFailure(status=429, body={"error": {"code": "insufficient_quota"}}), ErrorKind.QUOTA),
        (ProviderFailure(status=402), ErrorKind.QUOTA),
        (
            ProviderFailure(status=400, body={"error": {"message": "Your credit balance is too low to ..."}}),
            ErrorKind.QUOTA,
        ),
        (ProviderFailure(status=529), ErrorKind.OVERLOADED),
        (ProviderFailure(status=503), ErrorKind.OVERLOADED),
        (ProviderFailure(body={"error": {"type": "overloaded_error"}}), ErrorKind.OVERLOADED),
        (ProviderFailure(status=401), ErrorKind.AUTH),
        (ProviderFailure(status=403), ErrorKind.AUTH),
        (ProviderFailure(status=400, body={"error": {"code": "context_length_exceeded"}}), ErrorKind.CONTEXT),
        (ProviderFailure(status=400, classes=("ContextWindowExceededError",)), ErrorKind.CONTEXT),
        (ProviderFailure(status=500), ErrorKind.UNAVAILABLE),
        (ProviderFailure(classes=("APIConnectionError", "ConnectError")), ErrorKind.UNAVAILABLE),
        (ProviderFailure(), ErrorKind.NETWORK),
        (ProviderFailure(status=404), ErrorKind.OTHER),
        (ProviderFailure(status=400, body="not an object"), ErrorKind.OTHER),
    ],
)
def test_the_kind_of_an_error(failure: ProviderFailure, kind: ErrorKind) -> None:
    assert classify(failure, NOW).kind is kind


@pytest.mark.parametrize(
    "prose",
    [
        "the file upstash/ratelimit says rate_limit_error and insufficient_quota",
        "we said: Your credit balance is too low",
        "529 overloaded_error 503 UNAVAILABLE",
    ],
)
def test_prose_never_makes_a_kind(prose: str) -> None:
    body: Json = {
        "error": {"message": prose, "type": "invalid_request_error", "details": [prose, {"violations": prose}]}
    }
    assert classify(ProviderFailure(status=400, body=body, message=prose), NOW).kind is ErrorKind.OTHER


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (ProviderFailure(headers={"retry-after": "7"}), 7.0),
        (ProviderFailure(headers={"retry-after": "0.5"}), 0.5),
        (ProviderFailure(headers={"retry-after-ms": "250", "retry-after": "1"}), 0.25),
        (ProviderFailure(headers={"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}), 30.0),
        (ProviderFailure(headers={"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}), 0.0),
        (ProviderFailure(headers={"retry-after": "soon"}), None),
        (ProviderFailure(headers={"retry-after": "-1"}), None),
        (ProviderFailure(headers={"retry-after": "inf"}), None),
        (ProviderFailure(body=PER_MINUTE), 17.5),
        (ProviderFailure(), None),
    ],
)
def test_when_to_come_back(failure: ProviderFailure, seconds: float | None) -> None:
    assert classify(failure, NOW).retry_after == seconds


def test_only_what_may_pass_in_a_moment_is_tried_again() -> None:
    assert {kind for kind in ErrorKind if is_transient(kind)} == {ErrorKind.NETWORK, ErrorKind.UNAVAILABLE}


def test_the_message_is_the_providers_own() -> None:
    failure = ProviderFailure(
        status=401, body={"error": {"message": "bad key"}}, message="Library: Error: bad key in b'...'"
    )
    assert classify(failure, NOW).message == "bad key (status 401)"
    assert classify(ProviderFailure(message="broken pipe"), NOW).message == "broken pipe"
