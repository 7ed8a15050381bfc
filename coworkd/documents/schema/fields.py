"""What a key and a kind of document are: values that the tables of this package are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from coworkd.core.model import (
    SandboxMode,
    SandboxSpec,
)
from coworkd.documents.markdown import Value, normalise_key
from coworkd.documents.schema.builders import (
    Spec,
    SpecParts,
)
from coworkd.documents.schema.readers import (
    EnumReader,
    MappingReader,
    Reader,
    raw,
    texts,
)
from coworkd.documents.schema.task_readers import (
    as_list,
)


class Owner(Enum):
    """Who writes a key; the `cowork:` map is the daemon's and is not listed."""

    USER = "person"
    BOTH = "both"


class TrustLevel(Enum):
    """What a key may do when its text came by git and has not been trusted here.

    Text is typed here, trusted, or untrusted. Of settings and agents nothing counts until the file is trusted as a
    whole; of a task each key counts by its level. `coworkd trust` shows every key that is not harmless.
    """

    HARMLESS = "harmless"
    """Counts from any text: it runs nothing and lets nothing more happen than without it."""
    TIGHTENS = "tightens"
    """From untrusted text it narrows what counts here and never widens it (`core/policy/untrusted_limits.py`)."""
    NEEDS_TRUST = "needs trust"
    """Runs something, answers for a person or widens something: counts only when typed here or trusted."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of one kind of document."""

    name: str
    read: Reader
    aliases: tuple[str, ...] = ()
    owner: Owner = Owner.USER
    canonical: Callable[[Value], Value] = raw
    """The one way to write values that mean the same, by which edits are compared."""
    help: str = ""
    """What the key is for, as an editor shows it."""
    trust: TrustLevel = field(kw_only=True)
    """Without a default: each new key needs a decision on what it may do in a clone that was not reviewed."""
    misplaced: str = ""
    """The problem of a file that has it, where it has no effect."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of document."""

    folder: str
    fields: tuple[Field, ...]
    build: Callable[[SpecParts], Spec]
    help: str
    """What such a document is, as an editor shows it."""
    by_name: Mapping[str, Field] = field(init=False)
    by_key: Mapping[str, Field] = field(init=False)
    """The fields by every normalised key that means them."""
    known: frozenset[str] = field(init=False)
    """Every normalised key that means something, the daemon's map included."""

    def __post_init__(self) -> None:
        by_key = {normalise_key(key): entry for entry in self.fields for key in (entry.name, *entry.aliases)}
        object.__setattr__(self, "by_name", {entry.name: entry for entry in self.fields})
        object.__setattr__(self, "by_key", by_key)
        object.__setattr__(self, "known", frozenset(by_key) | {"cowork"})


HARMLESS, TIGHTENS, NEEDS_TRUST = TrustLevel

SANDBOX_MODE = EnumReader(SandboxMode)
SANDBOX = MappingReader(
    SandboxSpec,
    {"mode": SANDBOX_MODE, "network": texts, "allow_paths": texts},
    shorthand="mode",
    elsewhere=(("use", "only your own settings ($XDG_CONFIG_HOME/coworkd/config.yaml) say which sandbox is used"),),
)


def text_list_field(name: str, says: str, *aliases: str, trust: TrustLevel) -> Field:
    """A key that holds a list of texts."""
    return Field(name, texts, aliases, canonical=as_list, help=says, trust=trust)
