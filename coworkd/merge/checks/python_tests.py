"""The tests of a Python file, by its syntax tree. Pure: nothing of it is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from coworkd.merge.checks.test_cases import Case, Suite

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SKIPS = frozenset({"skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure", "skipTest", "SkipTest"})
_SKIPS_MODULE = _SKIPS | {"importorskip"}
_ASSERTING = ("assert", "expect", "check", "verify", "should", "must")
_ALSO_ASSERTING = frozenset({"raises", "warns", "deprecated_call", "fail", "does_not_raise"})


def python_suite(text: str) -> Suite | None:
    """Its tests; None where it cannot be read as Python."""
    try:
        return _suite(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _suite(module: ast.Module) -> Suite:
    helpers = {one.name: one for one in ast.walk(module) if isinstance(one, _Function)}
    cases = {case.name: case for case in _cases(module.body, "", helpers, skipped=False)}
    return Suite(cases=cases, skips=sum(map(_skips_all, module.body)))


def _cases(body: Iterable[ast.stmt], prefix: str, helpers: Mapping[str, _Function], *, skipped: bool) -> Iterator[Case]:
    for one in body:
        if isinstance(one, ast.ClassDef) and _is_collected(one):
            left_out = skipped or _is_marked_skipped(one.decorator_list) or any(map(_skips_all, one.body))
            yield from _cases(one.body, f"{prefix}{one.name}.", helpers, skipped=left_out)
        elif isinstance(one, _Function) and one.name.startswith("test"):
            yield _case(one, prefix, helpers, skipped=skipped)


def _is_collected(found: ast.ClassDef) -> bool:
    bases = [_last_name(base) for base in found.bases]
    return found.name.startswith("Test") or any("TestCase" in name or name.startswith("Test") for name in bases)


def _case(found: _Function, prefix: str, helpers: Mapping[str, _Function], *, skipped: bool) -> Case:
    cases = 1
    for decorator in found.decorator_list:
        cases *= _parametrized(decorator)
    inner = any(_calls_skip(node) for node in ast.walk(found) if isinstance(node, ast.Call | ast.Raise))
    return Case(
        name=prefix + found.name,
        assertions=_assertions(found, helpers, frozenset()),
        constant=sum(_is_constant_assert(node) for one in _reachable_statements(found.body) for node in ast.walk(one)),
        skipped=skipped or inner or cases == 0 or _is_marked_skipped(found.decorator_list),
        cases=cases,
        body="\n".join(ast.dump(one) for one in found.body),
    )


def _parametrized(decorator: ast.expr) -> int:
    """How many cases a `parametrize` makes, as far as they are written there."""
    if not isinstance(decorator, ast.Call) or _last_name(decorator.func) != "parametrize":
        return 1
    values = [*decorator.args[1:2], *(word.value for word in decorator.keywords if word.arg == "argvalues")]
    return len(values[0].elts) if values and isinstance(values[0], ast.List | ast.Tuple | ast.Set) else 1


# ---- what leaves tests out


def _is_marked_skipped(decorators: Iterable[ast.expr]) -> bool:
    return any(_SKIPS.intersection(_names(one)) for one in decorators)


def _skips_all(statement: ast.stmt) -> bool:
    """Whether a statement of a module or class leaves all its tests out."""
    if isinstance(statement, ast.Assign):
        names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
        off = isinstance(statement.value, ast.Constant) and not statement.value.value
        return ("pytestmark" in names and bool(_SKIPS.intersection(_names(statement.value)))) or (
            off and "__test__" in names
        )
    if isinstance(statement, _Function | ast.ClassDef):
        return False
    return any(
        _last_name(node.func) in _SKIPS_MODULE or _ends_the_program(node)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
    )


def _ends_the_program(call: ast.Call) -> bool:
    return ast.unparse(call.func) in ("os._exit", "sys.exit", "exit", "quit", "pytest.exit")


def _calls_skip(node: ast.Call | ast.Raise) -> bool:
    raised = node.func if isinstance(node, ast.Call) else node.exc
    return raised is not None and _last_name(raised) in _SKIPS


# ---- what asserts


def _assertions(found: _Function, helpers: Mapping[str, _Function], within: frozenset[str]) -> int:
    seen = within | {found.name}
    return sum(
        _count_assertions(node, helpers, seen) for one in _reachable_statements(found.body) for node in ast.walk(one)
    )


def _reachable_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements up to one that ends the function."""
    for one in body:
        yield one
        if isinstance(one, ast.Return | ast.Raise):
            return


def _count_assertions(node: ast.AST, helpers: Mapping[str, _Function], within: frozenset[str]) -> int:
    if isinstance(node, ast.Assert):
        return int(not _is_constant(node.test))
    if not isinstance(node, ast.Call):
        return 0
    name = _last_name(node.func)
    if name in helpers:
        return 0 if name in within else _assertions(helpers[name], helpers, within)
    if name in _ALSO_ASSERTING or name.lstrip("_").startswith(_ASSERTING):
        return int(not (node.args and all(map(_is_constant, node.args)) and name.startswith("assert")))
    return 0


def _is_constant_assert(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) and _is_constant(node.test)


def _is_constant(expression: ast.expr) -> bool:
    """Whether it says the same whatever the program does."""
    telling = ast.Name | ast.Call | ast.Attribute | ast.Await
    return not any(isinstance(node, telling) for node in ast.walk(expression))


def _names(expression: ast.expr) -> set[str]:
    nodes = list(ast.walk(expression))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in nodes if isinstance(node, ast.Name)}


def _last_name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Call):
        return _last_name(expression.func)
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
