from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.system.git import Repo
from coworkd.system.git.packs import count_packs, join_packs
from tests.integration.gitkit import Checkout, checkout


def add_packs(user: Checkout, count: int) -> list[str]:
    """Commits, each in a pack of its own."""
    user.git("config", "gc.auto", "6700")
    made: list[str] = []
    for number in range(count):
        made.append(user.commit(f"change {number}", {"file.txt": f"{number}\n"}))
        user.git("pack-objects", "-q", ".git/objects/pack/pack", "--revs", stdin=f"{made[-1]}\n^{made[-1]}~1\n")
    user.git("prune-packed", "-q")
    return made


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "project")
    made.git("gc", "-q")
    return made


def test_small_packs_become_one_and_no_object_is_dropped(user: Checkout) -> None:
    commits = add_packs(user, 12)
    user.git("reset", "-q", "--hard", commits[-2])
    user.git("reflog", "expire", "--expire=now", "--all")
    with Repo.open(user.root) as repo:
        before = count_packs(repo)
        assert before >= 12
        assert join_packs(repo)
        assert count_packs(repo) <= 3
        assert repo.commit(commits[-1]) == commits[-1], "what no ref names stays, too"
    user.git("fsck", "--strict")


def test_a_pack_that_is_being_imported_is_left_alone(user: Checkout) -> None:
    add_packs(user, 3)
    pack = next(iter((user.root / ".git/objects/pack").glob("*.idx")))
    pack.with_suffix(".keep").write_text("coworkd: until its refs are written\n")
    with Repo.open(user.root) as repo:
        before = count_packs(repo)
        join_packs(repo)
        assert count_packs(repo) < before
    assert pack.is_file()


@pytest.mark.parametrize(
    "setting", [("gc.auto", "0"), ("remote.origin.promisor", "true"), ("extensions.partialClone", "origin")]
)
def test_a_repository_whose_user_packs_it_or_fetches_on_demand_is_left_alone(
    user: Checkout, setting: tuple[str, str]
) -> None:
    add_packs(user, 3)
    user.git("config", *setting)
    with Repo.open(user.root) as repo:
        before = count_packs(repo)
        assert not join_packs(repo)
        assert count_packs(repo) == before
