"""The tests of files in other languages than Python, by patterns. Pure; the extent of a test is up to the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from coworkd.merge.checks.test_cases import Case, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How tests are written in a language."""

    suffixes: tuple[str, ...]
    test: re.Pattern[str]
    """The head of a test, with its `name` and what stands before it, from which `skip` can be told."""
    skip: re.Pattern[str]
    """In the head or the body of a test: it is left out."""
    asserts: re.Pattern[str]
    constant: re.Pattern[str] = re.compile(r"(?!)")
    """An assertion that is always true."""
    marked: re.Pattern[str] = re.compile("")
    """What the head has to hold, where `test` also matches other functions."""
    focus: re.Pattern[str] = re.compile(r"(?!)")
    group_skip: re.Pattern[str] = re.compile(r"(?!)")
    """Leaves a group or a file out."""
    comment: re.Pattern[str] = re.compile(r"(?!)")


_STRINGS = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"
_C_COMMENT = re.compile(rf"({_STRINGS})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_RUST_COMMENT = re.compile(r"(\"(?:\\.|[^\"\\])*\")|//[^\n]*|/\*.*?\*/", re.DOTALL)
_HASH_COMMENT = re.compile(r"(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|(?<![$\w{])#[^\n]*")
_TRUE = r"(?:true|1|!0)"

LANGUAGES = (
    Language(
        suffixes=(".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts"),
        test=re.compile(
            r"(?<![\w$])(?P<head>(?:Deno\.)?[xf]?(?:it|test|specify)(?:\.\w+){0,4})"
            r"\s*(?:\([^()]{0,4000}\)\s*)?\(\s*(?:\{\s*name:\s*)?(?P<quote>[\"'`])(?P<name>.{0,300}?)(?P=quote)"
        ),
        skip=re.compile(
            r"^x|\.(?:skip|skipIf|todo|fails|failing|fixme)\b|\bskip:\s*(?:true|[\"'`])|\b(?:t|ctx|this|context|test)\.(?:skip|fixme)\("
        ),
        asserts=re.compile(r"\bexpect\w*\s*\(|\bassert\w*(?:\.\w+)*\s*\(|(?<![\w.])t\.\w+\(|\.should\b|\bfail\s*\("),
        constant=re.compile(rf"\bexpect\(\s*{_TRUE}\s*\)|\bassert(?:\.ok|\.equal)?\(\s*{_TRUE}\s*[,)]"),
        focus=re.compile(r"(?<![\w$])(?:(?:it|test|describe|suite|context|specify)(?:\.\w+)*\.only\b|f(?:it|describe)\s*\()|\bonly:\s*true"),
        group_skip=re.compile(r"(?<![\w$])(?:(?:describe|suite|context)\.(?:skip|skipIf|todo)\b|xdescribe\s*\(|xcontext\s*\()"),
        comment=_C_COMMENT,
    ),
    Language(
        suffixes=(".rs",),
        test=re.compile(
            r"(?P<head>(?:#\[[^\]\n]{0,200}\]\s{0,40}){0,8}#\[(?:\w+::)*(?:test|rstest|test_case|quickcheck)\b[^\n]{0,200}\]\s{0,40}"
            r"(?:#\[[^\]\n]{0,200}\]\s{0,40}){0,8})(?:pub\s+)?(?:async\s+)?(?:unsafe\s+)?fn\s+(?P<name>\w+)"
        ),
        skip=re.compile(r"#\[(?:ignore\b|cfg_attr\([^\]]*\bignore\b)|#\[cfg\((?!test\b)[^\]]*\)\]"),
        asserts=re.compile(r"\b(?:debug_|prop_)?assert\w*!|\bassert_\w+\s*\(|\bpanic!|\bunwrap_err\(|#\[should_panic"),
        constant=re.compile(rf"\bassert!\(\s*{_TRUE}\s*[,)]"),
        group_skip=re.compile(r"#!\[cfg\("),
        comment=_RUST_COMMENT,
    ),
    Language(
        suffixes=(".go",),
        test=re.compile(r"^(?P<head>func)\s+(?P<name>(?:Test|Fuzz|Example)\w*)\s*\(", re.MULTILINE),
        skip=re.compile(r"\b[tfb]\.Skip(?:Now|f)?\("),
        asserts=re.compile(r"\b[tfb]\.(?:Errorf?|Fatalf?|Fail(?:Now)?)\(|\b(?:assert|require|is|qt|check)\.\w+\("),
        group_skip=re.compile(r"^//\s?(?:go:build|\+build)\b", re.MULTILINE),
        comment=re.compile(rf"({_STRINGS}|//go:build[^\n]*|// \+build[^\n]*)|//[^\n]*|/\*.*?\*/", re.DOTALL),
    ),
    Language(
        suffixes=(".java", ".kt", ".kts", ".groovy", ".scala", ".cs", ".swift"),
        test=re.compile(
            r"(?P<head>(?:[@\[]\w+(?:\([^()\n]{0,200}\))?\]?\s{1,60}){1,8})[^;{}()@\[]{0,200}?"
            r"(?P<name>\w+|`[^`\n]+`)\s*\([^;{}()]{0,200}\)[^;{}()]{0,80}\{"
        ),
        marked=re.compile(r"@(?:Parameterized|Repeated)?Test\b|\[(?:Test|Fact|Theory|TestMethod|TestCase)\b"),
        skip=re.compile(r"@(?:Disabled|Ignore)\b|\[(?:Ignore|Explicit)\b|\bSkip\s*=|\bassume(?:True|False|That)\s*\(|XCTSkip"),
        asserts=re.compile(r"\b[aA]ssert\w*(?:\.\w+)?\s*\(|\bverify\s*\(|\bshould\w*\b|\bexpect\w*\s*\(|XCTAssert\w*|\bfail\s*\("),
        constant=re.compile(r"\b[aA]ssert(?:\.)?True\(\s*true\s*\)|XCTAssert(?:True)?\(\s*true\s*\)"),
        comment=_C_COMMENT,
    ),
    Language(
        suffixes=(".rb",),
        test=re.compile(
            r"^[ \t]*(?P<head>[xf]?(?:it|specify|scenario|example)|pending|test|skip|def)\s*\(?\s*"
            r"(?:[\"'](?P<title>[^\"'\n]{0,300})[\"']|(?P<name>test_\w+))",
            re.MULTILINE,
        ),
        skip=re.compile(r"^(?:x|pending|skip)|^\s+(?:skip|pending)\b|\bskip:\s*true", re.MULTILINE),
        asserts=re.compile(r"\bexpect\b|\b(?:assert|refute)\w*\b|\.should\w*\b|\b(?:must|wont)_\w+"),
        focus=re.compile(r"^[ \t]*f(?:it|describe|context|specify)\b|\bfocus:\s*true", re.MULTILINE),
        group_skip=re.compile(r"^[ \t]*x(?:describe|context)\b", re.MULTILINE),
        comment=_HASH_COMMENT,
    ),
    Language(
        suffixes=(".bats", ".sh"),
        test=re.compile(r"^(?P<head>@test)\s+[\"'](?P<name>[^\"'\n]{0,300})[\"']", re.MULTILINE),
        skip=re.compile(r"^\s+skip\b", re.MULTILINE),
        asserts=re.compile(r"^\s+(?:\[{1,2} |test |assert\w* |refute\w* |run )", re.MULTILINE),
        comment=_HASH_COMMENT,
    ),
    Language(
        suffixes=(".php",),
        test=re.compile(r"(?P<head>function)\s+(?P<name>test\w+)\s*\("),
        skip=re.compile(r"markTest(?:Skipped|Incomplete)"),
        asserts=re.compile(r"\bassert\w*\s*\(|\bexpect\w*\s*\("),
        constant=re.compile(r"\bassertTrue\(\s*true\s*\)"),
        comment=_C_COMMENT,
    ),
    Language(
        suffixes=(".ex", ".exs"),
        test=re.compile(r"^[ \t]*(?P<head>(?:@tag[^\n]*\n\s*){0,5}test)\s+\"(?P<name>[^\"\n]{0,300})\"", re.MULTILINE),
        skip=re.compile(r"@tag\s+(?::skip|skip:)"),
        asserts=re.compile(r"\b(?:assert|refute)\w*\b"),
        group_skip=re.compile(r"@moduletag\s+(?::skip|skip:)"),
        comment=_HASH_COMMENT,
    ),
)  # fmt: skip


def suite_of(language: Language, text: str) -> Suite:
    """The tests of a file in this language."""
    plain = language.comment.sub(lambda found: found[1] or " ", text)
    cases: dict[str, Case] = {}
    for case in _cases(language, plain):
        name = case.name
        number = 2
        while name in cases:
            name, number = f"{case.name} ({number})", number + 1
        cases[name] = case
    return Suite(
        cases=cases,
        focused=len(language.focus.findall(plain)),
        skips=len(language.group_skip.findall(plain)),
    )


def _cases(language: Language, plain: str) -> Iterator[Case]:
    heads = [head for head in language.test.finditer(plain) if language.marked.search(head["head"])]
    ends = [*(head.start() for head in heads[1:]), len(plain)][: len(heads)]
    for head, end in zip(heads, ends, strict=True):
        whole = plain[head.start() : end].lstrip(" \t")
        groups = head.groupdict()
        constant = len(language.constant.findall(whole))
        asserted = len(language.asserts.findall(whole)) - constant
        yield Case(
            name=groups.get("name") or groups.get("title") or "",
            assertions=max(asserted, 0),
            constant=constant,
            skipped=bool(language.skip.search(whole)),
            body=" ".join(plain[head.end() : end].split()),
        )
