"""What a task builds on that has not landed, as the database has it."""

from __future__ import annotations

from coworkd.core.stack_rules import Stack, find_stack
from coworkd.store import Database
from coworkd.store.dependencies import unmet_dependencies
from coworkd.store.stacks import dependency_facts


def stack_of(db: Database, task: str) -> Stack:
    """What a stacked task builds on now; without unmet dependencies nothing."""
    needs = unmet_dependencies(db, task)
    return find_stack(needs, dependency_facts(db, needs)) if needs else Stack()
