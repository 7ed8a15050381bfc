"""Values as YAML text that reads back as the same values, quoted only where plain text would not.

Pure, and the only place that writes YAML. Numbers come as text and stay bare (`rev: 7`): the reader knows text alone.
It must never wrap lines: every value is written on one.
"""

from __future__ import annotations

import re

from coworkd.documents.yaml_reader import NULLS, Value

_UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff"
_NOT_PLAIN = re.compile(
    rf"""^[-?:](?:\s|$) | ^[,\[\]{{}}\#&*!|>'"%@`] | ^---|^\.\.\.|^<{{7}}|^={{7}}
    | :\s|:$ | \s\# | ^\s|\s$ | [{_UNPRINTABLE}]""",
    re.VERBOSE,
)
_NOT_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}?]|:(?![\w/\\])|^:")
_ESCAPED = re.compile(rf'["\\{_UNPRINTABLE}]')
_NO_COMMENT = re.compile(rf"[{_UNPRINTABLE}]")
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def inline(value: Value, *, flow: bool) -> str:
    """A value on one line; `flow` tells that it stands within `[...]` or `{...}`, where more needs quotes."""
    if isinstance(value, list):
        return f"[{', '.join(inline(item, flow=True) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(inline_pair(key, item) for key, item in value.items())}}}"
    return "null" if value is None else _write_scalar(value, flow=flow)


def inline_pair(key: str, value: Value) -> str:
    """`key: value` as it stands within `{...}`."""
    return f"{_write_scalar(key, flow=True)}: {inline(value, flow=True)}"


def pair_line(key: str, value: Value) -> str:
    """`key: value` as a line of a block map, without indentation and line ending."""
    return f"{_write_scalar(key, flow=False)}: {inline(value, flow=False)}"


def pair_lines(key: str, value: Value) -> list[str]:
    """A top-level key as lines without endings: a map as a block indented by two spaces, all else on one line."""
    if isinstance(value, dict) and value:
        return [f"{_write_scalar(key, flow=False)}:", *(f"  {pair_line(name, item)}" for name, item in value.items())]
    return [pair_line(key, value)]


def comment(text: str) -> str:
    """A comment line without its ending; what no comment can hold becomes a space."""
    return f"# {' '.join(_NO_COMMENT.sub(' ', text).split())}"


def _write_scalar(text: str, *, flow: bool) -> str:
    if text in NULLS or _NOT_PLAIN.search(text) or (flow and _NOT_PLAIN_IN_FLOW.search(text)):
        return f'"{_ESCAPED.sub(_escape, text)}"'
    return text


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\ud800" <= character <= "\udfff":  # no text has these; YAML cannot say them
        return "\ufffd"
    return _SHORT_ESCAPES.get(character) or f"\\u{ord(character):04x}"
