"""The only access to git.

What it promises: argument lists and never a shell, a time limit on everything, no inherited `GIT_*` but the user's
identity and configuration, no hooks, no automatic gc, English messages. What it must never do: touch the user's
index, stash, configuration or checked-out branch by itself; every caller says what it wants in plain git words.

`runner` starts processes, `repository` is what callers hold, `object_reader` and `ref_writer` are gits that stay for
it, `trees` and `commit_graph` answer from objects that were read, `refs` names and moves refs, `numbered_refs` lists
those that are numbered, `head_lock` moves the branch that is checked out, `blob_origin` tells where bytes came from.
Importing this does not import GitPython.
"""

from __future__ import annotations

from coworkd.system.git.repository import Head, Repo
from coworkd.system.git.runner import TIMEOUT, GitResult, check_git

__all__ = ["TIMEOUT", "GitResult", "Head", "Repo", "check_git"]
