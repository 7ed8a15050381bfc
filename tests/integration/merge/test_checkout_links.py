"""What leads a verification into a checkout of the user, on real files."""

from __future__ import annotations

import json
import os
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.merge.checkout_links.checkouts import Checkouts, path_outside
from coworkd.merge.checkout_links.command_links import Environment, SearchPaths
from coworkd.merge.checkout_links.python_links import python_link, site_folders
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


def environment(folder: Path) -> Path:
    """A virtual environment without pip; its packages."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    return next(folder.glob("lib/python*/site-packages"))


class Place:
    """A gate, and the search path of its commands."""

    def __init__(self, user: Checkout, repo: Repo, tmp: Path, *folders: Path) -> None:
        self.user, self.repo = user, repo
        self.gate = tmp / "state" / "gate"
        self.work = self.gate / "repo" / "work"
        self.work.mkdir(parents=True)
        self.search = os.pathsep.join([*map(str, folders), "/usr/bin", "/bin"])

    def reasons(self, command: str, *, asked: str = "") -> list[str]:
        checkouts = Checkouts.of(self.repo, self.gate)
        paths = SearchPaths(search=path_outside(self.search, checkouts), inherited=self.search)
        commit = self.user.git("rev-parse", "HEAD")
        found = Environment(self.repo, commit, self.work, paths, checkouts, lambda _: asked)
        return [link.reason for link in found.links(command)]


def test_no_folder_of_a_checkout_stays_on_the_search_path(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    user.git("worktree", "add", "-q", str(tmp_path / "other"))
    (tmp_path / "alias").symlink_to(user.root)
    for folder in (user.root / ".venv" / "bin", tmp_path / "other" / "bin"):
        folder.mkdir(parents=True)
    inside = [user.root / ".venv" / "bin", tmp_path / "alias" / ".venv" / "bin", tmp_path / "other" / "bin", user.root]
    kept = ["/usr/bin", str(tmp_path / "project-tools"), "node_modules/.bin"]
    checkouts = Checkouts.of(repo, tmp_path / "state")
    assert path_outside(os.pathsep.join([*map(str, inside), *kept]), checkouts) == os.pathsep.join(kept)
    assert path_outside(str(inside[0]), checkouts) == os.defpath


def editable_pth(packages: Path, root: Path) -> None:
    (packages / "__editable__.pkg-1.pth").write_text(f"{root}/src\n")


def editable_finder(packages: Path, root: Path) -> None:
    (packages / "__editable__.pkg-1.pth").write_text(
        "import __editable___pkg_finder; __editable___pkg_finder.install()\n"
    )
    (packages / "__editable___pkg_finder.py").write_text(f"MAPPING = {{'pkg': '{root}/src/pkg'}}\n")


def direct_url(packages: Path, root: Path) -> None:
    (packages / "pkg-1.dist-info").mkdir()
    (packages / "pkg-1.dist-info" / "direct_url.json").write_text(json.dumps({"url": root.as_uri(), "dir_info": {}}))


def egg_link(packages: Path, root: Path) -> None:
    (packages / "pkg.egg-link").write_text(f"{root}\n.\n")


def linked_package(packages: Path, root: Path) -> None:
    (packages / "pkg").symlink_to(root / "src")


@pytest.mark.parametrize("install", [editable_pth, editable_finder, direct_url, egg_link, linked_package])
@pytest.mark.parametrize(
    "command", ["python -m pytest -q", "pytest -q", "make test", "bash check.sh", "timeout 9 python x.py"]
)
def test_an_environment_that_holds_the_checkout(
    user: Checkout, repo: Repo, tmp_path: Path, install: object, command: str
) -> None:
    assert callable(install)
    (user.root / "src").mkdir(exist_ok=True)
    packages = environment(tmp_path / "venv")
    install(packages, user.root)
    script = tmp_path / "venv" / "bin" / "pytest"
    script.write_text(f"#!{tmp_path}/venv/bin/python\n")
    script.chmod(0o755)
    place = Place(user, repo, tmp_path, tmp_path / "venv" / "bin")
    assert any(str(packages) in reason and str(user.root) in reason for reason in place.reasons(command))


@pytest.mark.parametrize(
    "command", ["true", "test -e a && grep -q x b", "git status", "cargo test", "npm test", "echo python"]
)
def test_commands_that_use_no_python(user: Checkout, repo: Repo, tmp_path: Path, command: str) -> None:
    editable_pth(environment(tmp_path / "venv"), user.root)
    assert Place(user, repo, tmp_path, tmp_path / "venv" / "bin").reasons(command) == []


def test_an_environment_of_its_own_or_of_another_project(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    place = Place(user, repo, tmp_path, tmp_path / "venv" / "bin")
    elsewhere = tmp_path / "project-two"
    elsewhere.mkdir()
    editable_pth(environment(tmp_path / "venv"), elsewhere)
    packages = environment(place.work / ".venv")
    (packages / "__editable__.pkg.pth").write_text(f"{place.work}/src\n")
    assert place.reasons("python -m pytest") == []
    assert place.reasons(".venv/bin/python -m pytest") == []


def test_a_script_that_is_only_on_the_users_own_search_path(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    environment(user.root / ".venv")
    script = user.root / ".venv" / "bin" / "pytest"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    place = Place(user, repo, tmp_path, user.root / ".venv" / "bin")
    assert place.reasons("pytest -q")[0] == f"{script} leads to your checkout {user.root}"
    assert place.reasons("test -e x") == []


@pytest.mark.parametrize(
    "command", ["{root}/.venv/bin/pytest", "cd {root} && true", "python -c 'open(\"{root}/x\")'", "X={root} true"]
)
def test_a_command_that_names_the_checkout(user: Checkout, repo: Repo, tmp_path: Path, command: str) -> None:
    place = Place(user, repo, tmp_path)
    assert place.reasons(command.format(root=user.root)) != []
    assert place.reasons(command.format(root=f"{user.root}-two")) == []


def test_a_script_of_the_tree_that_names_the_checkout(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    place = Place(user, repo, tmp_path)
    (place.work / "check.sh").write_text(f"cd {user.root}\nmake\n")
    assert place.reasons("sh check.sh")[0] == f"check.sh leads to your checkout {user.root}"


def test_linked_packages_of_node(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    place = Place(user, repo, tmp_path)
    for name in ("plain", "@scope/pkg"):
        (place.work / "node_modules" / name).parent.mkdir(parents=True, exist_ok=True)
    (place.work / "node_modules" / "plain").mkdir()
    assert place.reasons("npm test") == []
    (place.work / "node_modules" / "@scope" / "pkg").symlink_to(user.root)
    assert place.reasons("npm test") == [f"{place.work}/node_modules/@scope/pkg leads to your checkout {user.root}"]
    (place.work / "node_modules" / "@scope" / "pkg").unlink()
    (place.gate / "node_modules").symlink_to(user.root)
    assert place.reasons("node x.js") == [f"{place.gate}/node_modules leads to your checkout {user.root}"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Cargo.toml", '[dependencies]\nx = {{ path = "{root}" }}\n'),
        (".cargo/config.toml", 'paths = ["{root}/x"]\n'),
        ("sub/go.mod", "replace example.com/x => {root}\n"),
        ("package.json", '{{"dependencies": {{"x": "file:{root}"}}}}'),
        ("requirements-dev.txt", "-e file://{root}\n"),
    ],
)
def test_manifests_that_name_the_checkout(user: Checkout, repo: Repo, tmp_path: Path, path: str, text: str) -> None:
    place = Place(user, repo, tmp_path)
    user.commit("near", {path: text.format(root=f"{user.root}-two")})
    assert place.reasons("cargo test") == []
    user.commit("there", {path: text.format(root=user.root)})
    assert place.reasons("cargo test") == [f"{path} leads to your checkout {user.root}"]
    assert place.reasons("true") == []


def test_settings_in_the_folders_above(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    place = Place(user, repo, tmp_path)
    (tmp_path / "go.work").write_text("go 1.22\n\nuse (\n\t./elsewhere\n)\n")
    assert place.reasons("go test ./...") == []
    (tmp_path / "go.work").write_text("go 1.22\n\nuse (\n\t./project\n)\n")
    assert place.reasons("go test ./...") == [f"{tmp_path}/go.work leads to your checkout {user.root}"]


def test_a_tool_manager_is_asked_which_python_it_starts(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    editable_pth(environment(tmp_path / "versions"), user.root)
    shim = tmp_path / "shims" / "python"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {tmp_path}/versions/bin/python "$@"\n')
    shim.chmod(0o755)
    place = Place(user, repo, tmp_path, shim.parent)
    assert place.reasons("python x.py") == []
    assert place.reasons("python x.py", asked=f"{tmp_path}/versions/bin/python") != []


def test_the_packages_of_this_very_interpreter_are_found() -> None:
    assert Path(pytest.__file__).parent.parent in site_folders(sys.executable)
    assert python_link(sys.executable, Checkouts.at(["/nowhere/at/all"], Path("/nowhere/else"))) == ("", "")
