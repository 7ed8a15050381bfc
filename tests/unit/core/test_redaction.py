from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.port import AgentEvent, Asked, AskKind, Ended, EndReason, TextWritten, ToolStarted
from coworkd.agents.worker.redacting_events import EventRedactor
from coworkd.core.redaction import NO_SECRETS, REDACTED, Secrets, is_secret_name

CANARY = "cnry-7f3b91d2e8"
KNOWN = Secrets(frozenset({CANARY}))

SURE = [
    "AKIA" + "Q7RT4ZLMNB2K9XCV",
    "ghp_" + "a1B2" * 10,
    "github_pat_" + "a1B2" * 14,
    "glpat-" + "x" * 20,
    "xoxb-" + "1234567890-abcdefghij",
    "sk_live_" + "a1" * 12,
    "AIza" + "Sy0123456789" + "abcdefghijklmnopqrstuvw",
    "sk-ant-" + "api03-" + "a1" * 12,
    "sk-proj-" + "a1" * 24,
    "npm_" + "a1" * 18,
    "hf_" + "a1" * 17,
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----\n" + "b3Blbn" * 20 + "\n-----END OPENSSH PRIVATE KEY-----",
]
HARMLESS = [
    "AKIA" + "IOSFODNN7EXAMPLE", "sk-learn and task-force", "a skeleton key", "ghp_short", "-----BEGIN CERTIFICATE-----",
    "desk-" + "a" * 10, "https://example.com/a:b@c", "Bearer token",
]  # fmt: skip


@pytest.mark.parametrize("secret", SURE)
def test_a_provider_key_is_found_and_taken_out(secret: str) -> None:
    text = f"KEY={secret}\nnext"
    assert NO_SECRETS.found(text)
    assert secret not in NO_SECRETS.found(text)
    assert NO_SECRETS.redact(text) == f"KEY={REDACTED}\nnext"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_a_little_like_one_stays(text: str) -> None:
    assert NO_SECRETS.found(text) == ""
    assert NO_SECRETS.redact(text) == text


@pytest.mark.parametrize("text", ["postgres://me:hunter22@db/x", "Authorization: Bearer abcdefghijklmnop1234"])
def test_what_is_likely_one_is_taken_out_but_refuses_nothing(text: str) -> None:
    assert REDACTED in NO_SECRETS.redact(text)
    assert NO_SECRETS.found(text) == ""


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("OPENAI_API_KEY", True), ("GITHUB_TOKEN", True), ("db-password", True), ("SSH_AUTH_SOCK", False),
     ("KEYBOARD", False), ("MONKEY", False), ("PATH", False), ("TOKEN_FILE", False), ("AWS_SECRET_ACCESS_KEY", True)],
)  # fmt: skip
def test_which_variables_hold_secrets(name: str, is_one: bool) -> None:
    assert is_secret_name(name) is is_one


def test_common_words_are_no_secrets() -> None:
    assert Secrets.of([("A_SECRET", "disabled"), ("B_KEY", "/etc/keys/mine"), ("C_TOKEN", "short1")]).values == set()
    assert Secrets.of([("A_SECRET", "Tr0ub4dor&3"), ("LANG", "en_US.UTF-8")]).values == {"Tr0ub4dor&3"}


@given(st.text(), st.text())
def test_a_known_value_never_stays(before: str, after: str) -> None:
    assert CANARY not in KNOWN.redact(before + CANARY + after)
    assert KNOWN.found(before + CANARY + after)


def streamed(pieces: list[str]) -> str:
    discretion = EventRedactor(KNOWN)
    told = [event for piece in pieces for event in discretion.feed(TextWritten(text=piece))]
    return "".join(event.text for event in [*told, *discretion.flush()] if isinstance(event, TextWritten))


@given(st.lists(st.text(max_size=4)), st.lists(st.integers(1, len(CANARY)), max_size=5), st.text(max_size=5))
def test_a_secret_that_comes_in_pieces_is_taken_out(before: list[str], cuts: list[int], after: str) -> None:
    places = [0, *sorted(set(cuts)), len(CANARY)]
    pieces = [CANARY[start:end] for start, end in itertools.pairwise(places)]
    whole = streamed([*before, *pieces, after])
    assert CANARY not in whole
    assert whole == KNOWN.redact("".join(before) + CANARY + after)


@given(st.lists(st.text()))
def test_other_text_comes_through_whole(pieces: list[str]) -> None:
    assert streamed(pieces) == KNOWN.redact("".join(pieces))


def test_no_kind_of_event_tells_one() -> None:
    events: tuple[AgentEvent, ...] = (
        Asked(request="p", kind=AskKind.PERMISSION, text=CANARY, tool="run", arguments=f"curl -H {CANARY}"),
        ToolStarted(call="1", tool="run", summary=f"echo {CANARY}"),
        Ended(reason=EndReason.FAILED, message=f"bad key {CANARY}"),
    )
    for event in events:
        assert CANARY not in repr(list(EventRedactor(KNOWN).feed(event)))
