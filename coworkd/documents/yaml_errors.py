"""libyaml's error messages, reworded for a user who wants to correct the line.

Pure. A message says what to write instead; a complaint that is not in the table is passed on as it is.
"""

from __future__ import annotations

_ADVICE = (
    ("mapping values are not allowed", False, "`: ` cannot stand here; put a value that holds it in quotes"),
    ("could not find expected ':'", True, "this is not `key: value`; add the `:` or put a `#` in front"),
    ("unexpected end of stream", True, "the quote that opens here never closes; add it, or quote the whole value"),
    ("expected ',' or", True, "the bracket that opens here never closes; add it, or put the value in quotes"),
    ("expected node content", False, "a value is missing here, or a bracket before it never closes"),
    ("did not find expected key", False, "start every key of a map at the same column, and quote a value as a whole"),
    ("block sequence entries", False, "a list starts on the line below its key; or write `[a, b]`"),
    ("expected '-' indicator", False, "start every `-` of a list at the same column, with spaces"),
    ("unknown escape", False, "write `\\\\` for a backslash in double quotes, or use single quotes"),
)
"""By libyaml's words: whether the start of the construct is the better place to point at, and what to write."""


def advice(problem: str, character: str) -> tuple[str, bool]:
    """What to write, and whether to point at the start of the construct; `character` is the one complained about."""
    if "cannot start any token" in problem:
        return _bad_start(character), False
    for words, by_start, message in _ADVICE:
        if words in problem:
            return message, by_start
    return f"not readable as YAML ({problem})", False


def _bad_start(character: str) -> str:
    if character == "\t":
        return "a tab stands where only spaces may; indent with spaces"
    return f"a value cannot start with `{character}`; put it in quotes"
