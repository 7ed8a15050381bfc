"""Secrets in text: finding them, and taking them out of whatever is written down.

Pure. A secret is a value that was handed over as one, or text in the form that a provider gives its keys. Forms
are few and sure: what refuses an agent's work must not be a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

REDACTED = "[secret taken out]"

MIN_SECRET_LENGTH = 8
"""Shorter values are no secrets, and stand everywhere by chance."""

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASS|CREDENTIALS?|PAT|AUTH|COOKIE|DSN)(?:$|_)"
)

_ENDINGS_OF_NO_SECRET = ("_SOCK", "_FILE", "_PATH", "_DIR", "_ID", "_NAME", "_HOST", "_MODE", "_TYPE")
_COMMON_VALUE = re.compile(r"[a-z]{1,19}|[A-Z]{1,19}|[0-9.]{1,12}|~?/[\w./~-]*")

_CERTAIN_FORMS = (
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s]{40,}(?:-----END [A-Z ]*PRIVATE KEY-----)?"),
    ("an AWS key", r"\b(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}\b"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{50,}\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abposr]-[A-Za-z0-9-]{20,}"),
    ("a Stripe key", r"\b[rs]k_live_[A-Za-z0-9]{20,}\b"),
    ("a Google key", r"\bAIza[A-Za-z0-9_-]{35}\b"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{40,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b"),
)
_LIKELY_FORMS = (
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r"(?<=Bearer )[A-Za-z0-9._~+/-]{16,}=*",
    r"(?<=://)[^\s/:@]+:[^\s/@]{3,}(?=@)",
)
_CERTAIN_PATTERNS = tuple((what, re.compile(form)) for what, form in _CERTAIN_FORMS)
_ALL_FORMS = re.compile("|".join([*(form for _, form in _CERTAIN_FORMS), *_LIKELY_FORMS]))
_FIRST_CHARACTERS = r"AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|[rs]k_live|AIza|sk-|npm_|pypi-|SG\.|hf_|eyJ"
_FORM_BEGINNING = re.compile(rf"{_FIRST_CHARACTERS}|://")

_FORM_HINT = re.compile(rf"{_FIRST_CHARACTERS}|://[^\s/:@]+:|PRIVATE KEY|Bearer ")
"""Without one of these no form is in a text: looked for first, because it is soon done."""


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    plain = name.upper().replace("-", "_")
    return bool(_SECRET_NAME.search(plain)) and not plain.endswith(_ENDINGS_OF_NO_SECRET)


def _is_distinctive(value: str) -> bool:
    """Whether it can be a secret at all: a plain word or a path would be found everywhere."""
    return len(value) >= MIN_SECRET_LENGTH and not _COMMON_VALUE.fullmatch(value)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that are known by value, beside the forms that are known to everybody."""

    values: frozenset[str] = frozenset()
    _longest_first: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = sorted((value for value in self.values if len(value) >= MIN_SECRET_LENGTH), key=len, reverse=True)
        object.__setattr__(self, "_longest_first", tuple(known))

    @classmethod
    def of(cls, variables: Iterable[tuple[str, str]]) -> Secrets:
        """The values of variables whose names say that they are secret, and each line of values with several."""
        found = {value for name, value in variables if is_secret_name(name)}
        return cls(frozenset(part for value in found for part in (value, *value.splitlines()) if _is_distinctive(part)))

    def redact(self, text: str) -> str:
        """The text without its secrets."""
        for value in self._longest_first:
            text = text.replace(value, REDACTED)
        return _ALL_FORMS.sub(REDACTED, text) if _FORM_HINT.search(text) else text

    def found(self, text: str) -> str:
        """What kind of secret is certainly in the text, never the secret itself; empty: none."""
        if any(value in text for value in self._longest_first):
            return "a value that was handed over as a secret"
        return next((what for what, form in _CERTAIN_PATTERNS if form.search(text)), "")

    def unfinished_secret_length(self, text: str) -> int:
        """How many characters at the end may be the beginning of a secret, which the next piece of text completes."""
        starts = [_overlap(text, value) for value in self.values]
        word = re.search(r"\S*\Z", text[-512:])
        if word and (begun := _FORM_BEGINNING.search(word[0])):
            starts.append(len(word[0]) - begun.start())
        return max(starts, default=0)


def _overlap(text: str, value: str) -> int:
    """The longest end of the text that is a beginning of the value, but not all of it."""
    return next((n for n in range(min(len(text), len(value) - 1), 0, -1) if text.endswith(value[:n])), 0)


NO_SECRETS = Secrets()
"""None known by value; the forms that everybody knows are looked for all the same."""
