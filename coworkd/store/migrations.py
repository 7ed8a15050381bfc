"""The tables, and the steps from every earlier version to this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import sqlite_utils

from coworkd.store.first_tables import EVENTS, INDEXES, TABLES, TYPES
from coworkd.store.pattern_tables import PATTERN_TABLES


def _first(db: sqlite_utils.Database) -> None:
    for name, (columns, key) in TABLES.items():
        typed = {column.split(":")[0]: TYPES[column.split(":")[1]] for column in columns.split()}
        db.create_table(name, typed, pk=key)
    for statement in (EVENTS, *INDEXES):
        db.conn.execute(statement)


_AGENTS = {
    "runs": (
        "session TEXT NOT NULL DEFAULT ''",
        "model TEXT NOT NULL DEFAULT ''",
        "provider TEXT NOT NULL DEFAULT ''",
        "fallback TEXT NOT NULL DEFAULT ''",
        "billing TEXT NOT NULL DEFAULT 'api'",
        "cached_tokens INTEGER NOT NULL DEFAULT 0",
        "estimated INTEGER NOT NULL DEFAULT 0",
        "reserved_usd REAL",
        "began REAL NOT NULL DEFAULT 0",
        "first_at REAL NOT NULL DEFAULT 0",
        "heard_at REAL NOT NULL DEFAULT 0",
        "waiting_since REAL NOT NULL DEFAULT 0",
        "waited REAL NOT NULL DEFAULT 0",
        "tools TEXT NOT NULL DEFAULT '[]'",
        "context_used INTEGER NOT NULL DEFAULT 0",
        "context_window INTEGER NOT NULL DEFAULT 0",
        "error_kind TEXT NOT NULL DEFAULT ''",
        "error TEXT NOT NULL DEFAULT ''",
        "retry_at REAL",
        "iteration INTEGER NOT NULL DEFAULT 0",
        "kept TEXT NOT NULL DEFAULT ''",
        "tree TEXT NOT NULL DEFAULT ''",
        "origin TEXT NOT NULL DEFAULT ''",
    ),
    "tasks": ("anew INTEGER NOT NULL DEFAULT 0",),
    "requests": (
        "tool TEXT NOT NULL DEFAULT ''",
        "arguments TEXT NOT NULL DEFAULT ''",
        "pattern TEXT NOT NULL DEFAULT ''",
    ),
}
"""Columns of what real agents report, by table."""

_AGENT_TABLES = (
    "CREATE TABLE grants (request TEXT PRIMARY KEY, task TEXT, agent TEXT, pattern TEXT, run TEXT, at REAL)",
    "CREATE TABLE cooldowns (account TEXT PRIMARY KEY, until REAL, times INTEGER, kind TEXT, reason TEXT, since REAL)",
    (
        "CREATE TABLE usages (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, run TEXT, task TEXT, agent TEXT,"
        " input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, cost_usd REAL, estimated INTEGER,"
        " billing TEXT)"
    ),
    "CREATE INDEX usages_at ON usages (at)",
    "CREATE INDEX usages_task ON usages (task)",
)


def _agents(db: sqlite_utils.Database) -> None:
    for table, columns in _AGENTS.items():
        for column in columns:
            db.conn.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    for statement in _AGENT_TABLES:
        db.conn.execute(statement)


def _reverts(db: sqlite_utils.Database) -> None:
    db.conn.execute("ALTER TABLE submissions ADD COLUMN kind TEXT NOT NULL DEFAULT 'work'")
    db.conn.execute("ALTER TABLE tasks ADD COLUMN reverted TEXT NOT NULL DEFAULT ''")


def _plans(db: sqlite_utils.Database) -> None:
    db.conn.execute("ALTER TABLE runs ADD COLUMN mode TEXT NOT NULL DEFAULT 'build'")


_LEDGER = (
    "ALTER TABLE runs ADD COLUMN recorded INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE requests ADD COLUMN answered_by TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE records (run TEXT PRIMARY KEY, path TEXT, sha TEXT, bytes BLOB, written INTEGER, own INTEGER)",
    "CREATE TABLE receipts (path TEXT, digest TEXT, run TEXT, PRIMARY KEY (path, digest))",
    "CREATE TABLE spoken (path TEXT PRIMARY KEY, sha TEXT)",
    "CREATE INDEX runs_unrecorded ON runs (ended) WHERE state = 'ended' AND NOT recorded",
    "CREATE INDEX records_unwritten ON records (run) WHERE NOT written",
)
"""Records of runs, what they gave back, and which words came by command."""


_APPROVALS = {
    "answers": (
        "odd TEXT NOT NULL DEFAULT ''",
        "signer TEXT NOT NULL DEFAULT ''",
        "tty INTEGER NOT NULL DEFAULT 0",
    ),
    "requests": ("risk TEXT NOT NULL DEFAULT 'medium'", "seal TEXT NOT NULL DEFAULT ''", "expires REAL"),
}
"""Columns of how an answer was given, and of what it is bound to."""


def _approvals(db: sqlite_utils.Database) -> None:
    for table, columns in _APPROVALS.items():
        for column in columns:
            db.conn.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def _presence(db: sqlite_utils.Database) -> None:
    # A scan asks for the names of all files that are there: from here, not from between their texts.
    db.conn.execute("CREATE INDEX documents_present ON documents (path, file_sha) WHERE file_sha != ''")


def _notices(db: sqlite_utils.Database) -> None:
    db.conn.execute("CREATE TABLE told (item TEXT PRIMARY KEY, at REAL)")


_STATES = (
    "CREATE INDEX runs_state ON runs (state)",
    "CREATE INDEX requests_state ON requests (state, kind)",
    "CREATE INDEX messages_stage ON messages (stage)",
    "CREATE INDEX submissions_state ON submissions (state)",
    "CREATE INDEX answers_status ON answers (status)",
)
"""Every turn asks for what is open: among few, not among all that ever was."""


def _unsandboxed_saves(db: sqlite_utils.Database) -> None:
    db.conn.execute("CREATE TABLE unsandboxed_saves (path TEXT, decision TEXT, run TEXT, agent TEXT, at REAL)")
    db.conn.execute("CREATE INDEX unsandboxed_saves_at ON unsandboxed_saves (at)")


def _held(db: sqlite_utils.Database) -> None:
    db.conn.execute("ALTER TABLE submissions ADD COLUMN held TEXT NOT NULL DEFAULT ''")


_CONTINUATIONS = (
    "ALTER TABLE submissions ADD COLUMN files TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE runs ADD COLUMN continues INTEGER NOT NULL DEFAULT 0",
)
"""What an attempt goes on with after a review, and what its agent is told of that."""


_PROOFS = (
    "ALTER TABLE submissions ADD COLUMN proof TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE submissions ADD COLUMN missing TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE runs ADD COLUMN lacks TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX submissions_missing ON submissions (task) WHERE missing != ''",
    "CREATE INDEX submissions_unsettled ON submissions (created) WHERE state = 'landed' AND proof = ''",
)
"""Where each landing is known to be, and what the base of a run did not have."""


def _agent_stops(db: sqlite_utils.Database) -> None:
    db.conn.execute(
        "CREATE TABLE agent_stops (agent TEXT PRIMARY KEY, kind TEXT, reason TEXT, file_sha TEXT, since REAL,"
        " until REAL, times INTEGER)"
    )


def _refused_hosts(db: sqlite_utils.Database) -> None:
    db.conn.execute("ALTER TABLE runs ADD COLUMN refused TEXT NOT NULL DEFAULT ''")


_ANNOUNCED = (
    "CREATE TABLE announced (path TEXT, sha TEXT, tty INTEGER, PRIMARY KEY (path, sha))",
    "INSERT INTO announced (path, sha, tty) SELECT path, sha, 0 FROM spoken",
    "DROP TABLE spoken",
)
"""A command says what it writes before it writes it; a file may be about to change to it."""


_OWN_AT_PATHS = (
    "ALTER TABLE own_bytes RENAME TO own_bytes_before",
    "CREATE TABLE own_bytes (path TEXT NOT NULL DEFAULT '', sha TEXT NOT NULL, PRIMARY KEY (sha, path))",
    (
        "INSERT OR IGNORE INTO own_bytes (path, sha)"
        " SELECT b.path, o.sha FROM own_bytes_before o JOIN bases b ON b.sha = o.sha"
        " UNION SELECT d.path, o.sha FROM own_bytes_before o JOIN documents d ON d.file_sha = o.sha"
    ),
    (
        "INSERT INTO own_bytes (path, sha) SELECT '', o.sha FROM own_bytes_before o"
        " WHERE o.sha IS NOT NULL AND NOT EXISTS (SELECT 1 FROM own_bytes n WHERE n.sha = o.sha)"
    ),
    "DROP TABLE own_bytes_before",
)
"""The same text may be typed at one path and come by git at another."""


def _machine_faults(db: sqlite_utils.Database) -> None:
    db.conn.execute("ALTER TABLE runs ADD COLUMN fault TEXT NOT NULL DEFAULT ''")


_STEPS = (
    "ALTER TABLE runs ADD COLUMN step INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE runs ADD COLUMN role TEXT NOT NULL DEFAULT 'author'",
    "UPDATE runs SET stop = 'user' WHERE stop NOT IN ('', 'lost', 'shutdown', 'budget used up')",
)
"""A task may have several runs at a time, each a step of its pattern; who stopped one is one of a few words."""


def _submission_numbers(db: sqlite_utils.Database) -> None:
    db.conn.execute("ALTER TABLE runs ADD COLUMN submission INTEGER NOT NULL DEFAULT 0")


def _fresh_start(db: sqlite_utils.Database) -> None:
    db.conn.execute("ALTER TABLE tasks RENAME COLUMN anew TO fresh_start")


def _agent_failures(db: sqlite_utils.Database) -> None:
    db.conn.execute("CREATE TABLE agent_failures (agent TEXT PRIMARY KEY, times INTEGER, file_sha TEXT)")


_WAITS = (
    "CREATE TABLE waits (scope TEXT, name TEXT, reason TEXT, PRIMARY KEY (scope, name)) WITHOUT ROWID",
    "DELETE FROM meta WHERE key >= 'wait:' AND key < 'wait;'",
)
"""Why ready tasks do not run: what holds for many of them is stored once."""


_PULLED_TASKS = ("CREATE INDEX tasks_pulled ON tasks (status) WHERE pulled",)


_STOP_MESSAGES = (
    "ALTER TABLE runs ADD COLUMN stop_message TEXT NOT NULL DEFAULT ''",
    "UPDATE runs SET stop_message = message WHERE stop = 'budget used up' AND state IN ('working', 'waiting')",
)
"""Why a run was told to stop is known before it ends, and is not how it ended."""


_LOOPS = (
    "ALTER TABLE runs ADD COLUMN promise TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE runs ADD COLUMN max_rounds INTEGER NOT NULL DEFAULT 0",
)
"""The loop that a run is a round of, as its attempt began with it."""


_CONFLICT_FACTS = ("ALTER TABLE submissions ADD COLUMN conflict TEXT NOT NULL DEFAULT ''",)
"""What a submission conflicts over, by which those that collide are resolved one after another."""


_MERGE_PROOFS = ("ALTER TABLE submissions ADD COLUMN merge_proof TEXT NOT NULL DEFAULT ''",)

_BATCHES = (
    "ALTER TABLE submissions ADD COLUMN batch_commit TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE submissions ADD COLUMN batch_place INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE submissions ADD COLUMN batch_size INTEGER NOT NULL DEFAULT 0",
)
"""Which submissions were verified together, and so land together."""


_SCALE = ("CREATE INDEX records_path ON records (path)",)
"""What is asked for each file that changes is found without reading a whole table."""


_STACKS = (
    "ALTER TABLE tasks ADD COLUMN stack INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN stacked_on TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE submissions ADD COLUMN stacked_on TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE submissions ADD COLUMN conflict_tip TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX submissions_stacked ON submissions (state) WHERE stacked_on != ''",
)
"""What tasks start from before it has landed."""


_PLANS_TABLE = (
    "CREATE TABLE plans (path TEXT PRIMARY KEY, id TEXT, sha TEXT, title TEXT, level TEXT, parent TEXT,"
    " parent_line INTEGER, place TEXT, sequential INTEGER, size REAL)"
)
_PLAN_HOLDS_TABLE = (
    "CREATE TABLE plan_holds (plan TEXT, place TEXT, awaited TEXT, awaited_place TEXT, reason TEXT,"
    " PRIMARY KEY (plan, place)) WITHOUT ROWID"
)
_PLAN_TREE = (
    "ALTER TABLE tasks ADD COLUMN plan TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE tasks ADD COLUMN place TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE tasks ADD COLUMN size REAL NOT NULL DEFAULT 1",
    "CREATE INDEX tasks_in_plans ON tasks (plan, status) WHERE plan != ''",
    _PLANS_TABLE,
    _PLAN_HOLDS_TABLE,
)
"""Plans in their hierarchy, the tasks in them, and which of these wait for an earlier child of a sequential plan."""

_QUESTIONS = ("ALTER TABLE tasks ADD COLUMN answer TEXT NOT NULL DEFAULT ''",)
"""A task may end in a message."""


_RUN_INDEXES = (
    *(f"CREATE INDEX {table}_run ON {table} (run)" for table in ("messages", "requests", "submissions")),
    "CREATE INDEX runs_ended ON runs (ended)",
    "CREATE INDEX documents_pulled ON documents (file_sha) WHERE pulled",
)
"""What is asked for each run, and for each file that is saved, is found without reading a whole table."""


_LOOP_ENDS = (
    "ALTER TABLE runs ADD COLUMN give_up TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE runs ADD COLUMN round_delay REAL NOT NULL DEFAULT 0",
)
"""How a loop ends undone, and the time between its rounds, as its attempt began with them."""


_PARKED = ("ALTER TABLE submissions ADD COLUMN parked INTEGER NOT NULL DEFAULT 0",)
"""What waits for a person because of its risk at night."""


def _all_of(statements: tuple[str, ...]) -> Callable[[sqlite_utils.Database], None]:
    """The step that executes these one after another."""

    def step(db: sqlite_utils.Database) -> None:
        for statement in statements:
            db.conn.execute(statement)

    return step


MIGRATIONS: tuple[Callable[[sqlite_utils.Database], None], ...] = (
    _first,
    _agents,
    _reverts,
    _plans,
    _all_of(_LEDGER),
    _approvals,
    _presence,
    _notices,
    _all_of(_STATES),
    _unsandboxed_saves,
    _held,
    _all_of(_CONTINUATIONS),
    _all_of(_PROOFS),
    _agent_stops,
    _refused_hosts,
    _all_of(_ANNOUNCED),
    _all_of(_OWN_AT_PATHS),
    _machine_faults,
    _all_of(_STEPS),
    _submission_numbers,
    _fresh_start,
    _agent_failures,
    _all_of(_WAITS),
    _all_of(_PULLED_TASKS),
    _all_of(_STOP_MESSAGES),
    _all_of(_LOOPS),
    _all_of(_CONFLICT_FACTS),
    _all_of(_MERGE_PROOFS),
    _all_of(_BATCHES),
    _all_of(_SCALE),
    _all_of(_STACKS),
    _all_of(_QUESTIONS),
    _all_of(PATTERN_TABLES),
    _all_of(_RUN_INDEXES),
    _all_of(_LOOP_ENDS),
    _all_of(_PARKED),
    _all_of(_PLAN_TREE),
)
"""Step N takes a database from version N to N + 1; a step that has shipped is never changed."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the present version, each step in a transaction of its own."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    db = sqlite_utils.Database(connection)
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        step(db)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
