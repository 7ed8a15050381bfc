"""What is remembered of branches is what git says of them, while they grow and when they are made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.merge.git.ancestry import ancestors_in, first_parents
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


def _commit(user: Checkout, *parents: str) -> str:
    words = [word for parent in parents for word in ("-p", parent)]
    return user.git("commit-tree", "HEAD^{tree}", *words, stdin="on top of " + " ".join(parents))


def test_a_growing_branch_and_its_target(user: Checkout) -> None:
    target = user.git("rev-parse", "HEAD")
    tip, landings = target, list[str]()
    with user.open() as repo:
        for number in range(6):
            work = _commit(user, tip, *([landings[0]] if number == 3 else []))
            tip = _commit(user, tip, work)
            landings.append(tip)
            asked = [*landings, work, target, "0" * 40]
            if number % 2:
                asked.reverse()
            for branch in (tip, target, tip):
                contained = {
                    one for one in asked
                    if repo.run("merge-base", "--is-ancestor", one, branch, check=False).code == 0
                }  # fmt: skip
                assert ancestors_in(repo, asked, branch) == contained
            for without in ([target], [target, landings[0]], []):
                lines = repo.run("rev-list", "--first-parent", "--parents", tip, *(f"^{one}" for one in without)).lines
                for _ in range(2):
                    chain = first_parents(repo, tip, without)
                    assert [" ".join((commit, *parents)) for commit, parents in chain] == lines


def test_a_branch_that_is_made_again_without_a_landing(user: Checkout) -> None:
    start = user.git("rev-parse", "HEAD")
    kept, lost = _commit(user, start, _commit(user, start)), ""
    lost = _commit(user, kept, _commit(user, kept, start))
    again = _commit(user, kept)
    with user.open() as repo:
        assert ancestors_in(repo, [kept, lost], lost) == {kept, lost}
        assert ancestors_in(repo, [kept, lost], again) == {kept}
        assert ancestors_in(repo, [again, lost], _commit(user, again)) == {again}
        assert first_parents(repo, start, [start]) == []
        assert [commit for commit, _ in first_parents(repo, again, [start])] == [again, kept]
        assert [commit for commit, _ in first_parents(repo, lost, [again])] == [lost]
        assert first_parents(repo, kept, [lost]) == []


def test_what_comes_later_is_seen(user: Checkout) -> None:
    start = user.git("rev-parse", "HEAD")
    later = user.git(
        "hash-object", "-t", "commit", "--stdin", stdin=user.git("cat-file", "commit", start) + "\nlater\n"
    )
    with user.open() as repo:
        assert ancestors_in(repo, [later], start) == frozenset()
        assert repo.commit(later) is None
        user.git(
            "hash-object", "-w", "-t", "commit", "--stdin", stdin=user.git("cat-file", "commit", start) + "\nlater\n"
        )
        assert ancestors_in(repo, [later], later) == {later}
        assert ancestors_in(repo, [later], start) == frozenset()
