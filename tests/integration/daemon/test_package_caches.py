"""Caches of npm and pip: filled by set-up, read by agents and verification without a network, poisoned by nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.core.model import CacheTool, SandboxLevel, SandboxSpec
from coworkd.daemon.slot_jobs import SlotJobs
from coworkd.dispatch.executors.slot_results import SlotReady, SlotRequest
from coworkd.merge.branch_jobs import RunBase
from coworkd.merge.verification import Verification, gate_context, verify
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import UNCONFINED, Confinement, SandboxCapabilities
from coworkd.system.sandbox_probes.detection import find
from coworkd.system.work_environment import slot_variables, with_caches
from tests.integration.gitkit import Checkout, checkout
from tests.package_server import PackageServer, package_server

BOTH = frozenset({CacheTool.NPM, CacheTool.PIP})
NPM = "npm ci --no-audit --no-fund"
PYTHON = f"{os.path.realpath(sys.base_prefix)}/bin/python3"
PIP = f"{PYTHON} -m pip install --disable-pip-version-check --no-deps --trusted-host 127.0.0.1 --target vendor "
ORDER = SlotRequest(
    number=1, task="t", run="r1", attempt=1, epoch=0, agent="ed", start_from="", restore="", reviewed=None,
    branch="cowork/integration", target="main", tip="", setup=(), copy=(), sandbox=SandboxSpec(), caches=BOTH,
)  # fmt: skip

FETCH = (
    'cd "$npm_config_cache" && mkdir -p _cacache/content-v2/sha512 _cacache/index-v5 && '
    "echo red > _cacache/content-v2/sha512/a && echo sha512/a > _cacache/index-v5/a"
)
"""Leaves what npm leaves of a package."""
NEEDS_NPM = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not there")


class Place:
    """A repository with packages to install, its slots, and a gate."""

    def __init__(self, root: Path, means: SandboxCapabilities, server: PackageServer) -> None:
        self.user: Checkout = checkout(root / "repo")
        self.base = self.user.commit("packages", server.npm_files())
        self.state, self.means = root / "state", means
        self.install = (NPM, PIP + server.wheel)
        self.request = replace(
            ORDER, setup=self.install, sandbox=SandboxSpec(network=(f"127.0.0.1:{server.port}",))
        )  # fmt: skip
        self.jobs = SlotJobs(
            self.user.root, self.state, lambda _branches, _needed, _stack: RunBase(commit=self.base), threading.Event(),
            lambda: means,
        )  # fmt: skip

    def ready(self, request: SlotRequest) -> SlotReady:
        made = self.jobs.prepare(request)
        assert isinstance(made, SlotReady), made
        return made

    def agent(self, number: int, script: str) -> commands.Exit:
        """A program in a slot, confined as an agent's is, without a network."""
        folder = self.state / "slots" / str(number)
        home, tmp, work = (folder / name for name in ("home", "tmp", "work"))
        home.mkdir(exist_ok=True)
        mark = f"agent-{self.state.parent.name}-{number}"
        env = commands.clean_environment(
            home=home, tmp=tmp, run=mark, repo=mark, extra=slot_variables(self.state, number)
        )
        held = Confinement(
            means=self.means, run=mark, workdir=str(work), writable=tuple(map(str, (home, tmp, work)))
        )  # fmt: skip
        return commands.run(
            commands.ProcessSpec(
                argv=("bash", "-c", script), cwd=work, env=env, timeout=120, marker=mark,
                confinement=with_caches(held, self.state, folder),
            )
        )  # fmt: skip

    def shared(self) -> dict[str, str]:
        """Every file of the shared caches of packages, and what is in it."""
        folder = self.state / "caches"
        files = [file for tool in BOTH for file in (folder / tool).rglob("*") if file.is_file() or file.is_symlink()]
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def place(tmp_path: Path, level: SandboxLevel, server: PackageServer) -> Place:
    means = UNCONFINED if level is SandboxLevel.NONE else find(tmp_path / "sandbox", level)
    if means.level is not level:
        pytest.skip(means.unavailable_reason)
    return Place(tmp_path, means, server)


def fetched(tmp_path: Path) -> Place:
    """A place without a sandbox whose caches have been filled."""
    here = Place(tmp_path, UNCONFINED, PackageServer(9, []))
    here.request = replace(here.request, setup=(FETCH,))
    here.ready(here.request)
    assert len(here.shared()) == 2
    return here


@NEEDS_NPM
@pytest.mark.parametrize("level", [SandboxLevel.NONE, SandboxLevel.BUBBLEWRAP])
def test_what_set_up_downloaded_is_installed_by_agents_and_verification_without_a_network(
    tmp_path: Path, level: SandboxLevel
) -> None:
    with package_server() as server:
        here = place(tmp_path, level, server)
        assert here.ready(here.request).notices == ()
        here.ready(replace(here.request, number=2, run="r2"))
        assert len(server.downloads) == 2, "each package once, for all slots"
    offline = f"rm -rf node_modules vendor && {NPM} --offline && {here.install[1]} && node -p 'require(`colours`)'"
    ended = here.agent(2, offline)
    assert (ended.code, ended.tail.splitlines()[-1:]) == (0, ["red"]), ended.tail
    gate = here.state / "gates" / "1"
    with here.user.open() as repo:
        checks = verify(
            repo, gate, here.base, Verification(commands=(offline,), caches=BOTH),
            gate_context(gate, marker="gate-1", repo_mark="x", timeout=120, means=here.means),
        )  # fmt: skip
    assert [check.exit for check in checks] == [0], checks[-1].tail


POISON = """
find "$npm_config_cache" "$PIP_CACHE_DIR" -type f -o -type l | while read -r file; do
    echo evil >> "$file"; chmod 777 "$file"; echo evil > "$file"
    target=$(readlink -f "$file"); echo evil >> "$target"; chmod 777 "$target"; rm -f "$target"
done
for folder in "$npm_config_cache" "$PIP_CACHE_DIR"; do
    shared=${folder/slots\\/1\\//}
    touch "$shared/evil"; rm -rf "$shared"; mv "$shared" "$shared.away"; mkdir -p "$folder/evil"
done
true
"""


@NEEDS_NPM
@pytest.mark.parametrize("level", [SandboxLevel.BUBBLEWRAP, SandboxLevel.LANDLOCK])
def test_an_agent_cannot_poison_what_others_install(tmp_path: Path, level: SandboxLevel) -> None:
    with package_server() as server:
        here = place(tmp_path, level, server)
        here.ready(here.request)
    before = here.shared()
    assert len(before) > 2
    assert here.agent(1, POISON).code == 0
    assert here.shared() == before
    here.ready(replace(here.request, run="r2"))
    ended = here.agent(1, f"rm -rf node_modules && {NPM} --offline && node -p 'require(`colours`)'")
    assert (ended.code, ended.tail.splitlines()[-1:]) == (0, ["red"]), ended.tail
    assert not (here.state / "slots/1/caches/npm/evil").exists(), "the next run has a copy of its own"


def test_nothing_that_an_agent_wrote_runs_where_the_shared_caches_are_written(tmp_path: Path) -> None:
    """Set-up on earlier work of an agent reads the shared caches like every program in a slot."""
    here = fetched(tmp_path)
    before = here.shared()
    evil = {"install.sh": 'echo evil > "$npm_config_cache/_cacache/evil"; touch "$HOME/evil"\n'}
    theirs = here.user.branch("work", here.base, evil)
    setup = ("if [ -f install.sh ]; then bash install.sh; fi",)
    # A commit to go on from, and earlier work that is restored on a landed base.
    for number, asked in enumerate(({"start_from": theirs}, {"restore": theirs}), 2):
        here.ready(replace(here.request, number=number, run=f"r{number}", setup=setup, **asked))
        assert (here.state / f"slots/{number}/caches/npm/_cacache/evil").exists()
    assert here.shared() == before
    assert not (here.state / "caches/fill/home/evil").exists()


def test_set_up_that_fails_leaves_the_caches_as_they_were_and_says_so(tmp_path: Path) -> None:
    here = fetched(tmp_path)
    before = here.shared()
    here.base = here.user.commit("more", {"requirements.txt": "x\n"})
    only_here = '[ "${PWD%/fill/repo/work}" = "$PWD" ] || { echo no disk; false; }'
    made = here.ready(replace(here.request, run="r2", setup=(only_here,)))
    assert [notice.startswith("the package caches could not be filled") for notice in made.notices] == [True]
    assert "no disk" in made.notices[0]
    assert here.shared() == before


def test_a_copy_without_a_sandbox_has_no_link_into_the_shared_cache(tmp_path: Path) -> None:
    here = fetched(tmp_path)
    copies = [file for file in (here.state / "slots/1/caches").rglob("*") if not file.is_dir()]
    assert copies
    assert not any(file.is_symlink() for file in copies)


def test_without_the_setting_there_are_no_caches(tmp_path: Path) -> None:
    here = fetched(tmp_path)
    here.ready(replace(here.request, run="r2", caches=frozenset()))
    assert "npm_config_cache" not in slot_variables(here.state, 1)
