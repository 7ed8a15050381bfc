"""Where git works, coworkd works: the user's own rules and settings, odd names of folders, a home that is not there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site

LEFT = "cat > /dev/null; echo s > a.swp; mkdir .idea; echo s > .idea/token; echo x > real.txt; echo ok"


def test_what_the_users_git_ignores_everywhere_is_not_submitted(w: Site) -> None:
    rules = w.home / ".config" / "git"
    rules.mkdir(parents=True)
    (rules / "ignore").write_text("*.swp\n")
    w.git("config", "core.excludesFile", "")
    (w.repo / ".git" / "info" / "exclude").write_text(".idea/\n")
    w.git("config", "--unset", "core.excludesFile")
    w.agent("ed", LEFT)
    w.config('approve: []\nverify: ["true"]\n')
    w.task("t")
    w.up()
    w.until("t", "done")
    assert w.tree("refs/cowork/sub/t/1") - w.tree("main") == {"real.txt"}


def test_the_same_below_a_configuration_folder_of_its_own(w: Site) -> None:
    rules = w.root / "settings" / "git"
    rules.mkdir(parents=True)
    (rules / "ignore").write_text("*.swp\n.idea/\n")
    w.env["XDG_CONFIG_HOME"] = str(rules.parent)
    w.agent("ed", LEFT)
    w.config('approve: []\nverify: ["true"]\n')
    w.task("t")
    w.up()
    w.until("t", "done")
    assert w.tree("refs/cowork/sub/t/1") - w.tree("main") == {"real.txt"}


def test_a_filter_that_only_git_info_names_is_refused_with_a_word(w: Site) -> None:
    w.write("big.bin", "pointer\n")
    w.commit("a pointer")
    (w.repo / ".git" / "info" / "attributes").write_text("*.bin filter=lfs\n")
    w.git("config", "filter.lfs.smudge", "sed s/pointer/REAL/")
    w.agent("ed", LEFT)
    w.config("max_attempts: 1\n")
    w.task("t")
    w.up()
    said = ".git/info/attributes sends files through the filter 'lfs'"
    w.wait("it is said", lambda: said in w.card("t")["why"])
    assert w.status("t") == "ready"


def test_a_shallow_and_sparse_checkout_stays_so_and_agents_see_every_file(w: Site) -> None:
    for path in ("src/a.py", "docs/a.md"):
        w.write(path, "a\n")
    origin = w.root / "origin"
    w.commit("folders")
    w.git("clone", "-q", "--bare", str(w.repo), str(origin))
    shutil.rmtree(w.repo)
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{origin}", str(w.repo)], check=True, env=w.env)
    w.git("config", "user.name", "User")
    w.git("config", "user.email", "user@example.com")
    w.git("sparse-checkout", "set", "--cone", "src")
    w.init()
    assert "`git sparse-checkout add .cowork` first" in w.cmd("commit", check=False).stderr
    w.git("sparse-checkout", "add", ".cowork")
    w.cmd("commit")
    w.agent("ed", "cat > /dev/null; cat docs/a.md >> src/a.py; echo b >> docs/a.md; echo new > docs/new.md; echo ok")
    w.config('approve: []\nverify: ["grep -q b docs/a.md && test -e docs/new.md"]\n')
    w.cmd("trust")
    w.task("t")
    w.up()
    w.until("t", "done")
    w.cmd("land")
    assert (w.show("main:docs/a.md"), w.show("main:docs/new.md"), w.show("main:src/a.py")) == ("a\nb", "new", "a\na")
    assert (w.repo / "src/a.py").read_text() == "a\na\n"
    assert not (w.repo / "docs").exists()
    assert w.git("status", "--porcelain", "--", ":!.cowork") == ""
    assert w.git("sparse-checkout", "list").split() == [".cowork", "src"]
    assert w.git("rev-parse", "--is-shallow-repository") == "true"
    w.git("fsck", "--connectivity-only")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_works_where_the_environment_calls_it_safe(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.commit("start")
    for path in [site.repo, *site.repo.rglob("*")]:
        os.lchown(path, 65534, 65534)
    refused = site.cmd("init", check=False)
    assert (refused.returncode, "dubious ownership" in refused.stderr) == (1, True)
    site.env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    site.init()
    site.cmd("trust")
    _one_task(site)


ODD = ["ls\u2028 \x85:\"q'\udce9$x", "new\nline\n"]


@pytest.fixture(params=ODD, ids=["separators", "line break"])
def odd(tmp_path: Path, request: pytest.FixtureRequest) -> Generator[Site]:
    site = Site(tmp_path, name=request.param)
    site.commit("start")
    site.init()
    yield site
    site.close()


def test_a_whole_task_in_a_folder_with_an_odd_name(odd: Site) -> None:
    odd.env["PYTHONIOENCODING"] = "utf-8:strict"
    odd.cmd("trust")
    odd.cmd("doctor", check=False)
    _one_task(odd)
    for words in (["status"], ["status", "--json"], ["show", "t"], ["diff", "t"], ["fsck"], ["recover"], ["land"]):
        odd.cmd(*words)
    odd.down()
    odd.cmd("status")
    assert "Traceback" not in odd.log()
    assert "Logging error" not in odd.log()


def _one_task(site: Site) -> None:
    site.agent("ed", "cat > /dev/null; printf x > $'lat\\351.txt'; mkdir -p .cowork; echo > $'.cowork/\\351'; echo ok")
    site.config('verify: ["true"]\n')
    site.task("t")
    site.up()
    try:
        assert "lat" in site.reviewed("t")
        site.approve("t")
        site.until("t", "done")
    finally:
        if site.repo.name == "repo":
            site.close()


def _homeless(site: Site, **env: str) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        site.env.pop(name)
    site.env |= env


@pytest.fixture
def bare(tmp_path: Path) -> Generator[Site]:
    """A repository without a workspace."""
    site = Site(tmp_path)
    site.commit("start")
    yield site
    site.close()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"HOME": "/dev/null/home"}, "/dev/null/home/.local/state/coworkd, where agents work, cannot be written"),
        ({"HOME": "/nowhere", "XDG_STATE_HOME": "/dev/null/state"}, "set XDG_STATE_HOME to one that can"),
        ({"HOME": "/nowhere", "XDG_STATE_HOME": "/tmp/st\udce9"}, "is not UTF-8: set XDG_STATE_HOME"),
    ],
)
def test_without_a_place_for_state_nothing_is_made_and_why_is_said(bare: Site, env: dict[str, str], said: str) -> None:
    _homeless(bare, **env)
    refused = bare.cmd("init", check=False)
    assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr
    assert not (bare.repo / ".cowork").exists()


def test_a_workspace_that_lost_its_place_for_state_says_so(w: Site) -> None:
    w.env["XDG_STATE_HOME"] = "/dev/null/state"
    for words in (["up"], ["up", "--detach"], ["trust"]):
        refused = w.cmd(*words, check=False)
        assert (refused.returncode, "cannot be written" in refused.stderr) == (1, True), refused.stderr
    found = {line["name"]: line for line in json.loads(w.cmd("doctor", "--json", check=False).stdout)["checks"]}
    assert (found["state"]["level"], found["state"]["advice"]) == ("bad", "set XDG_STATE_HOME to one that can")
    for words in (["status"], ["list"], ["new", "later"], ["show", "later"], ["doctor"], ["agents"], ["down"]):
        assert w.cmd(*words, check=False).returncode in (0, 1)


def test_a_home_that_does_not_exist_is_not_needed(bare: Site) -> None:
    _homeless(bare, HOME="relative", XDG_STATE_HOME=str(bare.root / "state"), XDG_CONFIG_HOME="also/relative")
    bare.init()
    _one_task(bare)
