from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.core.errors import RepoError
from coworkd.core.model import Check
from coworkd.merge.branch_jobs import NoBase, RunBase, Verify, run_base
from coworkd.merge.branch_rules import BringIn, Collision, NothingToDo, Rebuild, Unrelated
from coworkd.merge.continuation import continuation
from coworkd.merge.git.remembered_resolutions import ResolvedConflict, remember_resolution
from coworkd.store.landings import KnownLandings, NeededLanding
from coworkd.system.git.refs import RESOLUTIONS, refs_under
from tests.integration.landingkit import GREEN, INTEGRATION, RED, Landings, green

BASE_FILES = {"app.py", "src/one.txt", "src/two.txt", ".gitignore", ".cowork/config.yaml"}


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Landings]:
    made = Landings.at(tmp_path / "project")
    yield made
    made.repo.close()


def main(w: Landings) -> str:
    return w.user.git("rev-parse", "main")


# ---- following the target


def test_a_missing_integration_branch_starts_at_the_target(w: Landings) -> None:
    assert isinstance(w.make_due_moves().move, NothingToDo)
    assert w.tip == main(w)


def test_the_targets_commits_come_in_as_a_merge_once_they_are_verified(w: Landings) -> None:
    ours = w.land("a", {"a.txt": "a\n"})
    theirs = w.user.commit("by a person", {"p.txt": "p\n"})
    before = w.user.state()
    assert isinstance(w.make_due_moves().move, BringIn)
    assert w.tip == ours
    report = w.make_due_moves(verify=lambda _: RED)
    assert (w.tip, report.red) == (ours, RED[0])
    assert isinstance(w.make_due_moves(verify=green).move, NothingToDo)
    assert w.user.git("rev-parse", f"{w.tip}^1", f"{w.tip}^2").split() == [ours, theirs]
    assert f"Cowork-Target: main {theirs}" in w.user.git("log", "-1", "--format=%B", w.tip)
    assert w.user.state() == before


@pytest.mark.parametrize("files", [{".cowork/tasks/t.md": "t\n"}, {}])
def test_commits_of_the_workspace_alone_need_no_verification(w: Landings, files: dict[str, str | None]) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("a note", files)
    assert isinstance(w.make_due_moves().move, NothingToDo)
    assert w.files() >= {"a.txt", *files}


def test_a_collision_is_said_with_its_paths_and_what_is_lacking(w: Landings) -> None:
    w.land("a", {"app.py": "ours\n"})
    w.user.commit("by a person", {"app.py": "theirs\n"})
    report = w.make_due_moves(verify=green)
    assert report.move == Collision(("app.py",))
    assert [line.split(" ", 1)[1] for line in report.lacks] == ["by a person"]


def test_a_target_that_went_past_integration_is_followed(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.git("merge", "-q", "--ff-only", INTEGRATION)
    further = w.user.commit("further", {"b.txt": "b\n"})
    w.make_due_moves()
    assert w.tip == further


def test_a_target_without_a_commit_is_named(tmp_path: Path) -> None:
    w = Landings.at(tmp_path / "new")
    w.target = "other"
    with pytest.raises(RepoError, match="other has no commit yet: make a first one"):
        w.make_due_moves()
    w.repo.close()


def test_an_integration_branch_that_is_checked_out_is_not_moved(w: Landings, tmp_path: Path) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.git("worktree", "add", "-q", str(tmp_path / "look"), INTEGRATION)
    w.user.commit("a note", {".cowork/tasks/t.md": "t\n"})
    with pytest.raises(RepoError, match="is checked out"):
        w.make_due_moves()


# ---- nothing that landed is lost


@pytest.mark.parametrize("files", [("one.txt", "two.txt"), (".cowork/tasks/one.md", ".cowork/tasks/two.md")])
def test_a_target_that_moves_twice_takes_no_landing_away(w: Landings, files: tuple[str, str]) -> None:
    """The first parent of the second merge is uninteresting then, and a listing with paths leaves it out."""
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("first", {files[0]: "1\n"})
    w.make_due_moves(verify=green)
    w.user.commit("second", {files[1]: "2\n"})
    assert "a.txt" in w.files()
    w.make_due_moves()
    assert "a.txt" in w.files()
    w.make_due_moves(verify=green)
    assert w.files() >= {"a.txt", *files}


@pytest.mark.parametrize("verify", [None, green])
def test_a_landing_stays_whose_ref_is_not_there(w: Landings, verify: Verify | None) -> None:
    """Git writes the refs of a transaction one after another; a teammate's landing has no ref in this clone."""
    w.land("a", {"a.txt": "a\n"})
    w.user.git("update-ref", "-d", "refs/cowork/land/1")
    w.user.commit("by a person", {"p.txt": "p\n"})
    report = w.make_due_moves(verify=verify)
    assert "a.txt" in w.files()
    assert [(fact.landing.task, fact.lost) for fact in report.state.facts.landings] == [("a", False)]


def test_a_landing_without_a_ref_is_merged_again_as_itself(w: Landings) -> None:
    w.user.commit("taken back later", {"p.txt": "p\n"})
    w.land("a", {"a.txt": "a\n"})
    w.user.git("update-ref", "-d", "refs/cowork/land/1")
    w.user.git("reset", "-q", "--hard", "HEAD^")
    report = w.make_due_moves(verify=green)
    assert "a.txt" in w.files()
    assert "p.txt" not in w.files()
    assert report.rebuilt is not None
    assert [landing.task for landing, _ in report.rebuilt.merged] == ["a"]


def test_after_a_squash_of_all_integration_starts_again(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.land("b", {"app.py": "b\n"})
    w.user.git("merge", "-q", "--squash", INTEGRATION)
    w.user.commit("squashed")
    further = w.user.commit("further", {"c.txt": "c\n"})
    w.make_due_moves()
    assert w.tip == further


def test_after_a_squash_of_what_came_in_between_integration_starts_again(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("by a person", {"p.txt": "p\n"})
    w.land("b", {"b.txt": "b\n"})
    w.user.git("merge", "-q", "--squash", INTEGRATION)
    squashed = w.user.commit("squashed")
    w.make_due_moves()
    assert w.tip == squashed


def test_a_cherry_pick_of_each_landing_is_seen(w: Landings) -> None:
    landings = [w.land("a", {"app.py": "a\n"}), w.land("b", {"app.py": "b\n", "data.bin": "\0b"})]
    w.user.commit("before", {"c.txt": "c\n"})
    for commit in landings:
        w.user.git("cherry-pick", "-m", "1", commit)
    w.make_due_moves()
    assert w.tip == main(w)


def test_a_rebase_that_leaves_the_agents_own_commits_is_seen(w: Landings) -> None:
    w.make_due_moves()
    base = w.tip
    w.user.git("checkout", "-q", "-b", "agent/a", base)
    w.user.commit("one", {"a.txt": "a\n"})
    made = w.user.commit("two", {"a.txt": "a\nb\n", "b.txt": "b\n"})
    w.user.git("checkout", "-q", "main")
    assert w.merge("a", base, made)
    w.user.commit("by a person", {"p.txt": "p\n"})
    w.user.git("cherry-pick", f"{base}..{made}")
    w.make_due_moves()
    assert w.tip == main(w)


def test_a_squash_is_seen_although_the_lines_moved(w: Landings) -> None:
    lines = [f"line {n}\n" for n in range(1, 21)]
    w.land("a", {"app.py": "".join([*lines[:17], "landed\n", *lines[18:]])})
    w.user.commit("by a person", {"app.py": "".join(["first\n", "second\n", *lines])})
    w.user.git("merge", "-q", "--squash", INTEGRATION)
    squashed = w.user.commit("squashed")
    w.make_due_moves()
    assert w.tip == squashed


@pytest.mark.parametrize("taken", ["a only", "with other white space", "with other binary data"])
def test_a_landing_that_is_missing_keeps_integration(w: Landings, taken: str) -> None:
    w.land("a", {"a.txt": "a\n"})
    ours = w.land("b", {"b.py": "if x:\n    y\nz\n", "data.bin": "\0b"})
    if taken == "a only":
        w.user.commit("squashed", {"a.txt": "a\n", "c.txt": "c\n"})
    else:
        indented = "    z" if "space" in taken else "z"
        data = "\0c" if "binary" in taken else "\0b"
        w.user.commit("squashed", {"a.txt": "a\n", "b.py": f"if x:\n    y\n{indented}\n", "data.bin": data})
    w.make_due_moves()
    assert w.tip == ours


def test_a_squash_of_the_first_landings_keeps_the_later_one(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.land("b", {"b.txt": "b\n"})
    w.user.git("merge", "-q", "--squash", INTEGRATION)
    w.user.commit("squashed")
    w.land("c", {"c.txt": "c\n"})
    w.user.commit("further", {"d.txt": "d\n"})
    report = w.make_due_moves(verify=green)
    assert w.files() >= {"a.txt", "b.txt", "c.txt", "d.txt"}
    assert {fact.landing.task for fact in report.state.facts.undelivered} == {"c"}


def test_a_change_brought_again_is_not_taken_for_its_first_landing(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("picked", {"a.txt": "a\n"})
    w.make_due_moves(verify=green)
    undone = w.submit("undo", w.tip, {"a.txt": None})
    assert w.merge("a", w.tip, undone)
    w.user.commit("further", {"d.txt": "d\n"})
    w.make_due_moves()
    assert "a.txt" not in w.files()


def test_a_landing_that_a_person_reverted_on_the_target_stays_reverted(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.git("merge", "-q", "--ff-only", INTEGRATION)
    w.user.git("revert", "--no-edit", "-m", "1", "HEAD")
    report = w.make_due_moves(verify=green)
    assert not report.state.facts.lost
    assert "a.txt" not in w.files()


# ---- moved or deleted by a person


def test_a_branch_that_was_deleted_comes_back_with_what_landed(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    last = w.land("b", {"b.txt": "b\n"})
    w.user.git("branch", "-q", "-D", INTEGRATION)
    report = w.make_due_moves()
    assert w.tip == last
    assert "was gone and is back" in report.moved[0]


def test_a_branch_that_was_deleted_comes_back_where_it_was_seen_last(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("by a person", {"p.txt": "p\n"})
    w.make_due_moves(verify=green)
    w.known = KnownLandings(tip=w.tip)
    w.user.git("branch", "-q", "-D", INTEGRATION)
    w.make_due_moves()
    assert w.tip == w.known.tip


def test_a_branch_that_was_moved_back_says_what_fell_out_of_it(w: Landings) -> None:
    first = w.land("a", {"a.txt": "a\n"})
    last = w.land("b", {"b.txt": "b\n"})
    w.user.git("branch", "-q", "-f", INTEGRATION, first)
    report = w.make_due_moves(verify=green)
    assert [fact.landing.task for fact in report.state.facts.lost] == ["b"]
    assert report.restoring_landing == last
    assert w.tip == first
    w.user.git("branch", "-q", "-f", INTEGRATION, report.restoring_landing)
    assert not w.make_due_moves().state.facts.lost


def test_going_back_is_advised_only_while_nothing_else_would_be_lost_by_it(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.git("branch", "-q", "-f", INTEGRATION, "main")
    assert w.make_due_moves(verify=green).restoring_landing
    w.land("b", {"b.txt": "b\n"})
    report = w.make_due_moves(verify=green)
    assert [fact.landing.task for fact in report.state.facts.lost] == ["a"]
    assert report.restoring_landing == ""
    w.user.git("branch", "-q", "-D", INTEGRATION)
    assert w.make_due_moves().move == Rebuild()  # by a look, which verifies nothing
    start = run_base(w.repo, w.branches, ())
    assert start == NoBase(reason=f"waits until {INTEGRATION} is made again: it was deleted")
    w.make_due_moves(verify=green)
    assert w.files() == {*BASE_FILES, "a.txt", "b.txt"}


def unrelated(w: Landings) -> str:
    """Integration moved to a commit that shares no history with anything."""
    other = w.user.git("commit-tree", "-m", "by hand", "HEAD^{tree}")
    w.user.git("update-ref", f"refs/heads/{INTEGRATION}", other)
    return other


def test_a_branch_that_was_moved_to_a_history_of_its_own_is_left_there_and_holds_runs(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("by a person", {"p.txt": "p\n"})
    other = unrelated(w)
    assert w.make_due_moves(verify=green).move == Unrelated()
    assert w.tip == other
    start = run_base(w.repo, w.branches, ())
    assert isinstance(start, NoBase)
    assert f"`git branch -D {INTEGRATION}`" in start.reason
    w.user.git("branch", "-q", "-D", INTEGRATION)
    assert isinstance(w.make_due_moves(verify=green).move, NothingToDo)
    assert w.files() == {*BASE_FILES, "a.txt", "p.txt"}


def test_a_history_of_its_own_does_not_keep_integration_from_being_made_again(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("dropped", {"d.txt": "d\n"})
    w.make_due_moves(verify=green)
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    other = unrelated(w)
    report = w.make_due_moves(verify=green)
    assert report.rebuilt is not None
    assert [(one.commit, one.reason) for one in report.rebuilt.failed] == [(other, "it begins a history of its own")]
    assert w.files() == {*BASE_FILES, "a.txt"}


def test_commits_that_a_person_made_on_integration_stay(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.git("checkout", "-q", INTEGRATION)
    w.user.commit("by hand", {"hand.txt": "h\n"})
    w.user.git("checkout", "-q", "main")
    w.user.commit("taken", {"t.txt": "t\n"})
    w.make_due_moves(verify=green)
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.land("b", {"b.txt": "b\n"})
    assert w.files() == {*BASE_FILES, "a.txt", "b.txt", "hand.txt"}


# ---- what a person dropped stays away


def drop(w: Landings) -> str:
    """A commit that integration took, with landings before and behind it, and that the target loses."""
    w.land("a", {"a.txt": "a\n"})
    dropped = w.user.commit("secret", {"secret.txt": "s\n"})
    w.land("b", {"b.txt": "b\n"})
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    return dropped


def test_what_was_dropped_comes_back_neither_in_files_nor_in_history(w: Landings) -> None:
    dropped = drop(w)
    before = w.landings()
    assert isinstance(w.make_due_moves().move, Rebuild)
    assert "secret.txt" in w.files()
    report = w.make_due_moves(verify=green)
    assert report.rebuilt is not None
    assert [landing.task for landing, _ in report.rebuilt.merged] == ["a", "b"]
    assert w.files() == {*BASE_FILES, "a.txt", "b.txt"}
    assert not w.repo.is_ancestor(dropped, w.tip)
    after = w.landings()
    assert [one.key for one in after] == [one.key for one in before]
    assert after[0] == before[0], "what stood on the target already is not made again"
    assert w.repo.is_ancestor(after[1].commit, w.tip)
    assert w.repo.commit("refs/cowork/land/2") == before[1].commit, "the old merge stays"


def test_what_is_merged_again_is_proven_again(w: Landings) -> None:
    drop(w)
    report = w.make_due_moves(verify=green)
    assert report.rebuilt is not None
    again = report.rebuilt.merged[1][1]
    assert report.rebuilt.proofs == {
        again: "the changed file is in the result as submitted; nothing else differs from the tip"
    }


def test_a_landing_that_would_lose_lines_when_it_is_merged_again_is_left_out(w: Landings) -> None:
    lines = [f"{number}\n" for number in range(20)]
    w.user.commit("attributes", {".gitattributes": "app.py merge=mine\n", "app.py": "".join(lines)})
    w.user.commit("secret", {"secret.txt": "s\n"})
    w.land("a", {"app.py": "".join([*lines[:-1], "changed\n"])})
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.user.commit("by a person", {"app.py": "".join(["mine\n", *lines[1:]])})
    w.user.git("config", "merge.mine.driver", "true")
    report = w.make_due_moves(verify=green)
    assert report.rebuilt is not None
    (failure,) = report.rebuilt.failed
    lost = "app.py without some of the lines that the change adds, as a merge driver has it"
    assert failure.reason == f"merged again it would lose something: {lost}; nothing else differs from the tip"
    assert "secret.txt" not in w.files()


def test_a_rebuilt_branch_is_verified_as_one(w: Landings) -> None:
    drop(w)
    tip = w.tip
    seen: list[str] = []

    def red(commit: str) -> tuple[Check, ...]:
        seen.append(commit)
        return RED

    report = w.make_due_moves(verify=red)
    assert (w.tip, len(seen), report.red) == (tip, 1, RED[0])
    assert isinstance(report.move, Rebuild)


def test_a_landing_that_no_longer_merges_is_left_out_and_so_is_what_needs_it(w: Landings) -> None:
    w.user.commit("taken", {"app.py": "taken\n"})
    w.land("a", {"app.py": "on taken\n"})
    w.land("b", {"b.txt": "b\n"})
    w.land("c", {"c.txt": "c\n"})
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    report = w.make_due_moves(verify=green, needs={"b": ("a",)})
    assert report.rebuilt is not None
    assert [(f.landing and f.landing.task, f.reason) for f in report.rebuilt.failed] == [
        ("a", "conflict in app.py"), ("b", "it builds on a, which cannot be merged")
    ]  # fmt: skip
    assert w.files() == {*BASE_FILES, "c.txt"}
    assert {fact.landing.task for fact in w.make_due_moves().state.facts.lost} == {"a", "b"}


@pytest.mark.parametrize("red", [False, True])
def test_a_conflict_that_was_resolved_before_is_resolved_so_when_integration_is_made_again(
    w: Landings, red: bool
) -> None:
    before = w.user.git("show", "HEAD:app.py") + "\n"
    taken = w.user.commit("taken", {"app.py": "taken\n"})
    w.land("a", {"app.py": "on taken\n"})
    w.land("b", {"b.txt": "b\n"})
    tip = w.submit("other", taken, {"app.py": before})
    resolved = ResolvedConflict(
        task="z", number=3, commit=w.submit("z", tip, {"app.py": "resolved\n"}),
        conflicting=w.submit("conflicting", taken, {"app.py": "on taken\n"}), tip=tip,
    )  # fmt: skip
    assert remember_resolution(w.repo, resolved) == ("app.py",)
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    report = w.make_due_moves(verify=lambda commit: RED if red and "resolved" in _app(w, commit) else GREEN)
    assert report.rebuilt is not None
    assert w.files() == {*BASE_FILES, "b.txt"}
    assert bool(refs_under(w.repo, RESOLUTIONS)) is not red
    if red:
        assert [(f.landing and f.landing.task, f.reason) for f in report.rebuilt.failed] == [
            ("a", "conflict in app.py")
        ]
        assert _app(w, INTEGRATION) == before.strip()
    else:
        assert not report.rebuilt.failed
        assert _app(w, INTEGRATION) == "resolved"
        proofs = [report.rebuilt.proofs[commit] for _, commit in report.rebuilt.merged]
        assert "app.py by the resolution remembered from submission 3 of z" in proofs[0]
        assert "remembered" not in proofs[1]


def _app(w: Landings, commit: str) -> str:
    return w.user.git("show", f"{commit}:app.py")


@pytest.mark.parametrize("how", ["amend", "rebase", "orphan"])
def test_a_target_that_was_rewritten_is_followed(w: Landings, how: str) -> None:
    w.user.commit("first", {"first.txt": "1\n"})
    w.user.commit("second", {"second.txt": "2\n"})
    w.land("a", {"a.txt": "a\n"})
    if how == "amend":
        (w.user.root / "second.txt").unlink()
        w.user.write("better.txt", "2\n")
        w.user.git("add", "-A")
        w.user.git("commit", "-q", "--amend", "-m", "better")
    elif how == "rebase":
        w.user.git("rebase", "-q", "--onto", "HEAD~2", "HEAD~1")
    else:
        w.user.git("checkout", "-q", "--orphan", "new")
        w.user.commit("all of it, without history")
        w.user.git("branch", "-q", "-M", "main")
    w.make_due_moves(verify=green)
    assert w.files() == w.files("main") | {"a.txt"}
    assert ("second.txt" in w.files(), "first.txt" in w.files()) == {
        "amend": (False, True), "rebase": (True, False), "orphan": (True, True)
    }[how]  # fmt: skip


def test_landings_that_were_in_the_target_are_merged_again_when_it_loses_them(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.git("merge", "-q", "--squash", INTEGRATION)
    w.user.commit("squashed")
    settled = w.user.commit("further", {"c.txt": "c\n"})
    w.make_due_moves()
    w.known = KnownLandings(tip=w.tip, recorded=1, settled_at=settled)
    w.user.git("reset", "-q", "--hard", "HEAD~2")
    report = w.make_due_moves(verify=green)
    assert report.state.rewritten
    assert w.files() == {*BASE_FILES, "a.txt"}


def test_a_landing_that_a_person_took_from_the_target_is_still_on_integration(w: Landings) -> None:
    ours = w.land("a", {"a.txt": "a\n"})
    w.user.git("merge", "-q", "--ff-only", INTEGRATION)
    w.make_due_moves()
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    assert isinstance(w.make_due_moves(verify=green).move, NothingToDo)
    assert w.tip == ours


def test_a_run_that_began_before_brings_back_nothing(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    dropped = w.user.commit("secret", {"secret.txt": "s\n"})
    w.make_due_moves(verify=green)
    base = w.tip
    made = w.submit("late", base, {"late.txt": "l\n"})
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.make_due_moves(verify=green)
    assert w.merge("late", base, made)
    assert w.files() == {*BASE_FILES, "a.txt", "late.txt"}
    assert not w.repo.is_ancestor(dropped, w.tip)


@pytest.mark.parametrize("collides", [False, True])
def test_reviewed_work_that_is_gone_on_with_brings_back_nothing(w: Landings, collides: bool) -> None:
    w.land("a", {"a.txt": "a\n"})
    dropped = w.user.commit("secret", {"secret.txt": "s\n"})
    w.make_due_moves(verify=green)
    base = w.tip
    reviewed = w.submit("late", base, {"secret.txt" if collides else "late.txt": "l\n"})
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.make_due_moves(verify=green)
    start = continuation(w.repo, w.tip, reviewed, base)
    assert start.base == w.tip
    assert w.files(start.commit) == {*BASE_FILES, "a.txt", *([] if collides else ["late.txt"])}
    assert not w.repo.is_ancestor(dropped, start.commit)


def test_a_run_from_a_commit_that_was_dropped_before_it_came_in_brings_back_nothing(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    dropped = w.user.commit("secret", {"secret.txt": "s\n"})
    start = run_base(w.repo, w.branches, ())
    assert isinstance(start, RunBase)
    made = w.submit("late", start.commit, {"late.txt": "l\n"})
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.make_due_moves(verify=green)
    assert w.merge("late", start.commit, made)
    assert w.files() == {*BASE_FILES, "a.txt", "late.txt"}
    assert not w.repo.is_ancestor(dropped, w.tip)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_run_that_began_on_what_integration_lost_brings_back_nothing(w: Landings, by_hand: bool) -> None:
    w.land("a", {"a.txt": "a\n"})
    if by_hand:
        w.user.git("checkout", "-q", INTEGRATION)
        w.user.commit("by hand", {"gone.txt": "h\n"})
        w.user.git("checkout", "-q", "main")
    else:
        w.land("b", {"gone.txt": "b\n"})
    base = w.tip
    made = w.submit("late", base, {"late.txt": "l\n"})
    w.user.git("branch", "-q", "-f", INTEGRATION, f"{INTEGRATION}~1")
    w.make_due_moves(verify=green)
    start = continuation(w.repo, w.tip, made, base)
    assert w.files(start.commit) == {*BASE_FILES, "a.txt", "late.txt"}
    assert not w.repo.is_ancestor(base, start.commit)
    assert w.merge("late", base, made)
    assert w.files() == {*BASE_FILES, "a.txt", "late.txt"}
    assert not w.repo.is_ancestor(base, w.tip)


def test_what_was_dropped_and_brought_back_by_the_person_comes_in(w: Landings) -> None:
    dropped = drop(w)
    w.make_due_moves(verify=green)
    w.user.git("reset", "-q", "--hard", dropped)
    w.make_due_moves(verify=green)
    assert w.files() == {*BASE_FILES, "a.txt", "b.txt", "secret.txt"}


def test_what_was_dropped_stays_away_where_a_person_made_the_branch(w: Landings) -> None:
    w.user.commit("secret", {"secret.txt": "s\n"})
    w.user.git("branch", "-q", INTEGRATION)
    w.land("a", {"a.txt": "a\n"})
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.make_due_moves(verify=green)
    assert w.files() == {*BASE_FILES, "a.txt"}


def test_a_commit_by_hand_that_reached_the_target_and_was_dropped_stays_away(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.git("checkout", "-q", INTEGRATION)
    w.user.commit("by hand", {"hand.txt": "h\n"})
    w.user.git("checkout", "-q", "main")
    w.land("b", {"b.txt": "b\n"})
    w.user.git("merge", "-q", "--ff-only", INTEGRATION)
    w.make_due_moves(verify=green)
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    assert isinstance(w.make_due_moves(verify=green).move, NothingToDo)
    assert w.files() == {*BASE_FILES, "a.txt", "b.txt", "hand.txt"}, "only a landing was dropped"
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.make_due_moves(verify=green)
    assert w.files() == {*BASE_FILES, "a.txt", "b.txt"}


@pytest.mark.parametrize("gone", [False, True])
def test_what_was_taken_back_is_taken_back_where_integration_is_made_again(w: Landings, gone: bool) -> None:
    w.user.commit("taken", {"t.txt": "t\n"})
    taken_back = w.land("a", {"a.txt": "a\n"})
    if gone:
        w.user.git("branch", "-q", "-f", INTEGRATION, "main")
    w.land("b", {"b.txt": "b\n"})
    w.revert("a", taken_back)
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.make_due_moves(verify=green)
    assert w.files() == {*BASE_FILES, "b.txt"}


def test_taking_back_what_was_lost_brings_no_earlier_landing_into_history(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    taken_back = w.land("b", {"b.txt": "b\n"})
    w.user.git("branch", "-q", "-f", INTEGRATION, "main")
    w.land("c", {"c.txt": "c\n"})
    w.revert("b", taken_back)
    lost = {fact.landing.key[:2] for fact in w.make_due_moves().state.facts.lost}
    assert lost == {("a", 1), ("b", 1)}
    assert w.files() == {*BASE_FILES, "c.txt"}


def test_a_squashed_landing_is_taken_back_without_its_history(w: Landings) -> None:
    w.land("a", {"app.py": "app\nof a\n"})
    taken_back = w.land("b", {"b.txt": "b\n"})
    w.user.git("merge", "-q", "--squash", INTEGRATION)
    w.user.commit("squashed")
    w.make_due_moves(verify=green)
    w.user.commit("further", {"further.txt": "f\n"})
    w.land("c", {"c.txt": "c\n"})
    w.revert("b", taken_back)
    assert w.files() == {*BASE_FILES, "c.txt", "further.txt"}
    assert not w.repo.is_ancestor(taken_back, w.tip)
    w.user.git("reset", "-q", "--hard", "HEAD~1")
    w.make_due_moves(verify=green)
    w.user.git("commit", "-q", "--amend", "-m", "squashed again")
    w.make_due_moves(verify=green)
    assert w.files() == {*BASE_FILES, "c.txt"}
    assert w.user.git("show", f"{INTEGRATION}:app.py") == "app\nof a"


def test_what_was_taken_back_stays_so_however_often_integration_is_made_again(w: Landings) -> None:
    w.user.commit("one", {"one.txt": "1\n"})
    w.user.commit("two", {"two.txt": "2\n"})
    taken_back = w.land("a", {"a.txt": "a\n"})
    w.user.git("branch", "-q", "-f", INTEGRATION, "main")
    w.land("b", {"b.txt": "b\n"})
    w.revert("a", taken_back)
    for left in ({"one.txt"}, set[str]()):
        w.user.git("reset", "-q", "--hard", "HEAD~1")
        w.make_due_moves(verify=green)
        assert w.files() == {*BASE_FILES, "b.txt", *left}


def test_another_target_is_no_target_that_lost_commits(w: Landings) -> None:
    w.user.git("branch", "-q", "release")
    w.user.commit("taken", {"t.txt": "t\n"})
    w.land("a", {"a.txt": "a\n"})
    w.target = "release"
    assert isinstance(w.make_due_moves(verify=green).move, NothingToDo)
    assert "t.txt" in w.files()


# ---- what runs start from


def test_a_run_starts_with_the_targets_commits_although_they_are_not_verified_yet(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    w.user.commit("by a person", {"p.txt": "p\n"})
    tip = w.tip
    start = run_base(w.repo, w.branches, ())
    assert isinstance(start, RunBase)
    assert w.files(start.commit) >= {"a.txt", "p.txt"}
    assert (w.tip, start.lacks) == (tip, ())
    made = w.submit("b", start.commit, {"b.txt": "b\n"})
    assert w.merge("b", start.commit, made) is None, "its landing waits for the target's own entry"
    w.make_due_moves(verify=green)
    assert w.merge("b", start.commit, made)
    assert w.files() >= {"a.txt", "b.txt", "p.txt"}


def test_a_run_starts_from_the_tip_where_the_target_collides_and_says_what_it_lacks(w: Landings) -> None:
    w.land("a", {"app.py": "ours\n"})
    w.user.commit("by a person", {"app.py": "theirs\n"})
    start = run_base(w.repo, w.branches, ())
    assert isinstance(start, RunBase)
    assert start.commit == w.tip
    assert [line.split(" ", 1)[1] for line in start.lacks] == ["by a person"]


def _nothing(_: Landings) -> None:
    pass


def _moved_back(w: Landings) -> None:
    w.user.git("branch", "-q", "-f", INTEGRATION, "main")


def _dropped(w: Landings) -> None:
    w.user.commit("taken", {"t.txt": "t\n"})
    w.make_due_moves(verify=green)
    w.user.git("reset", "-q", "--hard", "HEAD~1")


@pytest.mark.parametrize(
    ("what", "said"),
    [(_nothing, ""), (_moved_back, "waits for a: "), (_dropped, "main lost commits that it had taken")],
)
def test_a_run_starts_only_from_what_has_its_dependencies(
    w: Landings, what: Callable[[Landings], None], said: str
) -> None:
    w.land("a", {"a.txt": "a\n"})
    (landing,) = w.landings()
    what(w)
    start = run_base(w.repo, w.branches, (NeededLanding(landing=landing, proof=""),))
    assert isinstance(start, NoBase if said else RunBase)
    assert not said or (isinstance(start, NoBase) and said in start.reason)


def test_a_dependency_that_was_squashed_into_the_target_is_met(w: Landings) -> None:
    w.land("a", {"a.txt": "a\n"})
    (landing,) = w.landings()
    w.user.git("merge", "-q", "--squash", INTEGRATION)
    w.user.commit("squashed")
    squashed = w.user.commit("further", {"a.txt": "changed since\n"})
    w.make_due_moves()
    for proof in ("", squashed):
        assert isinstance(run_base(w.repo, w.branches, (NeededLanding(landing=landing, proof=proof),)), RunBase)
