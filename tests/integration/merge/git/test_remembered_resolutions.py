"""Conflicts that come up again: resolved as before, as long as they are the very same ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from coworkd.merge.git.integration import Submission, landing_message
from coworkd.merge.git.loss_check import prove_merge, uses_resolution
from coworkd.merge.git.remembered_resolutions import (
    ResolvedConflict,
    forget_resolutions,
    forget_resolutions_of,
    merge_as_before,
    prune_resolutions,
    remember_resolution,
)
from coworkd.merge.git.tree_merge import Clean, Conflicted
from coworkd.system.git import Repo
from coworkd.system.git.refs import RESOLUTIONS, refs_under
from tests.integration.gitkit import Checkout, checkout

Files = dict[str, str | None]
BASE: Files = {"f": "x\n", "g": "y\n"}
OURS: Files = {"f": "x\nours\n"}
THEIRS: Files = {"f": "x\ntheirs\n"}
BOTH: Files = {"f": "x\nours\ntheirs\n"}


@dataclass
class Merges:
    user: Checkout
    repo: Repo
    base: str
    made: list[str] = field(default_factory=list[str])
    results: list[str] = field(default_factory=list[str])

    def commit(self, files: Files, start: str = "") -> str:
        self.made.append(f"made-{len(self.made)}")
        return self.user.branch(self.made[-1], start or self.base, files)

    def remember(self, ours: Files, theirs: Files, result: Files, task: str = "b") -> tuple[str, ...]:
        """What a submission made on top of the tip of then, when an earlier one had conflicted with that."""
        tip, conflicting = self.commit(ours), self.commit(theirs)
        self.results.append(self.commit(result, tip))
        resolved = ResolvedConflict(task=task, number=2, commit=self.results[-1], conflicting=conflicting, tip=tip)
        return remember_resolution(self.repo, resolved)

    def merge(self, ours: Files, theirs: Files) -> Clean | Conflicted:
        return merge_as_before(self.repo, self.commit(ours), self.commit(theirs))

    def resolved(self, ours: Files, theirs: Files) -> Files:
        """The files of a merge in which conflicts were resolved as before."""
        merged = self.merge(ours, theirs)
        assert isinstance(merged, Clean), merged
        assert merged.resolved
        names = self.user.git("ls-tree", "-r", "--name-only", merged.tree).splitlines()
        return {name: self.user.git("show", f"{merged.tree}:{name}") + "\n" for name in names}

    @property
    def refs(self) -> list[str]:
        return list(refs_under(self.repo, RESOLUTIONS))


@pytest.fixture
def m(tmp_path: Path) -> Iterator[Merges]:
    user = checkout(tmp_path / "project")
    user.git("rm", "-q", "-r", ".")
    base = user.commit("base", BASE)
    with user.open() as repo:
        yield Merges(user=user, repo=repo, base=base)


def test_the_same_conflict_is_resolved_as_before_and_all_else_is_merged(m: Merges) -> None:
    assert isinstance(m.merge(OURS, THEIRS), Conflicted)
    assert m.remember(OURS, THEIRS, BOTH) == ("f",)
    assert m.resolved({**OURS, "new": "n\n"}, {**THEIRS, "g": "z\n"}) == {**BOTH, "g": "z\n", "new": "n\n"}


def test_which_side_was_the_tip_makes_no_difference(m: Merges) -> None:
    m.remember(OURS, THEIRS, BOTH)
    assert m.resolved(THEIRS, OURS)["f"] == BOTH["f"]


@pytest.mark.parametrize("ours", [{"f": "x\nother\n"}, {"f": "x\nours\n", "g": "1\n"}])
def test_another_conflict_is_not_resolved(m: Merges, ours: Files) -> None:
    m.remember(OURS, THEIRS, BOTH)
    assert isinstance(m.merge(ours, {**THEIRS, "g": "2\n"}), Conflicted)


@pytest.mark.parametrize(
    ("ours", "theirs", "result"),
    [
        ({"n": "1\n"}, {"n": "2\n"}, {"n": "1\n2\n"}),
        ({"f": None}, {"f": "x\nmore\n"}, {}),
        ({"f": None}, {"f": "x\nmore\n"}, {"f": "x\nmore\n"}),
        ({"f": "x\nmore\n"}, {"f": None}, {"f": None}),
        ({"f": "\0one"}, {"f": "\0two"}, {"f": "\0both"}),
    ],
    ids=["added by both", "removed", "kept", "removed by the submission", "binary"],
)
def test_kinds_of_conflict_that_one_path_settles(m: Merges, ours: Files, theirs: Files, result: Files) -> None:
    assert isinstance(m.merge(ours, theirs), Conflicted)
    m.remember(ours, theirs, result)
    merged = m.merge(ours, theirs)
    assert isinstance(merged, Clean)
    assert merged.tree == m.user.git("rev-parse", f"{m.commit(result, m.commit(ours))}^{{tree}}")


def test_what_needed_changes_elsewhere_is_not_remembered(m: Merges) -> None:
    assert m.remember(OURS, THEIRS, {**OURS, "moved": "theirs\n"}) == ()
    assert m.refs == []


def test_a_rename_is_not_remembered(m: Merges) -> None:
    ours: Files = {"f": None, "one": "x\n"}
    theirs: Files = {"f": None, "two": "x\n"}
    assert isinstance(m.merge(ours, theirs), Conflicted)
    assert m.remember(ours, theirs, {"one": "x\n"}) == ()


def test_a_file_that_was_renamed_meanwhile_is_known_by_its_versions(m: Merges) -> None:
    long = "".join(f"{n}\n" for n in range(20))
    m.base = m.commit({"f": long})
    m.remember({"f": f"{long}ours\n"}, {"f": f"{long}theirs\n"}, {"f": f"{long}both\n"})
    files = m.resolved({"f": None, "h": f"{long}ours\n"}, {"f": f"{long}theirs\n"})
    assert files == {"g": "y\n", "h": f"{long}both\n"}


def test_paths_that_were_resolved_together_are_resolved_together_only(m: Merges) -> None:
    ours: Files = {"f": "x\nours\n", "g": "y\nours\n"}
    theirs: Files = {"f": "x\ntheirs\n", "g": "y\ntheirs\n"}
    assert m.remember(ours, theirs, {"f": "x\nall of it\n", "g": "y\n"}) == ("f", "g")
    assert isinstance(m.merge({"f": ours["f"]}, {"f": theirs["f"]}), Conflicted)
    assert m.resolved(ours, theirs) == {"f": "x\nall of it\n", "g": "y\n"}


def test_paths_that_were_resolved_apart_are_resolved_together(m: Merges) -> None:
    m.remember(OURS, THEIRS, BOTH)
    m.remember({"g": "y\nours\n"}, {"g": "y\ntheirs\n"}, {"g": "y\nboth\n"}, task="c")
    merged = m.merge({"f": "x\nours\n", "g": "y\nours\n"}, {"f": "x\ntheirs\n", "g": "y\ntheirs\n"})
    assert isinstance(merged, Clean)
    assert [(one.path, one.source) for one in merged.resolved] == [
        ("f", "submission 2 of b"),
        ("g", "submission 2 of c"),
    ]


def test_a_later_resolution_takes_the_place_of_an_earlier_one(m: Merges) -> None:
    m.remember(OURS, THEIRS, BOTH)
    m.remember(OURS, THEIRS, {"f": "x\nother\n"})
    assert len(m.refs) == 1
    assert m.resolved(OURS, THEIRS)["f"] == "x\nother\n"


def test_it_outlives_gc_and_everything_else_that_knew_of_it(m: Merges) -> None:
    m.remember(OURS, THEIRS, BOTH)
    for name in m.made:
        m.user.git("branch", "-q", "-D", name)
    m.user.git("reflog", "expire", "--expire=now", "--all")
    m.user.git("gc", "-q", "--prune=now")
    assert m.resolved(OURS, THEIRS)["f"] == BOTH["f"]


def test_a_commit_that_is_gone_is_nothing_to_learn_from(m: Merges) -> None:
    gone = ResolvedConflict(task="b", number=2, commit=m.base, conflicting="1" * 40, tip=m.base)
    assert remember_resolution(m.repo, gone) == ()


def test_what_is_forgotten_goes_with_all_that_was_resolved_with_it(m: Merges) -> None:
    ours: Files = {"f": "x\nours\n", "g": "y\nours\n"}
    theirs: Files = {"f": "x\ntheirs\n", "g": "y\ntheirs\n"}
    m.remember(ours, theirs, {"f": "x\n", "g": "y\n"})
    m.remember({"f": "1\n"}, {"f": "2\n"}, {"f": "3\n"})
    merged = m.merge(ours, theirs)
    assert isinstance(merged, Clean)
    forget_resolutions(m.repo, merged.resolved[:1])
    assert isinstance(m.merge(ours, theirs), Conflicted)
    assert len(m.refs) == 1


def test_a_landing_that_is_taken_back_has_resolved_nothing(m: Merges) -> None:
    m.remember(OURS, THEIRS, BOTH)
    m.remember({"g": "1\n"}, {"g": "2\n"}, {"g": "3\n"}, task="c")
    said = landing_message(Submission(task="b", attempt=1, number=2, commit=m.results[0]))
    landing = m.user.git("commit-tree", f"{m.base}^{{tree}}", "-p", m.base, "-F", "-", stdin=said)
    forget_resolutions_of(m.repo, landing)
    assert isinstance(m.merge(OURS, THEIRS), Conflicted)
    assert len(m.refs) == 1


def test_the_oldest_are_pruned(m: Merges, monkeypatch: pytest.MonkeyPatch) -> None:
    for second in range(1, 4):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"@{1_700_000_000 + second} +0000")
        m.remember({"f": f"{second}\n"}, {"f": "other\n"}, {"f": f"{second} other\n"})
    assert prune_resolutions(m.repo, 5) == []
    assert len(prune_resolutions(m.repo, 2)) == 1
    assert isinstance(m.merge({"f": "1\n"}, {"f": "other\n"}), Conflicted)
    assert m.resolved({"f": "2\n"}, {"f": "other\n"})["f"] == "2 other\n"


def test_the_proof_names_whose_resolution_it_was(m: Merges) -> None:
    m.remember(OURS, THEIRS, {"f": "x\nneither\n"})
    tip, work = m.commit(OURS), m.commit({**THEIRS, "n": "n\n"})
    merged = merge_as_before(m.repo, tip, work)
    assert isinstance(merged, Clean)
    made = m.user.git("commit-tree", merged.tree, "-p", tip, "-m", "merged")
    proof = prove_merge(m.repo, tip, work, m.base, made, merged.resolved)
    assert proof.ok
    assert proof.detail == (
        "the changed file is in the result as submitted; "
        "f by the resolution remembered from submission 2 of b; nothing else differs from the tip"
    )
    assert uses_resolution(proof.detail)
    assert not uses_resolution(prove_merge(m.repo, tip, work, m.base, made).detail)
