"""What an installed coworkd consists of: the wheel, built as `pip install .` builds it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ["pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "coworkd", "examples"]


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made from a copy of the sources in which somebody has run the example's tests."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, symlinks=True)
        else:
            shutil.copy(ROOT / name, source / name)
    cache = source / "examples/workspace/tests/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "test_words.cpython-311.pyc").write_bytes(b"stale")
    target = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source)
    return next(target.glob("*.whl"))


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}


def test_the_wheel_holds_every_module_and_the_type_marker(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {f"coworkd/{name}" for name in files(ROOT / "coworkd") if name.endswith(".py")}
    assert modules | {"coworkd/py.typed"} <= names


def test_the_wheel_holds_every_text_for_agents(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    texts = {f"coworkd/agents/prompt/{name}" for name in files(ROOT / "coworkd/agents/prompt") if name.endswith(".md")}
    assert texts
    assert texts <= names


def test_the_wheel_holds_the_example_and_nothing_that_ran_in_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {name.removeprefix("coworkd/example/") for name in names if name.startswith("coworkd/example/")}
    assert shipped == files(ROOT / "examples/workspace")


def test_installed_code_finds_the_example(wheel: Path, tmp_path: Path) -> None:
    pip("install", "--no-deps", "--target", tmp_path, wheel)
    config = "(files('coworkd') / 'example/.cowork/config.yaml').read_text()"
    program = f"from importlib.resources import files; print({config})"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    assert "agent: scribe" in found.stdout
