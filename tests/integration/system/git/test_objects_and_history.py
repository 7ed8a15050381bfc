"""What is read from objects is what git itself says: of files, of differences, of histories of any shape."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from coworkd.core.errors import RepoError
from coworkd.system.git import Repo
from coworkd.system.git.object_reader import CachedGitState
from coworkd.system.git.objects import ObjectMemory, parse_commit, parse_tree
from coworkd.system.git.trees import differences, files_of
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


def _history(user: Checkout, seed: int) -> list[str]:
    """Commits with one to three parents, with clocks that differ by more than their distance."""
    rng = random.Random(seed)
    tree = user.git("rev-parse", "HEAD^{tree}")
    made = [user.git("commit-tree", tree, "-m", "first", env=dict.fromkeys(_DATES, "@1600000000 +0000"))]
    for number in range(40):
        parents = rng.sample(made[-8:], min(rng.choice((1, 1, 1, 2, 3)), len(made)))
        date = {name: f"@{1_700_000_000 + number * 10 + rng.randint(-25, 25)} +0000" for name in _DATES}
        words = [word for parent in parents for word in ("-p", parent)]
        made.append(user.git("commit-tree", tree, *words, "-m", str(number), env=date))
    return made


_DATES = ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")


@pytest.mark.parametrize("seed", range(3))
def test_histories_are_walked_as_git_walks_them(user: Checkout, seed: int) -> None:
    made, rng = _history(user, seed), random.Random(seed)
    with user.open() as repo:
        for _ in range(25):
            one, other = rng.sample(made, 2)
            contained = repo.run("merge-base", "--is-ancestor", one, other, check=False).code == 0
            assert repo.is_ancestor(one, other) == contained
            assert set(repo.merge_bases(one, other)) == set(
                repo.run("merge-base", "--all", one, other, check=False).text.split()
            )
            tips, without = rng.sample(made, 2), rng.sample(made, 2)
            asked = ("rev-list", *tips, *(f"^{commit}" for commit in without))
            assert set(repo.commits_between(tips, without)) == set(repo.run(*asked).text.split())
            lines = repo.run("rev-list", "--first-parent", "--parents", one, f"^{other}").lines
            assert [" ".join((commit, *parents)) for commit, parents in repo.first_parents(one, [other])] == lines


def test_what_is_far_is_asked_of_git(user: Checkout) -> None:
    first = user.git("rev-parse", "HEAD")
    lines = (
        f"commit refs/heads/long\ncommitter U <u@example.com> {1_700_000_000 + number} +0000\ndata 1\nx\n"
        + (f"from {first}\n" if number == 0 else "")
        for number in range(1500)
    )
    user.git("fast-import", "--quiet", stdin="".join(lines))
    with user.open() as repo:
        assert repo.is_ancestor(first, "refs/heads/long")
        assert not repo.is_ancestor("refs/heads/long", first)
        assert len(repo.commits_between(["refs/heads/long"], [first])) == 1500
        assert len(repo.first_parents("refs/heads/long", [first])) == 1500
        assert repo.merge_bases("refs/heads/long", first) == [first]


def test_histories_without_a_common_commit(user: Checkout) -> None:
    tree = user.git("rev-parse", "HEAD^{tree}")
    other = user.git("commit-tree", tree, "-m", "another beginning")
    with user.open() as repo:
        assert repo.merge_bases("HEAD", other) == []
        assert not repo.is_ancestor(other, "HEAD")
        assert repo.commits_between([other], ["HEAD"]) == [other]
        with pytest.raises(RepoError, match="is not a commit"):
            repo.is_ancestor("0" * 40, "HEAD")


def test_a_shallow_clone_ends_where_git_says(user: Checkout, tmp_path: Path) -> None:
    for number in range(4):
        user.commit(str(number), {"app.py": f"{number}\n"})
    user.git("clone", "-q", "--depth=2", f"file://{user.root}", str(tmp_path / "shallow"))
    with Repo.open(tmp_path / "shallow") as repo:
        assert repo.commits_between(["HEAD"], []) == repo.run("rev-list", "HEAD").text.split()


def test_files_and_differences_are_those_of_git(user: Checkout) -> None:
    before = user.commit("a", {"a/b/c.py": "1\n", "a/d": "2\n", "e": "3\n", "f/g": "4\n", "héllo wörld\n": "5\n"})
    user.git("rm", "-rqf", "a/b", "f/g")
    user.git("update-index", "--add", "--cacheinfo", f"160000,{before},sub/module")
    (user.root / "f").mkdir(exist_ok=True)
    os.symlink("e", user.root / "f" / "link")
    (user.root / "e").chmod(0o755)
    after = user.commit("b", {"a/b": "a file now\n", "new/deep/er": "6\n"})
    with user.open() as repo:
        for commit in (before, after):
            listed = repo.run("ls-tree", "-r", "-z", commit).fields
            assert [f"{e.mode} {e.path}" for e in files_of(repo, commit)] == [
                f"{line[:6]} {line.split(chr(9), 1)[1]}" for line in listed
            ]
        for old, new in ((before, after), (after, before), (before, before)):
            fields = iter(repo.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).fields)
            git = {next(fields): field[1:].split(" ")[:4] for field in fields}
            ours = {one.path: [one.old[0], one.new[0], one.old[1], one.new[1]] for one in differences(repo, old, new)}
            assert ours == git
        assert {one.path for one in differences(repo, "", after)} == {entry.path for entry in files_of(repo, after)}


def test_a_tree_that_names_itself_many_times_is_refused_before_it_fills_the_memory(user: Checkout) -> None:
    tree = user.git("mktree", stdin=f"100644 blob {user.git('rev-parse', 'HEAD:app.py')}\tfile\n")
    for _ in range(7):
        tree = user.git("mktree", stdin="".join(f"040000 tree {tree}\t{number:02}\n" for number in range(10)))
    with user.open() as repo:
        with pytest.raises(RepoError, match="more than"):
            files_of(repo, tree)
        with pytest.raises(RepoError, match="more than"):
            differences(repo, "", tree)


def test_an_object_of_another_kind_and_one_that_is_missing_are_errors(user: Checkout) -> None:
    blob, tree = user.git("rev-parse", "HEAD:app.py"), user.git("rev-parse", "HEAD^{tree}")
    with user.open() as repo:
        with pytest.raises(RepoError, match="not a tree"):
            repo.trees([blob])
        with pytest.raises(RepoError, match="not a commit"):
            repo.commits(["1" * 40])
        with pytest.raises(RepoError, match="not a blob"):
            repo.blob(tree)
        assert [info and info.kind for info in repo.infos([blob, tree, "nothing"])] == ["blob", "tree", None]


def test_large_contents_and_many_questions_do_not_block_each_other(user: Checkout) -> None:
    text = "x" * 3_000_000
    user.commit("large", {f"large{number}": f"{number}{text}" for number in range(3)})
    with user.open() as repo:
        blobs = repo.resolve_all([f"HEAD:large{number % 3}" for number in range(1000)])
        assert [len(repo.blob(blob or "")) for blob in blobs[:3]] == [3_000_001] * 3
        assert len(repo.infos(["HEAD"] * 5000)) == 5000


def test_a_reader_is_started_again_where_git_would_answer_otherwise(user: Checkout) -> None:
    user.git("repack", "-adq")
    folder = user.root / ".git"
    seen = CachedGitState.of(folder)
    assert seen.seen_again(folder) is seen
    user.commit("more", {"more.py": "1\n"})
    user.git("repack", "-q")
    more = seen.seen_again(folder)
    assert more, "git finds a pack that was added"
    assert more.seen_again(folder) is more, "packs are listed once for each that comes"
    (added,) = (name for _, names in more.packs.values() for name in names if name not in str(seen.packs))
    for kept in (folder / "objects" / "pack").glob(f"{added.removesuffix('.pack')}.*"):
        kept.unlink()
    assert more.seen_again(folder) is None, "git may have opened one that is removed again"
    user.git("repack", "-adq")
    assert seen.seen_again(folder) is None, "one was removed"
    seen = CachedGitState.of(folder)
    user.git("config", "core.abbrev", "12")
    assert seen.seen_again(folder) is None


def test_a_pruned_object_is_missed(user: Checkout) -> None:
    gone = user.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "gone")
    user.git("update-ref", "refs/heads/gone", gone)
    user.git("repack", "-adq")
    with user.open() as repo:
        assert repo.commit(gone) == gone
        user.git("update-ref", "-d", "refs/heads/gone")
        user.git("-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
        assert repo.commit(gone) is None


def test_the_memory_is_bounded(user: Checkout) -> None:
    memory = ObjectMemory(size=1000)
    memory.add({f"{number}": b"x" * 100 for number in range(20)})
    assert memory.get("0") is None
    assert memory.get("19") == b"x" * 100
    memory.clear()
    assert memory.get("19") is None


def test_damaged_objects_are_errors() -> None:
    with pytest.raises(RepoError):
        parse_commit(b"nothing")
    for content in (b"100644 a", b"100644 a\0short", b"no space"):
        with pytest.raises(RepoError):
            parse_tree(content, "sha1")
    commit = parse_commit(b"tree " + b"1" * 40 + b"\nauthor x\ncommitter x\n\ncommitter y <z> 12 +0000\n")
    assert (commit.parents, commit.time) == ((), 0)
