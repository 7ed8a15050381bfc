from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from coworkd.core.conflict_facts import LandedWork
from coworkd.core.errors import RepoError
from coworkd.core.policy.risky_paths import RiskTag
from coworkd.merge.continuation import continuation
from coworkd.merge.git.change_summary import summarise_change
from coworkd.merge.git.conflict_bundle import (
    MESSAGE_CAP,
    TASK_CAP,
    TEXT_CAP,
    ConflictKind,
    Dispute,
    add_notes,
    bundle,
    commits_since,
    conflict_facts,
    kind_of,
    landed_since,
)
from coworkd.merge.git.integration import MergeCommit, Submission, candidate, land
from coworkd.merge.git.loss_check import proof_sentence, prove_merge
from coworkd.merge.git.tree_merge import Conflicted
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, update_refs
from tests.integration.gitkit import Checkout, checkout

INTEGRATION = "cowork/integration"


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


def submission(commit: str, task: str = "t") -> Submission:
    return Submission(task=task, attempt=2, number=3, commit=commit, title="Do\nthe task")


def merged(repo: Repo, tip: str, commit: str, task: str = "t") -> MergeCommit:
    outcome = candidate(repo, tip, submission(commit, task))
    assert isinstance(outcome, MergeCommit), outcome
    return outcome


def conflicted(repo: Repo, tip: str, commit: str) -> Conflicted:
    outcome = candidate(repo, tip, submission(commit))
    assert isinstance(outcome, Conflicted)
    return outcome


def work(user: Checkout, files: Mapping[str, str | None], name: str = "work", start: str = "main") -> str:
    return user.branch(name, start, files)


def numbered(changes: Mapping[int, str] = {}) -> str:
    return "".join(f"{changes.get(n, f'line {n}')}\n" for n in range(1, 21))


def test_a_candidate_is_a_merge_that_says_what_it_is(user: Checkout, repo: Repo) -> None:
    sub = work(user, {"new.txt": "new\n"})
    tip = user.commit("tip", {"tip.txt": "tip\n"})
    before = user.state()
    got = merged(repo, tip, sub)
    assert user.git("rev-parse", f"{got.commit}^1", f"{got.commit}^2").split() == [tip, sub]
    assert user.git("log", "-1", "--format=%B", got.commit) == (
        f"Do the task\n\nCowork-Task: t\nCowork-Attempt: 2\nCowork-Submission: 3 {sub}"
    )
    assert user.git("log", "-1", "--format=%an <%ae>", got.commit) == "Anna <anna@example.org>"
    assert got.tree == user.git("rev-parse", f"{got.commit}^{{tree}}")
    assert user.state() == before


def test_where_a_fast_forward_would_do_it_is_a_merge_too(user: Checkout, repo: Repo) -> None:
    tip = user.git("rev-parse", "main")
    sub = work(user, {"new.txt": "new\n"})
    got = merged(repo, tip, sub)
    assert got.tree == repo.tree_of(sub)
    assert user.git("rev-parse", f"{got.commit}^1", f"{got.commit}^2").split() == [tip, sub]


def test_without_a_name_in_git_the_merge_is_coworkds(user: Checkout, repo: Repo) -> None:
    for part in ("name", "email"):
        user.git("config", "--unset", f"user.{part}")
        user.git("config", "user.useConfigOnly", "true")
    anonymous = repo.with_env({"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})
    sub = user.git("rev-parse", "main")
    got = merged(anonymous, sub, sub)
    assert user.git("log", "-1", "--format=%an <%ae>", got.commit) == "coworkd <coworkd@localhost.invalid>"


def test_a_conflict_is_a_value_with_its_stages(user: Checkout, repo: Repo) -> None:
    sub = work(user, {"app.py": numbered({5: "theirs"}), "src/two.txt": None, "fine.txt": "f\n"})
    tip = user.commit("tip", {"app.py": numbered({5: "ours"}), "src/two.txt": "changed\n"})
    before = user.state()
    got = conflicted(repo, tip, sub)
    assert got.paths == ("app.py", "src/two.txt")
    assert [(file.path, [stage.number for stage in file.stages]) for file in got.files] == [
        ("app.py", [1, 2, 3]),
        ("src/two.txt", [1, 2]),
    ]
    assert {message.kind for message in got.messages if message.kind.startswith("CONFLICT")} == {
        "CONFLICT (contents)",
        "CONFLICT (modify/delete)",
    }
    assert user.state() == before


def test_unrelated_histories_are_an_error(user: Checkout, repo: Repo) -> None:
    strange = user.git("commit-tree", "-m", "strange", user.git("rev-parse", "main^{tree}"))
    with pytest.raises(RepoError, match="cannot merge"):
        candidate(repo, user.git("rev-parse", "main"), submission(strange))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"tip.txt": "tip\n"}, {"new.txt": "new\n"}),
        ({"app.py": numbered({2: "ours"})}, {"app.py": numbered({18: "theirs"}), "new.txt": "new\n"}),
        ({"src/one.txt": None}, {"src/two.txt": None}),
        ({"src/one.txt": None}, {"src/one.txt": None, "new.txt": "n\n"}),
        ({"same.txt": "same\n"}, {"same.txt": "same\n"}),
        ({}, {"app.py": "all new\n"}),
        ({"app.py": "all new\n"}, {}),
        ({"app.py": None, "moved.py": numbered()}, {"app.py": numbered({9: "theirs"})}),
        ({"app.py": numbered({9: "ours"})}, {"app.py": None, "moved.py": numbered()}),
        ({"odd\nname\t": "x\n"}, {'quo"te': "y\n", "grüße": "z\n"}),
    ],
)
def test_the_proof_holds_for_what_git_merges(
    user: Checkout, repo: Repo, ours: dict[str, str | None], theirs: dict[str, str | None]
) -> None:
    base = user.git("rev-parse", "main")
    sub = work(user, theirs)
    tip = user.commit("tip", ours)
    got = merged(repo, tip, sub)
    found = prove_merge(repo, tip, sub, base, got.commit)
    assert found.ok, found.detail


def forged(user: Checkout, tip: str, sub: str, files: Mapping[str, str | None]) -> str:
    """A merge commit with a tree that no merge made."""
    user.git("checkout", "-q", "--detach", tip)
    made = user.commit("forged", files)
    user.git("checkout", "-q", "main")
    return user.git("commit-tree", "-p", tip, "-p", sub, "-m", "forged", f"{made}^{{tree}}")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"new.txt": "new\n", "tip.txt": None}, "tip.txt: differs from the tip although"),
        ({"new.txt": "new\n", "src/one.txt": "x\n"}, "src/one.txt: differs from the tip although"),
        ({}, "new.txt: only the submission changed it"),
        ({"new.txt": "otherwise\n"}, "new.txt: only the submission changed it"),
    ],
)
def test_the_proof_fails_where_a_side_was_dropped(
    user: Checkout, repo: Repo, files: dict[str, str | None], said: str
) -> None:
    base = user.git("rev-parse", "main")
    sub = work(user, {"new.txt": "new\n"})
    tip = user.commit("tip", {"tip.txt": "tip\n"})
    found = prove_merge(repo, tip, sub, base, forged(user, tip, sub, files))
    assert not found.ok
    assert said in found.detail


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"tip.txt": "t\n"}, {"new.txt": "n\n"}, "the changed file is in the result as submitted"),
        ({"tip.txt": "t\n"}, {"new.txt": "n\n", "b": "b\n"}, "all 2 changed files are in the result as submitted"),
        (
            {"app.py": numbered({2: "ours"})},
            {"app.py": numbered({18: "theirs"}), "new.txt": "n\n"},
            "1 of 2 changed files is in the result as submitted; app.py by the same patch, on top of the tip's own change",
        ),
        (
            {"app.py": numbered({2: "ours", 18: "both"})},
            {"app.py": numbered({10: "theirs", 18: "both"})},
            "app.py with every line that the change adds",
        ),
        (
            {"app.py": None, "moved.py": numbered()},
            {"app.py": numbered({9: "theirs"})},
            "app.py along a rename",
        ),
        ({"+++ odd": numbered({2: "--- a"})}, {"+++ odd": numbered({2: "--- a", 18: "b"}), '"': "q\n"}, "1 of 2"),
    ],
)
def test_the_proof_says_how_each_file_is_known_to_be_there(
    user: Checkout, repo: Repo, ours: dict[str, str | None], theirs: dict[str, str | None], said: str
) -> None:
    user.commit("more", {"+++ odd": numbered()})
    base = user.git("rev-parse", "main")
    sub = work(user, theirs)
    tip = user.commit("tip", ours)
    found = prove_merge(repo, tip, sub, base, merged(repo, tip, sub).commit)
    assert found.ok
    assert said in found.detail
    assert proof_sentence(found.detail).startswith("Nothing lost: ")
    assert found.detail.endswith("; nothing else differs from the tip")


def test_a_merge_driver_that_drops_lines_is_named_in_the_proof(user: Checkout, repo: Repo) -> None:
    user.git("config", "merge.mine.driver", "true")
    base = user.commit("attributes", {".gitattributes": "app.py merge=mine\n"})
    sub = work(user, {"app.py": numbered({18: "theirs"})})
    tip = user.commit("tip", {"app.py": numbered({2: "ours"})})
    found = prove_merge(repo, tip, sub, base, merged(repo, tip, sub).commit)
    assert proof_sentence(found.detail).startswith("**Lines are missing**: ")
    assert "app.py without some of the lines that the change adds" in found.detail


def test_a_merge_driver_that_drops_what_landed_before_is_named_in_the_proof(user: Checkout, repo: Repo) -> None:
    user.git("config", "merge.theirs.driver", "cp %B %A")
    base = user.commit("attributes", {".gitattributes": "app.py merge=theirs\n"})
    sub = work(user, {"app.py": numbered({18: "theirs"})})
    tip = user.commit("tip", {"app.py": numbered({2: "ours"})})
    found = prove_merge(repo, tip, sub, base, merged(repo, tip, sub).commit)
    assert proof_sentence(found.detail).startswith("**Lines are missing**: ")
    assert "app.py without some of the lines that have landed before" in found.detail


def test_the_proof_of_a_submission_that_merged_the_tip(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    work(user, {"app.py": numbered({5: "theirs"})})
    tip = user.commit("tip", {"app.py": numbered({5: "ours"}), "tip.txt": "tip\n"})
    user.git("checkout", "-q", "work")
    user.git("merge", "-q", "-s", "ours", "--no-commit", tip)
    resolved = user.commit("resolved", {"app.py": numbered({5: "both"}), "tip.txt": "tip\n"})
    user.git("checkout", "-q", "main")
    assert prove_merge(repo, tip, resolved, base, merged(repo, tip, resolved).commit).ok


def test_the_proof_counts_from_where_the_two_really_parted(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    between = user.commit("changed", {"src/one.txt": "changed\n"})
    sub = work(user, {"new.txt": "new\n"}, start=between)
    tip = user.commit("changed back", {"src/one.txt": "one\n"})
    found = prove_merge(repo, tip, sub, base, merged(repo, tip, sub).commit)
    assert found.ok, found.detail


def test_landing_moves_integration_and_records_it_in_one_step(user: Checkout, repo: Repo) -> None:
    tip = user.git("rev-parse", "main")
    first = merged(repo, tip, work(user, {"a.txt": "a\n"}))
    second = merged(repo, tip, work(user, {"b.txt": "b\n"}, "other"))
    before = user.state()
    assert land(repo, INTEGRATION, None, tip, 1)
    assert land(repo, INTEGRATION, tip, first.commit, 2)
    assert not land(repo, INTEGRATION, tip, second.commit, 3)
    assert user.git("rev-parse", INTEGRATION, "refs/cowork/land/2").split() == [first.commit] * 2
    assert repo.commit("refs/cowork/land/3") is None
    assert user.state() == before


def test_landing_on_a_branch_the_user_stands_on_is_refused(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    tip = user.git("rev-parse", "main")
    got = merged(repo, tip, work(user, {"a.txt": "a\n"}))
    land(repo, INTEGRATION, None, tip, 1)
    user.git("worktree", "add", "-q", str(tmp_path / "look"), INTEGRATION)
    with pytest.raises(RepoError, match="is checked out in a worktree"):
        land(repo, INTEGRATION, tip, got.commit, 2)
    assert user.git("rev-parse", INTEGRATION) == tip


def test_an_integration_branch_that_is_another_name_is_refused(user: Checkout, repo: Repo) -> None:
    tip = user.git("rev-parse", "main")
    got = merged(repo, tip, work(user, {"a.txt": "a\n"}))
    user.git("symbolic-ref", f"refs/heads/{INTEGRATION}", "refs/heads/main")
    with pytest.raises(RepoError, match="only another name"):
        land(repo, INTEGRATION, tip, got.commit, 1)
    assert user.git("rev-parse", "main") == tip


def test_fifty_branches_with_five_conflicts_land_all_but_five(user: Checkout, repo: Repo) -> None:
    base = user.commit("many", {f"f{n}.txt": f"{n}\n" for n in range(50)})
    script: list[str] = []
    for n in range(50):
        path = f"f{n if n % 10 else n + 1}.txt"
        script.append(
            f"commit refs/heads/w{n}\ncommitter A <a@example.org> 0 +0000\ndata 1\nw\nfrom {base}\n"
            f"M 100644 inline {path}\ndata <<END\nchanged by {n}\nEND\n\n"
        )
    user.git("fast-import", "--quiet", stdin="".join(script))
    before = user.state()
    tip, bounced = base, 0
    assert land(repo, INTEGRATION, None, base, 0)
    for n in range(50):
        sub = repo.commit(f"refs/heads/w{n}") or ""
        outcome = candidate(repo, tip, submission(sub, f"w{n}"))
        if isinstance(outcome, Conflicted):
            bounced += 1
            continue
        assert prove_merge(repo, tip, sub, base, outcome.commit).ok
        assert land(repo, INTEGRATION, tip, outcome.commit, n + 1)
        tip = outcome.commit
    assert bounced == 5
    assert user.git("rev-parse", INTEGRATION) == tip
    changed = user.git("diff", "--name-only", base, tip).split()
    assert len(changed) == 45
    assert user.state() == before


def test_a_candidate_survives_a_gc_once_it_has_a_ref(user: Checkout, repo: Repo) -> None:
    tip = user.git("rev-parse", "main")
    got = merged(repo, tip, work(user, {"a.txt": "a\n"}))
    assert update_refs(repo, [RefChange(name="refs/cowork/cand/1", old=None, new=got.commit)])
    user.git("gc", "-q", "--prune=now")
    assert land(repo, INTEGRATION, None, got.commit, 1)
    user.git("fsck", "--strict")


def test_a_bundle_holds_all_that_its_author_needs(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    sub = work(user, {"app.py": numbered({5: "theirs"}), "src/two.txt": None})
    first = merged(repo, base, work(user, {"app.py": numbered({5: "ours"})}, "other"), "rename-lines")
    second = merged(repo, first.commit, work(user, {"src/two.txt": "changed\n"}, "third"), "two")
    third = merged(repo, second.commit, work(user, {"far.txt": "far\n"}, "fourth"), "unrelated")
    conflict = conflicted(repo, third.commit, sub)
    dispute = Dispute(
        submission=submission(sub),
        tip=third.commit,
        base=base,
        kind=kind_of(conflict),
        conflict=conflict,
        gate_log="x" * 20_000 + "the end",
        allowed=("src/**",),
    )
    got = json.loads(bundle(repo, dispute))
    assert (got["task"], got["attempt"], got["submission"]) == ("t", 2, {"number": 3, "commit": sub})
    assert (got["tip"], got["base"], got["kind"]) == (third.commit, base, "modify/delete")
    assert got["landed_since"] == ["two", "rename-lines"]
    assert got["allowed_paths"] == ["src/**"]
    assert got["gate_log"].endswith("the end")
    assert len(got["gate_log"]) < 20_000
    app, two = got["files"]
    assert app["path"] == "app.py"
    assert app["base"]["text"] == numbered()
    assert app["tip"]["text"] == numbered({5: "ours"})
    assert app["submission"] == {
        "mode": "100644",
        "id": user.git("rev-parse", f"{sub}:app.py"),
        "text": numbered({5: "theirs"}),
        "cut": False,
        "binary": False,
    }
    assert (two["path"], two["submission"], two["tip"]["text"]) == ("src/two.txt", None, "changed\n")
    assert any("CONFLICT" in message["text"] for message in got["messages"])


def test_a_bundle_cuts_what_is_long_and_quotes_no_binary(user: Checkout, repo: Repo) -> None:
    sub = work(user, {"long.txt": "theirs\n" * 20_000, "data.bin": "\0theirs"})
    tip = user.commit("tip", {"long.txt": "ours\n" * 20_000, "data.bin": "\0ours"})
    conflict = conflicted(repo, tip, sub)
    dispute = Dispute(submission=submission(sub), tip=tip, base=tip, kind=ConflictKind.CONTENT, conflict=conflict)
    data, long = json.loads(bundle(repo, dispute))["files"]
    assert (data["path"], data["tip"]["text"], data["tip"]["binary"]) == ("data.bin", None, True)
    assert len(long["submission"]["text"]) == TEXT_CAP
    assert long["submission"]["cut"]


def test_what_landed_was_for_is_added_to_a_bundle(tmp_path: Path, user: Checkout, repo: Repo) -> None:
    sub = work(user, {"app.py": "theirs\n"})
    tip = user.commit("tip", {"app.py": "ours\n"})
    dispute = Dispute(
        submission=submission(sub), tip=tip, base=tip, kind=ConflictKind.CONTENT, conflict=conflicted(repo, tip, sub)
    )
    file = tmp_path / "t-3.json"
    file.write_text(bundle(repo, dispute))
    before = json.loads(file.read_text())
    add_notes(file, [LandedWork(task="a", title="A", text="x" * 10_000, reply="y" * 10_000)], ("src/**",))
    after = json.loads(file.read_text())
    assert before["files"] == after["files"]
    (one,) = after["landed"]
    assert (one["task"], one["title"], len(one["text"]), len(one["reply"])) == ("a", "A", TASK_CAP, MESSAGE_CAP)
    assert after["allowed_paths"] == ["src/**"]
    add_notes(tmp_path / "gone.json", [], ())
    assert not (tmp_path / "gone.json").exists()


def test_a_red_verification_makes_a_bundle_without_files(user: Checkout, repo: Repo) -> None:
    tip = user.git("rev-parse", "main")
    sub = work(user, {"a.txt": "a\n"})
    dispute = Dispute(submission=submission(sub), tip=tip, base=tip, kind=ConflictKind.VERIFY, gate_log="1 failed")
    got = json.loads(bundle(repo, dispute))
    assert (got["kind"], got["files"], got["gate_log"]) == ("verify", [], "1 failed")


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ({"app.py": "ours\n"}, {"app.py": "theirs\n"}, ConflictKind.CONTENT),
        ({"new.txt": "ours\n"}, {"new.txt": "theirs\n"}, ConflictKind.CONTENT),
        ({"app.py": None}, {"app.py": numbered({3: "x"})}, ConflictKind.MODIFY_DELETE),
        ({"app.py": None, "a.py": numbered()}, {"app.py": None, "b.py": numbered()}, ConflictKind.RENAME),
    ],
)
def test_kinds_of_conflict(
    user: Checkout, repo: Repo, ours: dict[str, str | None], theirs: dict[str, str | None], kind: ConflictKind
) -> None:
    sub = work(user, theirs)
    assert kind_of(conflicted(repo, user.commit("tip", ours), sub)) == kind


def test_what_landed_since_without_paths_is_everything(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    first = merged(repo, base, work(user, {"a.txt": "a\n"}), "one")
    second = merged(repo, first.commit, work(user, {"b.txt": "b\n"}, "b"), "two")
    assert landed_since(repo, base, second.commit, ()) == ["two", "one"]
    assert landed_since(repo, base, second.commit, ("a.txt",)) == ["one"]


def test_what_landed_since_a_submission_is_named_where_the_tip_merged_it_onto_the_same_base(
    user: Checkout, repo: Repo
) -> None:
    base = user.git("rev-parse", "main")
    mine = work(user, {"app.py": numbered({5: "mine"})}, "mine")
    first = merged(repo, base, work(user, {"app.py": numbered({5: "ours"})}), "one")
    second = merged(repo, first.commit, work(user, {"b.txt": "b\n"}, "b"), "two")
    assert landed_since(repo, mine, second.commit, ("app.py",)) == ["one"]
    facts = conflict_facts(repo, mine, second.commit, conflicted(repo, second.commit, mine))
    assert (facts.paths, facts.landed) == (("app.py",), ("one",))
    (commit,) = commits_since(repo, mine, second.commit, facts.paths)
    assert facts.commits == (f"{commit.commit[:12]} {commit.message}",)
    assert facts.remarks == ("CONFLICT (content): Merge conflict in app.py",)


def test_a_change_is_described_file_by_file(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    sub = work(
        user,
        {
            "app.py": None,
            "moved.py": numbered({3: "x"}),
            "src/one.txt": "one\ntwo\n",
            "src/two.txt": None,
            "data.bin": "\0",
        },
    )
    got = summarise_change(repo, base, sub)
    assert [(f.status, f.old_path, f.path, f.added, f.removed) for f in got.files] == [
        ("A", "", "data.bin", None, None),
        ("R", "app.py", "moved.py", 1, 1),
        ("M", "", "src/one.txt", 1, 0),
        ("D", "", "src/two.txt", 0, 1),
    ]
    assert (got.insertions, got.deletions, got.truncated, got.risks) == (2, 2, False, ())
    assert "rename from app.py" in got.diff_head
    assert "+two\n" in got.diff_head


def test_a_long_diff_is_cut_at_a_line(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    sub = work(user, {"a.txt": "a\n" * 30, "b.txt": "b\n" * 30})
    got = summarise_change(repo, base, sub, lines=20)
    assert got.truncated
    assert len(got.diff_head.splitlines()) == 20
    assert "b.txt" not in got.diff_head
    assert got.insertions == 60


def test_an_empty_change(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    got = summarise_change(repo, base, base)
    assert (got.files, got.diff_head, got.truncated) == ((), "", False)


@pytest.mark.parametrize(
    ("path", "tags"),
    [
        (".husky/pre-commit", {RiskTag.RUNS_HERE}),
        (".GitHub/Workflows/ci.yml", {RiskTag.RUNS_HERE}),
        ("sub/.envrc", {RiskTag.RUNS_HERE}),
        ("package.json", {RiskTag.RUNS_HERE}),
        ("tests/conftest.py", set[RiskTag]()),
        ("web/tsconfig.json", {RiskTag.CHECK_RULES}),
        (".gitattributes", {RiskTag.RUNS_HERE}),
        (".gitignore", set[RiskTag]()),
        ("src/hooks/use_theme.ts", set[RiskTag]()),
    ],
)
def test_risks_by_path(user: Checkout, repo: Repo, path: str, tags: set[RiskTag]) -> None:
    base = user.git("rev-parse", "main")
    sub = work(user, {path: "x\n"})
    assert {risk.tag for risk in summarise_change(repo, base, sub).risks} == tags


@pytest.mark.parametrize(("goal", "out"), [("/etc/passwd", True), ("../../x", True), ("../app.py", False)])
def test_links_that_lead_out_are_a_risk(user: Checkout, repo: Repo, goal: str, out: bool) -> None:
    base = user.git("rev-parse", "main")
    (user.root / "src" / "link").symlink_to(goal)
    sub = user.commit("link")
    assert [risk.tag for risk in summarise_change(repo, base, sub).risks] == ([RiskTag.LINK_OUT] if out else [])


def test_reviewed_work_is_gone_on_with_from_the_tip(user: Checkout, repo: Repo) -> None:
    base = user.git("rev-parse", "main")
    reviewed = user.branch("work", "main", {"new.txt": "new\n", "app.py": "mine\n"})
    same = continuation(repo, base, reviewed, base)
    assert (same.base, same.commit) == (base, reviewed)
    tip = user.commit("elsewhere", {"src/two.txt": "two, too\n"})
    moved = continuation(repo, tip, reviewed, base)
    assert moved.base == tip
    assert user.git("rev-parse", f"{moved.commit}^1", f"{moved.commit}^2").split() == [reviewed, tip]
    assert user.git("diff", "--name-only", tip, moved.commit).split() == ["app.py", "new.txt"]
    rival = user.commit("the same file", {"app.py": "theirs\n"})
    collided = continuation(repo, rival, reviewed, base)
    assert (collided.base, collided.commit) == (base, reviewed)
