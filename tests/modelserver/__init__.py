"""A model server for tests: the wire formats of OpenAI, Anthropic and Gemini on loopback, with scripted replies.

It speaks real HTTP, streams as the real ones do, fails as they do, and keeps every request it got. What the model says
is decided by a script, a function from a `Query` to a `Turn`; `steps` makes one from a list. It must never look at
anything but the request, so that any number of agents can share one server.

By hand: `python -m tests.modelserver --scenario tool`.
"""

from tests.modelserver.server import ModelServer, Recorded
from tests.modelserver.turns import (
    Call,
    Flaw,
    Query,
    Raw,
    Refusal,
    Reply,
    Script,
    Spent,
    Trouble,
    Turn,
    after,
    run,
    steps,
    write,
)

__all__ = [
    "Call",
    "Flaw",
    "ModelServer",
    "Query",
    "Raw",
    "Recorded",
    "Refusal",
    "Reply",
    "Script",
    "Spent",
    "Trouble",
    "Turn",
    "after",
    "run",
    "steps",
    "write",
]
