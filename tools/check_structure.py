"""Counts what the structure of the package promises, prints the numbers, and fails where one is over its limit.

Counted: public class names that stand in several modules, SQL outside of `coworkd.store`, words of the stop list, files
and functions that are too long. A limit may only be lowered. Run by `make lint`; standard library only.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "coworkd"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40

LIMITS = {
    "class names in several modules": 0,
    "SQL statements outside store": 0,
    "words of the stop list": 0,
    f"files over {MAX_FILE_LINES} lines": 0,
    f"functions over {MAX_FUNCTION_LINES} lines": 0,
}
"""The most of each that is accepted."""

STOP_WORDS = re.compile(
    r"\b(nobody|somebody|wishes|nobody's|whoever|owed|anew|afresh|mends?|mended|purses?|casting|minds?"
    r"|what came|a yes|the house|rooms?|doors?|floors? of)\b",
    re.IGNORECASE,
)
"""Private words: each has a standard term in docs/glossary.md."""
_SHIPPED = "coworkd/store/migrations.py"
"""Names the columns as they were; a step that has shipped is never changed."""

_STATEMENT = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CREATE|DROP|ALTER|PRAGMA)\b")
_CALLS = frozenset({"query", "query_in", "among", "all_among", "execute", "executemany", "scalar"})
_OTHER_EXECUTE = ("coworkd/system/git/runner.py",)
"""Modules whose `execute` is another library's."""
_CONDITIONAL_CALLS = frozenset({"one", "all", "rows", "select"})
"""Calls that run SQL where they are given a condition."""


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Path below the project, text and tree of every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield path.relative_to(ROOT).as_posix(), text, ast.parse(text)


def repeated_classes(trees: list[tuple[str, str, ast.Module]]) -> list[str]:
    """Public names of classes that more than one module defines."""
    where: defaultdict[str, list[str]] = defaultdict(list)
    for path, _, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(path)
    return [f"{name}: {', '.join(paths)}" for name, paths in sorted(where.items()) if len(paths) > 1]


def foreign_statements(trees: list[tuple[str, str, ast.Module]]) -> list[str]:
    """SQL text, and calls that run some, outside of the store."""
    found = {
        f"{path}:{node.lineno}"
        for path, _, tree in trees
        if not path.startswith(("coworkd/store/", *_OTHER_EXECUTE))
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and (_is_statement(node) or _runs_sql(node))
    }
    return sorted(found)


def _is_statement(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_STATEMENT.match(node.value))


def _runs_sql(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    conditions = [word for word in node.args[1:2] if isinstance(word, (ast.Constant, ast.JoinedStr))]
    return node.func.attr in _CALLS or (node.func.attr in _CONDITIONAL_CALLS and bool(conditions))


def stop_words(trees: list[tuple[str, str, ast.Module]]) -> list[str]:
    """Every line of the package or its documentation with a private word."""
    pages = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    texts = [(path, text) for path, text, _ in trees if path != _SHIPPED]
    texts += [(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")) for page in pages]
    return [
        f"{path}:{number}: {match.group(0)}"
        for path, text in texts
        for number, line in enumerate(text.splitlines(), 1)
        for match in STOP_WORDS.finditer(line)
    ]


def long_files(trees: list[tuple[str, str, ast.Module]]) -> list[str]:
    """Modules with too many lines."""
    sizes = [(path, len(text.splitlines())) for path, text, _ in trees]
    return [f"{path}: {lines} lines" for path, lines in sizes if lines > MAX_FILE_LINES]


def long_functions(trees: list[tuple[str, str, ast.Module]]) -> list[str]:
    """Functions with too many lines."""
    return [
        f"{path}:{node.lineno}: {node.name}, {_lines(node)} lines"
        for path, _, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and _lines(node) > MAX_FUNCTION_LINES
    ]


def _lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def main() -> int:
    """Print every number, and what is over its limit; the exit code."""
    trees = list(modules())
    counts = (repeated_classes, foreign_statements, stop_words, long_files, long_functions)
    code = 0
    for (name, limit), count in zip(LIMITS.items(), counts, strict=True):
        found = count(trees)
        print(f"{len(found):5} {name} (at most {limit})")
        if len(found) > limit or "--all" in sys.argv:
            print("".join(f"        {line}\n" for line in found), end="")
        code |= len(found) > limit
    if "--words" in sys.argv:
        print(Counter(line.rsplit(": ", 1)[1].lower() for line in stop_words(trees)).most_common())
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
