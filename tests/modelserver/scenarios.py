"""The scenarios by name, for use by hand and for tables of tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.modelserver.turns import Flaw, Refusal, Reply, Script, Trouble, after, run, steps, write

_HELLO = Reply(text="Hello from the model server.")
_DONE = Reply(text="All done.")
_RETRY_AFTER = 7.0


def _refused(trouble: Trouble, retry_after: float | None = None) -> Callable[[], Script]:
    return lambda: steps(Refusal(trouble=trouble, retry_after=retry_after))


def _text(**changes: object) -> Callable[[], Script]:
    def make() -> Script:
        reply = {"text": "A reply that takes a while to come, in many pieces, one after the other."} | changes
        return steps(Reply(**reply))  # type: ignore[arg-type]

    return make


SCENARIOS: Mapping[str, Callable[[], Script]] = {
    "text": lambda: steps(_HELLO),
    "tool": lambda: steps(Reply(text="I write a file.", calls=(write("hello.txt", "hello\n"),)), _DONE),
    "tools": lambda: steps(Reply(calls=(write("a.txt", "a\n"), run("cat a.txt"))), _DONE),
    "conversation": lambda: steps(
        Reply(text="First a file.", calls=(write("a.txt", "a\n"),)),
        Reply(text="Then a command.", calls=(run("cat a.txt"),)),
        _DONE,
    ),
    "rate-limit": _refused(Trouble.RATE_LIMIT, _RETRY_AFTER),
    "rate-limit-once": lambda: after(Refusal(trouble=Trouble.RATE_LIMIT, retry_after=1.0), then=steps(_HELLO)),
    "quota": _refused(Trouble.QUOTA),
    "overloaded": _refused(Trouble.OVERLOADED),
    "auth": _refused(Trouble.AUTH),
    "context": _refused(Trouble.CONTEXT),
    "broken": _refused(Trouble.BROKEN),
    "dropped": _text(flaw=Flaw.DROPPED),
    "held": _text(flaw=Flaw.HELD),
    "slow": _text(pause=0.5),
    "huge": _text(text="x" * 2_000_000),
    "malformed": _text(flaw=Flaw.MALFORMED),
    "uncounted": _text(flaw=Flaw.UNCOUNTED),
}
