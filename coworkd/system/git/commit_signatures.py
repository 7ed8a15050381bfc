"""Whose ssh signature a commit bears, judged by a list of keys that no repository holds."""

from __future__ import annotations

import re
from pathlib import Path

from coworkd.system.git.repository import Repo

_GOOD = re.compile(r'Good "git" signature for (?P<who>\S+) with ')


def signer_of(repo: Repo, commit: str, signers: Path) -> str:
    """The principal of `signers` (an allowed-signers file of ssh-keygen) who signed the commit; empty: not in the list.

    A list inside the repository's own worktree proves nothing, and the repository chooses no program.
    """
    if not signers.is_file() or signers.resolve().is_relative_to(repo.root.resolve()):
        return ""
    settings = (
        *("-c", f"gpg.ssh.allowedSignersFile={signers}", "-c", "gpg.ssh.program=ssh-keygen"),
        *("-c", "gpg.minTrustLevel=fully", "-c", "gpg.ssh.revocationFile=", "-c", "gpg.program=false"),
        *("-c", "gpg.openpgp.program=false", "-c", "gpg.x509.program=false"),
    )
    told = repo.run(*settings, "verify-commit", "--raw", commit, check=False)
    found = _GOOD.search(told.err)
    return found["who"] if told.code == 0 and found else ""


def last_touched(repo: Repo, path: str) -> str:
    """The commit of HEAD's history that last changed a path; empty: none did."""
    return repo.run("--literal-pathspecs", "rev-list", "-1", "HEAD", "--", path, check=False).text
