"""The proof that a merge lost nothing, from the three differences alone, independent of how it was merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coworkd.merge.git.line_check import MergedFiles, SideChanges, check_merged_files
from coworkd.merge.git.tree_merge import RememberedResolution
from coworkd.system.git import Repo
from coworkd.system.git.patches import CommitPatch
from coworkd.system.git.trees import differences

_SHOWN = 20
_LINES_MISSING = "without some of the lines that the change adds, as a merge driver has it"
_LINES_DROPPED = "without some of the lines that have landed before, as a merge driver has it"
_RESOLVED = "by the resolution remembered from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether the proof holds, and its reasons as text for the record."""

    ok: bool
    detail: str
    """Where it holds but for lines that a merge driver left out, it says so: see `lacks_lines`."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it is after a change; all zeros: it is gone."""

    mode: str
    object_id: str


_Changes = Mapping[str, _Version]


def prove_merge(
    repo: Repo,
    tip: str,
    submission: str,
    base: str,
    candidate: str,
    resolved: Sequence[RememberedResolution] = (),
) -> Proof:
    """Show that `cand` is `tip` with the change base..sub and nothing else.

    1. tip..cand touches only paths that the submission touched (or to which one of the two sides renamed them).
    2. Where only the submission changed a path, the result has the submission's version; where only the tip did, the
       tip's. Where both did, the submission's patch, or every line that it adds, is compared with what the merge did.

    `base` counts where the two have more than one merge base; any commit that both contain will do. `resolved`: paths
    whose conflict was resolved as before, which is named in place of a comparison.
    """
    base = _merge_base(repo, tip, submission) or base
    to_cand, to_sub = _changes(repo, tip, candidate), _changes(repo, base, submission)
    # What the tip changed elsewhere is the tip's alone, however much that is.
    to_tip = _changes(repo, base, tip, among=to_sub)
    wrong = dict(_violations(to_cand, to_sub, to_tip))
    moved: set[str] = set()
    if wrong:
        moved = _renamed_paths(repo, base, submission, _changes(repo, base, tip))
        moved |= _renamed_paths(repo, base, tip, to_sub)
        wrong = {path: why for path, why in wrong.items() if path not in moved}
    if wrong:
        return Proof(ok=False, detail=_join_lines(f"{path}: {why}" for path, why in sorted(wrong.items())))
    resolved_paths = {one.path for one in resolved}
    carried = sorted(path for path in moved & to_sub.keys() - resolved_paths if to_cand.get(path) != to_sub[path])
    settled = moved | resolved_paths
    both = sorted(path for path in to_sub if path in to_tip and to_sub[path] != to_tip[path] and path not in settled)
    changes = SideChanges(
        own=CommitPatch(base, submission), merged=CommitPatch(tip, candidate), other=CommitPatch(base, tip)
    )
    merged = check_merged_files(repo, changes, both)
    counted = len(to_sub.keys() - resolved_paths)
    return Proof(ok=True, detail=_describe(counted, merged, carried, resolved))


def proof_sentence(detail: str) -> str:
    """A proof as a line that a person reads: `Nothing lost: ...`, or that lines are missing."""
    return f"{'**Lines are missing**' if lacks_lines(detail) else 'Nothing lost'}: {detail}."


def lacks_lines(detail: str) -> bool:
    """Whether lines of the change, or of what landed before, are not in the result: a person decides about that."""
    return _LINES_MISSING in detail or _LINES_DROPPED in detail


def uses_resolution(detail: str) -> bool:
    """Whether a conflict was resolved as before: what was approved without that is looked at once more."""
    return _RESOLVED in detail


def _describe(
    changed: int, merged: MergedFiles, carried: Sequence[str], resolved: Sequence[RememberedResolution]
) -> str:
    """How every changed file is known to be in the result, in words for a person; `changed`: but for the resolved."""
    both = (*merged.by_patch, *merged.by_lines, *merged.incomplete, *merged.dropped)
    ways = (
        (merged.by_patch, "by the same patch, on top of the tip's own change"),
        (merged.by_lines, "with every line that the change adds"),
        (merged.incomplete, _LINES_MISSING),
        (merged.dropped, _LINES_DROPPED),
        (carried, "along a rename"),
        *_by_source(resolved),
    )
    whole = _files_in_whole(changed, changed - len(both) - len(carried))
    parts = [whole, *(f"{_join_lines(paths)} {how}" for paths, how in ways if paths)]
    return f"{'; '.join(part for part in parts if part)}; nothing else differs from the tip"


def _by_source(resolved: Sequence[RememberedResolution]) -> Iterator[tuple[Sequence[str], str]]:
    for source in dict.fromkeys(one.source for one in resolved):
        yield sorted(one.path for one in resolved if one.source == source), f"{_RESOLVED} {source}"


def _files_in_whole(changed: int, whole: int) -> str:
    if not whole:
        return ""
    files = "the changed file" if changed == 1 else f"all {changed} changed files"
    files = files if whole == changed else f"{whole} of {changed} changed files"
    return f"{files} {'is' if whole == 1 else 'are'} in the result as submitted"


def _violations(to_cand: _Changes, to_sub: _Changes, to_tip: _Changes) -> Iterator[tuple[str, str]]:
    for path in to_cand.keys() - to_sub.keys():
        yield path, "differs from the tip although the submission did not touch it"
    for path in to_sub.keys() - to_tip.keys():
        if to_cand.get(path) != to_sub[path]:
            yield path, "only the submission changed it, and the result has another version"


def _merge_base(repo: Repo, tip: str, submission: str) -> str | None:
    found = repo.merge_bases(tip, submission)
    return found[0] if len(found) == 1 else None


def _changes(repo: Repo, old: str, new: str, among: Iterable[str] | None = None) -> _Changes:
    """The changed paths (`among`: of these alone), each as it is in `new`."""
    return {one.path: _Version(*one.new) for one in differences(repo, old, new, among)}


def _renamed_paths(repo: Repo, base: str, side: str, other: _Changes) -> set[str]:
    """Paths that a rename on one side carries the other side's changes to, or away from."""
    arguments = ("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status")
    fields = iter(repo.run(*arguments, base, side, timeout=600).fields)
    pairs = [(next(fields), next(fields)) for _ in fields]
    return {path for old, new in pairs if old in other for path in (old, new)}


def _join_lines(lines: Iterable[str]) -> str:
    everything = list(lines)
    more = f" and {len(everything) - _SHOWN} more" if len(everything) > _SHOWN else ""
    return ", ".join(everything[:_SHOWN]) + more
