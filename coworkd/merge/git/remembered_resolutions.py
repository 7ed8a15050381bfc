"""How conflicts were resolved, kept in refs, and done once more where the very same conflict comes up again.

    refs/cowork/resolutions/KEY   a commit; KEY is a hash of the three versions of one path, whatever the path is called
    KEY.base, KEY.one, KEY.two    these versions, as files of it; which side the tip was makes no difference
    KEY.result                    what was made of them; absent: the path was removed

Paths that were resolved together have one commit, and are resolved again together only. Where other paths had to be
changed as well nothing is remembered: without those changes something might be lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coworkd.merge.git.overlaid_trees import overlaid_tree
from coworkd.merge.git.tree_merge import Clean, Conflicted, ConflictFile, RememberedResolution, Stage, merge_trees
from coworkd.slots.tree_paths import is_reserved
from coworkd.system.git import Repo
from coworkd.system.git.refs import RESOLUTIONS, RefChange, refs_under, resolution_ref, update_refs
from coworkd.system.git.trailers import SUBMISSION, TASK, trailers_of
from coworkd.system.git.trees import NO_MODE, differences

MAX_RESOLUTIONS = 500
"""Paths whose resolution is kept; the oldest go."""
_OF_ONE_PATH = frozenset({"CONFLICT (contents)", "CONFLICT (binary)", "CONFLICT (modify/delete)"})
"""Conflicts that are settled by what becomes of one path: no rename, no folder, no submodule."""

_Version = tuple[str, str]
"""Mode and object id; the mode of what is not there is `NO_MODE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedConflict:
    """A submission, and the conflict that it resolves."""

    task: str
    number: int
    commit: str
    conflicting: str
    """The commit that was submitted before, and conflicted."""
    tip: str
    """What it conflicted with."""


def merge_as_before(repo: Repo, ours: str, theirs: str) -> Clean | Conflicted:
    """Merge two commits, where they conflict with the resolution that is remembered, if it is for all of their paths.

    What comes of it is to be verified, and its resolutions are to be forgotten where it is red.
    """
    merged = merge_trees(repo, ours, theirs)
    return merged if isinstance(merged, Clean) else _resolved_as_before(repo, merged) or merged


def _resolved_as_before(repo: Repo, conflict: Conflicted) -> Clean | None:
    keys = {file.path: _key(file) for file in conflict.files} if _is_of_single_paths(conflict) else {}
    found = repo.resolve_all([f"{resolution_ref(key)}^{{commit}}" for key in keys.values()])
    commits = [commit for commit in found if commit]
    if not keys or len(commits) < len(keys):
        return None
    contents = dict(zip(commits, _contents(repo, commits), strict=True))
    together = {name.partition(".")[0] for versions in contents.values() for name in versions}
    if not together.issubset(keys.values()):
        return None
    absent = _absent(repo)
    results = [
        contents[commit].get(f"{key}.result", absent) for key, commit in zip(keys.values(), commits, strict=True)
    ]
    tree = overlaid_tree(repo, conflict.tree, [(*one, path) for path, one in zip(keys, results, strict=True)])
    sources = _sources(repo, commits)
    used = (
        RememberedResolution(path=path, commit=one, source=sources[one])
        for path, one in zip(keys, commits, strict=True)
    )
    return Clean(tree=tree, resolved=tuple(used))


def _contents(repo: Repo, commits: Sequence[str]) -> list[Mapping[str, _Version]]:
    trees = repo.trees([repo.tree_of(commit) for commit in commits])
    return [{item.name: (item.mode, item.object_id) for item in tree} for tree in trees]


def _sources(repo: Repo, commits: Collection[str]) -> Mapping[str, str]:
    """From where each is remembered, in words."""
    said = trailers_of(repo, frozenset(commits))
    return {name: f"submission {one[SUBMISSION].split(' ')[0]} of {one[TASK]}" for name, one in said.items()}


# ---- keeping and forgetting


def remember_resolution(repo: Repo, resolved: ResolvedConflict) -> tuple[str, ...]:
    """Keep how a submission resolves a conflict; the paths of which it is kept.

    A later resolution of the same conflict takes the place of the earlier one. Raises RepoError.
    """
    if any(repo.commit(one) is None for one in (resolved.tip, resolved.conflicting, resolved.commit)):
        return ()
    conflict = merge_trees(repo, resolved.tip, resolved.conflicting)
    if isinstance(conflict, Clean) or not _is_of_single_paths(conflict):
        return ()
    changed = {one.path for one in differences(repo, conflict.tree, resolved.commit) if not is_reserved(one.path)}
    if not changed.issubset(conflict.paths):
        return ()
    results = {one.path: one.new for one in differences(repo, "", resolved.commit, conflict.paths)}
    files = _entries(conflict, results)
    if files is None:
        return ()
    keys = {_key(file) for file in conflict.files}
    return conflict.paths if _keep(repo, keys, files, _message(resolved, conflict.paths)) else ()


def _entries(conflict: Conflicted, results: Mapping[str, _Version]) -> Mapping[str, _Version] | None:
    """The files of the commit; None: two paths with the same three versions were resolved differently."""
    found: dict[str, _Version] = {}
    results_by_key: dict[str, _Version | None] = {}
    for file in conflict.files:
        key, result = _key(file), results.get(file.path)
        if results_by_key.setdefault(key, result) != result:
            return None
        base, *both = _versions(file)
        found |= {
            f"{key}.{name}": one for name, one in (("base", base), *zip(("one", "two"), both, strict=True)) if one
        }
        found |= {f"{key}.result": result} if result else {}
    return found


def _keep(repo: Repo, keys: Iterable[str], files: Mapping[str, _Version], message: str) -> bool:
    lines = "".join(f"{mode} blob {object_id}\t{name}\0" for name, (mode, object_id) in sorted(files.items()))
    tree = repo.run("mktree", "-z", stdin=lines.encode()).text
    known = {name: repo.commit(name) for name in map(resolution_ref, sorted(keys))}
    if all(commit and repo.tree_of(commit) == tree for commit in known.values()):
        return True
    settings = ("-c", "i18n.commitEncoding=UTF-8")
    commit = repo.run(*settings, "commit-tree", tree, stdin=message.encode(), env=repo.author()).text
    return update_refs(repo, [RefChange(name=name, old=old, new=commit) for name, old in known.items()])


def _message(resolved: ResolvedConflict, paths: Sequence[str]) -> str:
    shown = ", ".join(path.encode(errors="replace").decode() for path in paths)
    return (
        f"Resolve a conflict in {' '.join(shown.split())}\n\n"
        f"{TASK}: {resolved.task}\n"
        f"{SUBMISSION}: {resolved.number} {resolved.commit}\n"
    )


def forget_resolutions(repo: Repo, resolved: Iterable[RememberedResolution]) -> None:
    """They made something that is red: they are not used again."""
    commits = {one.commit for one in resolved}
    there = refs_under(repo, RESOLUTIONS)
    update_refs(repo, [RefChange(name=name, old=old, new=None) for name, old in there.items() if old in commits])


def forget_resolutions_of(repo: Repo, landing: str) -> None:
    """What a landing resolved is not done so again: it is taken back."""
    there = refs_under(repo, RESOLUTIONS)
    said = trailers_of(repo, {landing, *there.values()})
    told = {name: (one[TASK], one[SUBMISSION]) for name, one in said.items()}
    of_it = (RefChange(name=name, old=old, new=None) for name, old in there.items() if told[old] == told[landing])
    update_refs(repo, list(of_it))


def prune_resolutions(repo: Repo, kept: int = MAX_RESOLUTIONS) -> list[str]:
    """Remove all but the latest; the names of what went."""
    shown = repo.run("for-each-ref", "--sort=-committerdate", "--format=%(objectname) %(refname)", RESOLUTIONS).lines
    old = [line.split(" ", 1) for line in shown[kept:]]
    changes = [RefChange(name=name, old=commit, new=None) for commit, name in old]
    return [change.name for change in changes] if update_refs(repo, changes) else []


# ---- what a conflict is known by


def _is_of_single_paths(conflict: Conflicted) -> bool:
    """Whether what becomes of each path by itself settles all of it."""
    kinds = {message.kind for message in conflict.messages if message.kind.startswith("CONFLICT")}
    return kinds <= _OF_ONE_PATH and set(conflict.paths) == {file.path for file in conflict.files}


def _key(file: ConflictFile) -> str:
    told = "\n".join(" ".join(one) if one else "" for one in _versions(file))
    return hashlib.sha256(told.encode()).hexdigest()


def _versions(file: ConflictFile) -> tuple[_Version | None, _Version | None, _Version | None]:
    """The base, then both sides in an order that does not depend on which of them is the tip."""
    found: dict[int, Stage] = {stage.number: stage for stage in file.stages}
    base, *sides = ((found[n].mode, found[n].object_id) if n in found else None for n in (1, 2, 3))
    one, two = sorted(sides, key=lambda side: side or ("", ""))
    return base, one, two


def _absent(repo: Repo) -> _Version:
    return NO_MODE, "0" * (64 if repo.object_format == "sha256" else 40)
