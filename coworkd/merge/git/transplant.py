"""A three-way merge from a base that is named, also where history has another one.

`merge-tree` takes its base from history (`--merge-base` came with git 2.40), so that a change whose history holds
commits that must not come along is merged from three commits without a history: their common base, our files, and the
files with the change.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.system.git import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Three commits that share nothing but the base; no ref names them, and no branch ever contains them."""

    base: str
    ours: str
    theirs: str


def sides(repo: Repo, *, base: str, ours: str, theirs: str) -> Sides:
    """What leads from `base` to `theirs`, made ready to be merged with `ours`."""
    root = _bare_commit(repo, base)
    return Sides(base=root, ours=_bare_commit(repo, ours, root), theirs=_bare_commit(repo, theirs, root))


def _bare_commit(repo: Repo, commit: str, *parents: str) -> str:
    arguments = [word for parent in parents for word in ("-p", parent)]
    message = f"Files of {commit}\n".encode()
    return repo.run("commit-tree", repo.tree_of(commit), *arguments, stdin=message, env=repo.author()).text


def copy_commit(repo: Repo, commit: str, tree: str, parents: tuple[str, ...], trailer: str = "") -> str:
    """A commit with another tree and other parents, by the same author with the same message."""
    fields = repo.run("log", "-1", "-z", "--format=%an%x00%ae%x00%at%x00%B", commit).fields
    name, email, at, message = fields[:4]
    env = {**repo.author(), "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{at} +0000"}
    text = message.rstrip("\n") + f"\n{trailer}\n" if trailer else message
    arguments = [word for parent in parents for word in ("-p", parent)]
    return repo.run("commit-tree", tree, *arguments, stdin=text.encode(errors="surrogateescape"), env=env).text
