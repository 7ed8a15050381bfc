"""What the fields of a reply block may hold, and the forms that prompts show.

Pure. Everything is exact: an unknown key, a word in another spelling or a placeholder of the form is refused, with what
to write instead. What resembles a decision is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from coworkd.core.errors import DocumentError
from coworkd.core.reply_blocks import (
    AnswerBlock,
    BallotBlock,
    BlockKind,
    Decision,
    FindingsBlock,
    HandoffBlock,
    ReplyBlock,
    ReviewFinding,
    Severity,
    VerdictBlock,
)
from coworkd.documents.yaml_reader import Value

Word = TypeVar("Word", bound=StrEnum)

MAX_SCORE = 10.0

_CLAIM_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_SCORE = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,6})?")
_DECISIONS = " | ".join(Decision)
_SEVERITIES = " | ".join(Severity)
_ANSWER = "<your answer, in as few words as say it>"
_BECAUSE = "<why, in a sentence or two>"
_WHERE = "<PATH:LINE>"
_CLAIM = "<what is wrong>"
_PROOF = "<a command that fails because of it; leave this line out if there is none>"
_SCORE_FORM = "<a number from 0 to 10>"
_NUMBER = "<number of a claim>"
_BEST, _NEXT = "<letter of the best>", "<letter of the next>"
_DONE, _LEFT, _RISK, _PATH = "<what is done>", "<what is left to do>", "<what may go wrong>", "<path of a file>"

PLACEHOLDERS = frozenset({
    _DECISIONS, _SEVERITIES, _ANSWER, _BECAUSE, _WHERE, _CLAIM, _PROOF, _SCORE_FORM, _NUMBER, _BEST, _NEXT, _DONE,
    _LEFT, _RISK, _PATH,
})  # fmt: skip
"""What a form has in the place of values: a block that still holds one was not filled in."""

_FINDING_FORM = f"""\
  - severity: {_SEVERITIES}
    where: "{_WHERE}"
    claim: "{_CLAIM}"
    proof: "{_PROOF}"
"""
_FINDINGS_FORM = f"findings: # or [] where there are none\n{_FINDING_FORM}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTerms:
    """What is asked for beside the kind of block."""

    letters: tuple[str, ...] = ()
    """The letters that a ballot has to rank, all of them."""
    scored: bool = False
    """A verdict has to have a score."""
    claims: int = 0
    """An answer has to mark so many numbered claims, from 1, each as adopted or as dissent."""


def form_text(kind: BlockKind, terms: BlockTerms) -> str:
    """The lines of a block with placeholders for values; as it stands it cannot be read."""
    match kind:
        case BlockKind.ANSWER:
            marks = f'adopted: ["{_NUMBER}"]\ndissent: ["{_NUMBER}"]\n' if terms.claims else ""
            return f'answer: "{_ANSWER}"\n{marks}because: "{_BECAUSE}"\n'
        case BlockKind.BALLOT:
            places = [_BEST, *[_NEXT] * (len(terms.letters) - 1)]
            listed = ", ".join(f'"{place}"' for place in places)
            return f'rank: [{listed}] # each of {", ".join(terms.letters)} once\nbecause: "{_BECAUSE}"\n'
        case BlockKind.VERDICT:
            score = f'score: "{_SCORE_FORM}"\n' if terms.scored else ""
            return f'decision: {_DECISIONS}\n{score}{_FINDINGS_FORM}because: "{_BECAUSE}"\n'
        case BlockKind.FINDINGS:
            return _FINDINGS_FORM
        case BlockKind.HANDOFF:
            return f'done: ["{_DONE}"]\nleft: ["{_LEFT}"]\nrisks: ["{_RISK}"]\npaths: ["{_PATH}"]\n'


def read_fields(kind: BlockKind, fields: Mapping[str, Value], terms: BlockTerms) -> ReplyBlock:
    """The block that these fields make. Raises DocumentError, with the key, for anything else."""
    match kind:
        case BlockKind.ANSWER:
            return _answer(fields, terms)
        case BlockKind.BALLOT:
            _refuse_unknown(fields, ("rank", "because"))
            rank = _required(fields, "rank", lambda value: _ranked(value, terms.letters))
            return BallotBlock(rank=rank, because=_because(fields))
        case BlockKind.VERDICT:
            return _verdict(fields, terms)
        case BlockKind.FINDINGS:
            _refuse_unknown(fields, ("findings",))
            return FindingsBlock(findings=_required(fields, "findings", _findings))
        case BlockKind.HANDOFF:
            return _handoff(fields)


def _answer(fields: Mapping[str, Value], terms: BlockTerms) -> AnswerBlock:
    _refuse_unknown(fields, ("answer", "because", "adopted", "dissent"))
    adopted, dissent = (_read(fields, key, _numbers) or () for key in ("adopted", "dissent"))
    if terms.claims and sorted((*adopted, *dissent)) != list(range(1, terms.claims + 1)):
        raise DocumentError(f"write each number from 1 to {terms.claims} once, in `adopted` or in `dissent`")
    answer = _required(fields, "answer", _text)
    return AnswerBlock(answer=answer, because=_because(fields), adopted=adopted, dissent=dissent)


def _verdict(fields: Mapping[str, Value], terms: BlockTerms) -> VerdictBlock:
    _refuse_unknown(fields, ("decision", "findings", "score", "because"))
    return VerdictBlock(
        decision=_required(fields, "decision", lambda value: _word(value, Decision)),
        findings=_read(fields, "findings", _findings) or (),
        score=_required(fields, "score", _score) if terms.scored else _read(fields, "score", _score),
        because=_because(fields),
    )


def _handoff(fields: Mapping[str, Value]) -> HandoffBlock:
    names = ("done", "left", "risks", "paths")
    _refuse_unknown(fields, names)
    block = HandoffBlock(**{name: _read(fields, name, _text_list) or () for name in names})
    if block == HandoffBlock():
        raise DocumentError(f"it says nothing; it has: {', '.join(names)}")
    return block


Read = TypeVar("Read")


def _required(fields: Mapping[str, Value], key: str, read: Callable[[Value], Read]) -> Read:
    if key not in fields:
        raise DocumentError(f"`{key}` is missing")
    return _named(key, fields[key], read)


def _read(fields: Mapping[str, Value], key: str, read: Callable[[Value], Read]) -> Read | None:
    """The value of a key that may be absent."""
    return _named(key, fields[key], read) if key in fields else None


def _named(key: str, value: Value, read: Callable[[Value], Read]) -> Read:
    try:
        return read(value)
    except DocumentError as error:
        raise DocumentError(f"`{key}`: {error.message}", field=key) from error


def _because(fields: Mapping[str, Value]) -> str:
    return _read(fields, "because", _text) or ""


def _refuse_unknown(fields: Mapping[str, Value], known: Sequence[str]) -> None:
    unknown = next((key for key in fields if key not in known), None)
    if unknown is not None:
        raise DocumentError(f"{unknown!a} is not known here; it has: {', '.join(known)}", field=unknown)


def _text(value: Value) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DocumentError("a text belongs here")
    if value.strip() in PLACEHOLDERS:
        raise DocumentError("the form was not filled in")
    return value


def _word(value: Value, words: type[Word]) -> Word:
    """Exactly one of the words: what merely resembles one is none."""
    if not isinstance(value, str) or value not in {word.value for word in words}:
        raise DocumentError(f"write exactly one of {', '.join(words)}")
    return words(value)


def _score(value: Value) -> float:
    if not isinstance(value, str) or not _SCORE.fullmatch(value) or float(value) > MAX_SCORE:
        raise DocumentError("write a number from 0 to 10")
    return float(value)


def _text_list(value: Value) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise DocumentError("a list belongs here; write `[a, b]`")
    return tuple(_text(item) for item in value)


def _numbers(value: Value) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise DocumentError("a list of numbers belongs here; write `[1, 3]`")
    return tuple(_number(item) for item in value)


def _number(value: Value) -> int:
    if not isinstance(value, str) or not _CLAIM_NUMBER.fullmatch(value):
        raise DocumentError("write the numbers of claims, such as `[1, 3]`")
    return int(value)


def _ranked(value: Value, letters: Sequence[str]) -> tuple[str, ...]:
    written = tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
    if not isinstance(value, list) or len(written) != len(value) or sorted(written) != sorted(letters):
        raise DocumentError(f"write a list with each of {', '.join(letters)} once, the best first")
    return written


def _findings(value: Value) -> tuple[ReviewFinding, ...]:
    if not isinstance(value, list):
        raise DocumentError("a list belongs here; write `[]` where there are none")
    return tuple(_named(f"item {number}", item, _finding) for number, item in enumerate(value, 1))


def _finding(value: Value) -> ReviewFinding:
    if not isinstance(value, dict):
        raise DocumentError("a map belongs here; write `{severity: ..., where: ..., claim: ...}`")
    _refuse_unknown(value, ("severity", "where", "claim", "proof"))
    return ReviewFinding(
        severity=_read(value, "severity", lambda word: _word(word, Severity)) or Severity.MAJOR,
        where=_read(value, "where", _text) or "",
        claim=_required(value, "claim", _text),
        proof=_read(value, "proof", _text) or "",
    )
