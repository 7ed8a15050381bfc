"""Whose signature counts: real keys, real commits, and a list that no repository holds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from coworkd.sync.git_history import RepoHistory
from tests.integration.gitkit import Checkout, checkout

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

REVIEW = "reviews/a.md"
YES = "---\napproval: approved\ncowork: {request: q1}\n---\n"


def key(folder: Path, name: str) -> Path:
    made = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(made)], check=True)
    return made


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "repo")
    made.git("config", "gpg.format", "ssh")
    return made


@pytest.fixture
def signers(tmp_path: Path) -> Path:
    """A list with Berta in it; Eve has a key too."""
    berta, _ = key(tmp_path, "berta"), key(tmp_path, "eve")
    made = tmp_path / "allowed_signers"
    made.write_text(f"berta@example.org {berta.with_suffix('.pub').read_text()}")
    return made


def signed(user: Checkout, with_key: Path | None, text: str = YES) -> None:
    user.write(f".cowork/{REVIEW}", text)
    user.git("add", "-A", "-f")
    signing = ["-c", f"user.signingkey={with_key}"] if with_key else []
    user.git(*signing, "commit", "-q", "--allow-empty", *(["-S"] if with_key else []), "-m", "yes")


def signer(user: Checkout, signers: Path | str, text: str = YES) -> str:
    with user.open() as repo:
        return RepoHistory(repo, signers=str(signers)).signer(REVIEW, text.encode())


def test_a_commit_signed_by_a_listed_key_counts(user: Checkout, signers: Path, tmp_path: Path) -> None:
    signed(user, tmp_path / "berta")
    assert signer(user, signers) == "berta@example.org"
    user.commit("later work", {"app.py": "x\n"})
    assert signer(user, signers) == "berta@example.org", "later commits of others change nothing about it"
    assert signer(user, signers, YES + "more\n") == "", "other bytes than the commit's"
    assert signer(user, "") == "", "nobody's counts unless the user says whose"


def test_no_one_elses_counts(user: Checkout, signers: Path, tmp_path: Path) -> None:
    signed(user, None)
    assert signer(user, signers) == ""
    signed(user, tmp_path / "eve", YES + "from eve\n")
    assert signer(user, signers, YES + "from eve\n") == ""
    user.git("-c", "user.name=Berta", "-c", "user.email=berta@example.org", "commit", "-q", "--amend", "--reset-author",
             "--no-edit")  # fmt: skip
    assert signer(user, signers, YES + "from eve\n") == "", "a name is no signature"
    signed(user, tmp_path / "berta", YES + "third\n")
    user.git("-c", "user.signingkey=" + str(tmp_path / "eve"), "commit", "-q", "--amend", "-S", "--no-edit")
    assert signer(user, signers, YES + "third\n") == "", "signed over by somebody else"


def test_the_repository_cannot_vouch_for_itself(user: Checkout, signers: Path, tmp_path: Path) -> None:
    listed = f"eve@example.org {(tmp_path / 'eve.pub').read_text()}"
    inside = user.write("allowed_signers", listed)
    user.write("liar", "#!/bin/sh\necho 'Good \"git\" signature for berta@example.org with ED25519 key SHA256:x'\n")
    (user.root / "liar").chmod(0o755)
    user.git("config", "gpg.ssh.allowedSignersFile", str(inside))
    user.git("config", "gpg.ssh.program", str(user.root / "liar"))
    user.git("-c", "gpg.ssh.program=ssh-keygen", "config", "gpg.program", str(user.root / "liar"))
    with_key = ["-c", "gpg.ssh.program=ssh-keygen", "-c", f"user.signingkey={tmp_path / 'eve'}"]
    user.write(f".cowork/{REVIEW}", YES)
    user.git("add", "-A", "-f")
    user.git(*with_key, "commit", "-q", "-S", "-m", "yes")
    assert signer(user, signers) == ""
    assert signer(user, inside) == "", "a list in the worktree is nobody's word"
    outside = tmp_path / "eve_signers"
    outside.write_text(listed)
    assert signer(user, outside) == "eve@example.org", "the control: the same key on the user's own list"
