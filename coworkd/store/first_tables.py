"""The tables of the first version of the database, which `store.migrations` brings to the present one."""

from __future__ import annotations

TYPES = {"t": str, "i": int, "f": float, "b": bytes}

TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "documents": (
        (
            "path:t kind:t doc:t want:b want_sha:t file_sha:t rev:i changed_at:f body_changed_at:f pulled:i"
            " absent_since:f generated:i"
        ),
        ("path",),
    ),
    "bases": ("path:t rev:i who:t sha:t bytes:b at:f", ("path", "rev", "who", "sha")),
    "stats": ("path:t mtime_ns:i ctime_ns:i size:i inode:i mode:i sha:t settled:i", ("path",)),
    "tasks": (
        (
            "id:t path:t title:t status:t reason:t since:f agent:t priority:f created:f attempt:i by:t landed:t"
            " failures:i bounces:i not_before:f closed:i wanted:t wanted_due:f held:t pulled:i elsewhere:i gone:i"
            " agent_used:t cost_usd:f input_tokens:i output_tokens:i exact_id:i"
        ),
        ("id",),
    ),
    "needs": ("task:t needed:t", ("task", "needed")),
    "runs": (
        (
            "id:t task:t attempt:i epoch:i agent:t state:t reason:t message:t started:f ended:f slot:i log:t base:t"
            " level:t offset:i stop:t said:t input_tokens:i output_tokens:i cost_usd:f message_path:t conflict:t"
            " text_sha:t"
        ),
        ("id",),
    ),
    "requests": (
        "id:t task:t run:t kind:t name:t path:t state:t answer:t comment:t text:t created:f number:i",
        ("id",),
    ),
    "answers": (
        "path:t answer:t comment:t scope:t granted:t request:t status:t written:t sha:t body:t pulled:i",
        ("path",),
    ),
    "messages": (
        "path:t task:t sender:t kind:t stage:t seen:i due:f run:t reply_to:t body:t note:t",
        ("path",),
    ),
    "submissions": (
        (
            "task:t number:i run:t attempt:i commit_id:t tree:t base:t state:t candidate:t candidate_tree:t tip:t"
            " checks:t request:t created:f notice:t person:i approved:i landing:t text_sha:t bundle:t"
        ),
        ("task", "number"),
    ),
    "writes": ("path:t expected:t sha:t bytes:b temp:t", ("path",)),
    "trash": ("name:t path:t sha:t check_at:f", ("name",)),
    "problems": ("path:t source:t line:i message:t task:t since:f", ("path", "source")),
    "trusted": ("path:t sha:t bytes:b at:f", ("path",)),
    "notes": ("path:t", ("path",)),
    "own_bytes": ("sha:t", ("sha",)),
    "meta": ("key:t value:t", ("key",)),
}

INDEXES = (
    "CREATE INDEX documents_unwritten ON documents (path) WHERE want_sha != file_sha",
    "CREATE INDEX documents_doc ON documents (kind, doc)",
    "CREATE INDEX documents_absent ON documents (absent_since) WHERE absent_since IS NOT NULL",
    "CREATE INDEX tasks_status ON tasks (status, priority, created)",
    "CREATE INDEX tasks_wanted ON tasks (wanted_due) WHERE wanted != ''",
    "CREATE UNIQUE INDEX tasks_path ON tasks (path)",
    "CREATE INDEX needs_needed ON needs (needed)",
    "CREATE INDEX runs_task ON runs (task, started)",
    "CREATE INDEX runs_agent ON runs (agent, ended)",
    "CREATE INDEX runs_live ON runs (task) WHERE state != 'ended'",
    "CREATE INDEX requests_open ON requests (task) WHERE state IN ('open', 'answered')",
    "CREATE INDEX messages_new ON messages (due) WHERE stage = 'new'",
    "CREATE INDEX messages_task ON messages (task, seen)",
    "CREATE INDEX submissions_open ON submissions (task) WHERE state IN ('queued', 'green', 'approved')",
)

EVENTS = (
    "CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, actor TEXT, kind TEXT, task TEXT, data TEXT)"
)
