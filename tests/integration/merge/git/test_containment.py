"""Which landings a commit contains, and that old landings are not looked at again for each new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.merge.git.containment import contained_in
from coworkd.store.landings import Landing
from coworkd.system.git.objects import ObjectMemory
from tests.integration.gitkit import Checkout, checkout


class CountedMemory(ObjectMemory):
    """Counts the objects that are wanted."""

    wanted = 0

    def get(self, object_id: str) -> bytes | None:
        self.wanted += 1
        return super().get(object_id)


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


def _land(user: Checkout, tip: str, number: int) -> Landing:
    """A file of its own, submitted on the tip and merged with it."""
    blob = user.git("hash-object", "-w", "--stdin", stdin=f"{number}\n")
    entries = user.git("ls-tree", tip)
    tree = user.git("mktree", stdin=f"{entries}\n100644 blob {blob}\tfile{number}\n")
    work = user.git("commit-tree", tree, "-p", tip, stdin="work")
    landed = user.git("commit-tree", tree, "-p", tip, "-p", work, stdin="landing")
    return Landing(task=f"t{number}", number=1, submission=work, commit=landed)


def test_a_new_landing_has_no_old_one_looked_at(user: Checkout) -> None:
    target = tip = user.git("rev-parse", "HEAD")
    landings, wanted = list[Landing](), list[int]()
    with user.open() as repo:
        for number in range(30):
            landings.append(_land(user, tip, number))
            tip = landings[-1].commit
            repo.memory = memory = CountedMemory()
            assert contained_in(repo, landings, tip) == frozenset(landings)
            assert contained_in(repo, landings, target) == frozenset()
            wanted.append(memory.wanted)
    assert wanted[-1] == wanted[5], wanted


def test_what_the_target_gets_by_a_squash_or_a_copy_is_found_after_it_was_known_to_lack_it(user: Checkout) -> None:
    target = tip = user.git("rev-parse", "HEAD")
    landings = list[Landing]()
    for number in range(3):
        landings.append(_land(user, tip, number))
        tip = landings[-1].commit
    with user.open() as repo:
        assert contained_in(repo, landings, target) == frozenset()
        squashed = user.git("commit-tree", f"{landings[1].commit}^{{tree}}", "-p", target, stdin="squash")
        assert contained_in(repo, landings, squashed) == frozenset(landings[:2])
        copied = user.git("commit-tree", f"{landings[0].commit}^{{tree}}", "-p", target, stdin="copy")
        assert contained_in(repo, landings, copied) == frozenset(landings[:1])
        assert contained_in(repo, landings, target) == frozenset()


def test_a_landing_that_git_lost_is_nowhere_whatever_is_remembered_of_it(user: Checkout) -> None:
    target = user.git("rev-parse", "HEAD")
    first = _land(user, target, 0)
    with user.open() as repo:
        assert contained_in(repo, [first], target) == frozenset()
        user.git("prune", "--expire=now")
        second = _land(user, target, 1)
        assert contained_in(repo, [first, second], target) == frozenset()
        assert contained_in(repo, [first, second], second.commit) == {second}
