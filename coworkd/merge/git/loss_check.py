"""The proof that a merge lost nothing, from the three differences alone, independent of how it was merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from coworkd.system.git import Repo
from coworkd.system.git.trees import differences

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether the proof holds, and its reasons as text for the record."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it is after a change; all zeros: it is gone."""

    mode: str
    object_id: str


_Changes = Mapping[str, _Version]


def prove_merge(repo: Repo, tip: str, submission: str, base: str, candidate: str) -> Proof:
    """Show that `cand` is `tip` with the change base..sub and nothing else.

    1. tip..cand touches only paths that the submission touched (or to which one of the two sides renamed them).
    2. Where only the submission changed a path, the result has the submission's version; where only the tip did, the
       tip's. Paths that both changed were merged by their content, and are named.

    `base` counts where the two have more than one merge base; any commit that both contain will do.
    """
    base = _merge_base(repo, tip, submission) or base
    to_cand, to_sub = _changes(repo, tip, candidate), _changes(repo, base, submission)
    # What the tip changed elsewhere is the tip's alone, however much that is.
    to_tip = _changes(repo, base, tip, among=to_sub)
    wrong = dict(_violations(to_cand, to_sub, to_tip))
    if wrong:
        excused = _renamed_paths(repo, base, submission, _changes(repo, base, tip))
        excused |= _renamed_paths(repo, base, tip, to_sub)
        wrong = {path: why for path, why in wrong.items() if path not in excused}
    if wrong:
        return Proof(ok=False, detail=_join_lines(f"{path}: {why}" for path, why in sorted(wrong.items())))
    both = sorted(path for path in to_sub if path in to_tip and to_sub[path] != to_tip[path])
    merged = f"; merged by content: {_join_lines(both)}" if both else ""
    return Proof(ok=True, detail=f"{len(to_cand)} of {len(to_sub)} changed paths differ from the tip{merged}")


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
