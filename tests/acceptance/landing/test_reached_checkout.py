"""A verification that imports the user's own files says nothing about a change, and is never called one."""

from __future__ import annotations

import json
import venv
from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site

BREAKS = "echo 'raise SystemExit(1)' > src/pkg/__init__.py; echo broken"


def editable(w: Site, folder: Path) -> str:
    """A virtual environment that holds the checkout as an editable install; what leads there."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    packages = next(folder.glob("lib/python*/site-packages"))
    link = packages / "__editable__.pkg-1.pth"
    link.write_text(f"{w.repo}/src\n")
    w.env["PATH"] = f"{folder}/bin:{w.env['PATH']}"
    return str(link)


def problems(w: Site) -> list[str]:
    """What is said of the workspace's environment."""
    told = json.loads(w.cmd("status", "--json").stdout)["problems"]
    return [one["message"] for one in told if "leads to your checkout" in one["message"]]


@pytest.mark.parametrize("mode", ["off", "auto"])
def test_an_editable_install_of_the_checkout_verifies_nothing(w: Site, mode: str) -> None:
    settings = w.home / ".config" / "coworkd" / "config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"sandbox: {{mode: {mode}}}\n")
    w.write("src/pkg/__init__.py", "x = 1\n")
    w.write("check.py", "import pkg\nassert pkg.x == 1\n")
    w.commit("package")
    link = editable(w, w.root / "venv")
    w.agent("ed", BREAKS)
    w.config('approve: []\nverify: ["python check.py"]\n')
    w.task("one")
    w.task("two")
    w.up()
    for task in ("one", "two"):
        first = w.reviewed(task).split("---\n", 2)[2].strip().splitlines()[0]
        assert first.startswith(f"Not verified: {link} leads to your checkout {w.repo}")
        assert "Verified" not in first
        assert w.field(f"tasks/{task}.md", "attempt") == "1"
    (problem,) = problems(w)
    assert "docs/verification.md" in problem
    assert "coworkd doctor --verify" in problem
    assert "raise" not in w.show("cowork/integration:src/pkg/__init__.py")


def test_with_an_environment_of_its_own_it_is_verified_again_by_itself(w: Site) -> None:
    w.write("src/pkg/__init__.py", "x = 1\n")
    w.write("check.py", "import pkg\nassert pkg.x == 1\n")
    w.write(".gitignore", ".env-of-its-own\n")
    w.commit("package")
    editable(w, w.root / "venv")
    w.agent("breaks", BREAKS)
    w.agent("fine", "echo 'y = 2' > src/pkg/other.py")
    w.config('approve: []\nmax_attempts: 1\nverify: ["python check.py"]\n')
    w.task("bad", agent="breaks")
    w.task("good", agent="fine")
    w.up()
    w.reviewed("bad")
    w.reviewed("good")
    make = "python3 -m venv --without-pip .env-of-its-own && echo $PWD/src > $(echo .env-of-its-own/lib/python*/site-packages)/x.pth"
    w.config(f"approve: []\nmax_attempts: 1\nsetup: ['{make}']\nverify: ['.env-of-its-own/bin/python check.py']\n")
    w.until("good", "done")
    w.until("bad", "failed")
    assert problems(w) == []


def test_what_is_on_the_search_path_in_the_checkout_is_left_out(w: Site) -> None:
    w.write(".gitignore", ".venv\n")
    w.commit("ignore")
    w.write(".venv/bin/checker", "#!/bin/sh\ntrue\n").chmod(0o755)
    w.env |= {"PATH": f"{w.repo}/.venv/bin:{w.env['PATH']}", "VIRTUAL_ENV": f"{w.repo}/.venv", "NODE_PATH": str(w.repo)}
    w.agent("ed", "echo x > made.$COWORK_TASK")
    w.config('approve: []\nverify: ["checker"]\n')
    w.task("gone")
    w.task(
        "clean",
        f'verify: ["test -z \\"$VIRTUAL_ENV$PYTHONPATH$NODE_PATH\\"", "case $PATH in *{w.repo}*) exit 1;; esac"]\n',
    )
    w.up()
    first = w.reviewed("gone").split("---\n", 2)[2].strip().splitlines()[0]
    assert first.startswith(f"Not verified: {w.repo}/.venv/bin/checker leads to your checkout {w.repo}")
    w.approve("gone")
    w.until("gone", "done")


def test_doctor_runs_the_verification_on_the_unchanged_tip(w: Site) -> None:
    w.write("check.py", "import pkg\nprint('looked at', pkg.x)\n")
    w.write("src/pkg/__init__.py", "x = 1\n")
    w.commit("package")
    assert "coworkd doctor --verify" in w.cmd("doctor", check=False).stdout
    w.config('verify: ["echo first", "PYTHONPATH=src python3 check.py"]\n')
    told = w.cmd("doctor", "--verify").stdout
    assert "$ echo first\nfirst\n" in told
    assert "looked at 1\n" in told
    w.config('verify: ["echo said before; exit 3"]\n')
    red = w.cmd("doctor", "--verify", check=False)
    assert red.returncode == 1
    assert "said before\n" in red.stdout
    assert "ends with 3 on the tip without any change" in red.stdout
    w.config("")
    assert "there is no command to run" in w.cmd("doctor", "--verify", check=False).stdout
    link = editable(w, w.root / "venv")
    w.config('verify: ["python check.py"]\n')
    astray = w.cmd("doctor", "--verify", check=False)
    assert astray.returncode == 1
    assert f"{link} leads to your checkout {w.repo}" in astray.stdout
    assert "docs/verification.md" in astray.stdout
    report = json.loads(w.cmd("doctor", "--verify", "--json", check=False).stdout)
    assert (report["ok"], report["checks"][0]["command"]) == (False, "python check.py")
