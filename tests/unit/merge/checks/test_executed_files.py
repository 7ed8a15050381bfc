from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.checks.executed_files import executed_files, executed_part, named_tests
from coworkd.merge.checks.shell_words import invocations

TREE = {
    "run_tests": "#!/bin/sh\nexec python tools/all.py\n",
    "tools/all.py": "import sys\n",
    "scripts/check.sh": "set -e\n# not: ./never.sh\n./scripts/inner.sh --all\npython3 scripts/lint.py\n",
    "scripts/inner.sh": "echo inner\n",
    "scripts/lint.py": "pass\n",
    "never.sh": "exit 0\n",
    "deploy.sh": "exit 0\n",
    "Makefile": (
        "include mk/more.mk\nPY := python3\n.PHONY: test\nall: test\n\ntest: unit lint\n\t@bash scripts/check.sh\n"
        "unit:\n\t$(PY) x.py\nlint: ; ./scripts/inner.sh\ndeploy:\n\t./deploy.sh\n"
    ),
    "mk/more.mk": "extra:\n\t./never.sh\n",
    "sub/Makefile": "test:\n\t./go.sh\n",
    "sub/go.sh": "true\n",
    "package.json": '{"scripts": {"pretest": "node scripts/pre.js", "test": "bash scripts/inner.sh && jest"}}',
    "scripts/pre.js": "",
    "tox.ini": "[testenv]\n",
    "noxfile.py": "",
    "justfile": "",
    "pkg/__main__.py": "",
    "src/tool/cli.py": "",
    "tests/test_a.py": "def test_a(): assert 1\n",
    "README.md": "",
}


@pytest.mark.parametrize(
    ("command", "paths"),
    [
        ("./run_tests", "run_tests tools/all.py"),
        ("./run_tests -v && echo ok", "run_tests tools/all.py"),
        ("bash scripts/check.sh", "scripts/check.sh scripts/inner.sh scripts/lint.py"),
        ("set -e; bash -eu scripts/inner.sh", "scripts/inner.sh"),
        ("bash -o pipefail scripts/inner.sh | tee log", "scripts/inner.sh"),
        ("bash -c 'sh scripts/inner.sh'", "scripts/inner.sh"),
        ("sh -ec 'cd scripts && ./inner.sh'", "scripts/inner.sh"),
        (". scripts/inner.sh", "scripts/inner.sh"),
        ("source ./scripts/inner.sh && pytest", "scripts/inner.sh"),
        ("cd scripts && bash inner.sh", "scripts/inner.sh"),
        ("(cd scripts; ./inner.sh)", "scripts/inner.sh"),
        ("X=1 timeout 60 bash scripts/inner.sh", "scripts/inner.sh"),
        ("env -u A B=1 ./scripts/inner.sh", "scripts/inner.sh"),
        ("uv run --with x python scripts/lint.py", "scripts/lint.py"),
        ("uv run scripts/inner.sh", "scripts/inner.sh"),
        ("if true; then ./scripts/inner.sh; fi", "scripts/inner.sh"),
        ("! ./scripts/inner.sh", "scripts/inner.sh"),
        ("python3.12 -W error scripts/lint.py", "scripts/lint.py"),
        ("python -m pkg --check", "pkg/__main__.py"),
        ("python -m tool.cli", "src/tool/cli.py"),
        ("node scripts/pre.js", "scripts/pre.js"),
        ("make test", "Makefile mk/more.mk scripts/check.sh scripts/inner.sh scripts/lint.py"),
        ("make", "Makefile mk/more.mk scripts/check.sh scripts/inner.sh scripts/lint.py"),
        ("make -j 4 deploy", "Makefile mk/more.mk deploy.sh"),
        ("make extra", "Makefile mk/more.mk never.sh"),
        ("make -C sub test", "sub/Makefile sub/go.sh"),
        ("cd sub && make", "sub/Makefile sub/go.sh"),
        ("make -f mk/more.mk extra", "mk/more.mk never.sh"),
        ("npm test", "package.json scripts/pre.js scripts/inner.sh"),
        ("npm run test -- --ci", "package.json scripts/pre.js scripts/inner.sh"),
        ("yarn test", "package.json scripts/pre.js scripts/inner.sh"),
        ("tox -e py312", "tox.ini"),
        ("python -m tox", "tox.ini"),
        ("nox", "noxfile.py"),
        ("just check", "justfile"),
        ("echo $(./scripts/inner.sh)", "scripts/inner.sh"),
        # What a command only names, reads, or hands to a test runner.
        ("pytest", ""),
        ("pytest tests/", ""),
        ("pytest tests/test_a.py::test_a", ""),
        ("python -m pytest tests/test_a.py", ""),
        ("python -c 'import tools'", ""),
        ("grep -q x README.md scripts/check.sh", ""),
        ("cat scripts/check.sh", ""),
        ("test -x scripts/check.sh", ""),
        ("npm run build", ""),
        ("npm ci", ""),
        ("ruff check .", ""),
        ("cargo test", ""),
        ("../run_tests", ""),
        ("bash missing.sh", ""),
        ("bash 'unclosed", ""),
        ("", ""),
    ],
)
def test_the_files_that_a_command_executes(command: str, paths: str) -> None:
    assert set(executed_files([command], TREE.get)) == set(paths.split())


def test_scripts_that_call_each_other_end() -> None:
    tree = {"a.sh": "bash b.sh\n", "b.sh": "bash a.sh\n"}
    assert executed_files(["bash a.sh"], tree.get) == {"a.sh": "bash a.sh", "b.sh": "bash a.sh"}


def test_of_a_package_json_its_scripts_are_executed() -> None:
    one, other = '{"scripts": {"test": "jest"}, "version": "1"}', '{"version": "2", "scripts": {"test": "jest"}}'
    assert executed_part("web/package.json", one) == executed_part("web/package.json", other)
    assert executed_part("package.json", one) != executed_part("package.json", "{}")
    assert executed_part("package.json", "[") == {}


def test_what_a_runner_is_given_is_a_test() -> None:
    commands = ["pytest -q checks/accept.py::test_x more/", "cd web && npx jest a.js", "bash scripts/check.sh"]
    assert {"checks/accept.py", "more", "web/a.js"} <= named_tests(commands)
    assert "scripts/check.sh" not in named_tests(commands)


@given(st.text(alphabet="ab/.-$(){}[];|&<>'\"\\ #\n\t=`"))
def test_any_text_is_read(text: str) -> None:
    list(invocations(text))
    executed_files([text], {"a": text, "Makefile": text, "package.json": text}.get)
