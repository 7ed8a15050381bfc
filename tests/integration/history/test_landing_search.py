"""From a commit or a line to the landing that brought it, whatever a person has done with the branches since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.errors import UserError
from coworkd.history.code_location import LineOrigin, find_origin, parse_location
from coworkd.history.landing_search import FoundLanding, KnownBy, find_landing
from coworkd.merge.git.integration import MergeCommit, Submission, candidate, land
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout

INTEGRATION = "cowork/integration"


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


def landed(user: Checkout, repo: Repo, task: str, files: dict[str, str | None], number: int) -> str:
    """Work of a task, merged onto the integration branch as the queue does it."""
    tip = repo.commit(INTEGRATION) or user.git("rev-parse", "main")
    sub = user.branch(f"work-{task}", tip, files)
    made = candidate(repo, tip, Submission(task=task, attempt=1, number=number, commit=sub, title=f"Do {task}"))
    assert isinstance(made, MergeCommit)
    assert land(repo, INTEGRATION, repo.commit(INTEGRATION), made.commit, number)
    return made.commit


def origin(repo: Repo, place: str) -> LineOrigin:
    return find_origin(repo, parse_location(repo, place), INTEGRATION)


def found(repo: Repo, place: str) -> FoundLanding | None:
    return find_landing(repo, origin(repo, place))


def told(repo: Repo, place: str) -> tuple[str, str, KnownBy]:
    one = found(repo, place)
    assert one is not None
    return one.landing.task, one.landing.commit, one.known_by


def two_landings(user: Checkout, repo: Repo) -> tuple[str, str]:
    first = landed(user, repo, "one", {"one.py": "a\nb\nsame\n"}, 1)
    second = landed(user, repo, "two", {"two.py": "c\nsame\n", "one.py": "a\nb changed\nsame\n"}, 2)
    return first, second


def without_integration(user: Checkout) -> None:
    """As after the branch has started again from the target."""
    user.git("branch", "-q", "-f", INTEGRATION, "main")


def test_a_line_leads_to_its_landing_by_the_merge(user: Checkout, repo: Repo) -> None:
    first, second = two_landings(user, repo)
    assert told(repo, "one.py:1") == ("one", first, KnownBy.MERGE)
    assert told(repo, "one.py:2") == ("two", second, KnownBy.MERGE)
    assert told(repo, first) == ("one", first, KnownBy.MERGE)
    assert told(repo, f"{second}^2") == ("two", second, KnownBy.MERGE)
    assert found(repo, "app.py:1") is None


def test_after_a_merge_by_hand_it_still_does(user: Checkout, repo: Repo) -> None:
    first, second = two_landings(user, repo)
    user.commit("own work", {"own.txt": "own\n"})
    user.git("merge", "-q", "--no-ff", "-m", "my merge", INTEGRATION)
    without_integration(user)
    assert told(repo, "one.py:1") == ("one", first, KnownBy.MERGE)
    assert told(repo, "two.py:1") == ("two", second, KnownBy.MERGE)
    assert found(repo, "own.txt:1") is None
    whole = found(repo, "main")
    assert whole is not None
    assert whole.together == ("one", "two")


def test_after_a_squash_of_one_landing_it_is_found_by_its_patch(user: Checkout, repo: Repo) -> None:
    first = landed(user, repo, "one", {"one.py": "a\n"}, 1)
    user.commit("own work", {"own.txt": "own\n"})
    user.git("merge", "-q", "--squash", INTEGRATION)
    user.commit("Squashed")
    without_integration(user)
    assert told(repo, "one.py:1") == ("one", first, KnownBy.PATCH)
    assert told(repo, "main") == ("one", first, KnownBy.PATCH)
    assert found(repo, "own.txt:1") is None


def test_after_a_squash_of_all_each_line_leads_to_the_task_that_wrote_it(user: Checkout, repo: Repo) -> None:
    first, second = two_landings(user, repo)
    user.commit("own work", {"own.txt": "own\n"})
    user.git("merge", "-q", "--squash", INTEGRATION)
    user.commit("Squashed")
    without_integration(user)
    assert told(repo, "one.py:1") == ("one", first, KnownBy.SQUASH)
    assert told(repo, "one.py:2") == ("two", second, KnownBy.SQUASH)
    assert told(repo, "one.py:3") == ("one", first, KnownBy.SQUASH)
    assert told(repo, "two.py:2") == ("two", second, KnownBy.SQUASH)
    whole = found(repo, "main")
    assert whole is not None
    assert whole.together == ("one", "two")


@pytest.mark.parametrize("by", ["rebase", "cherry-pick"])
def test_after_a_rebase_or_a_cherry_pick_it_is_found_by_its_patch(user: Checkout, repo: Repo, by: str) -> None:
    first, second = two_landings(user, repo)
    user.commit("own work", {"own.txt": "own\n"})
    if by == "rebase":
        user.git("checkout", "-q", "-b", "moved", INTEGRATION)
        user.git("rebase", "-q", "main")
        user.git("checkout", "-q", "main")
        user.git("merge", "-q", "--ff-only", "moved")
    else:
        user.git("cherry-pick", "-m1", first, second)
    without_integration(user)
    assert told(repo, "one.py:1") == ("one", first, KnownBy.PATCH)
    assert told(repo, "one.py:2") == ("two", second, KnownBy.PATCH)


def test_what_a_commit_says_of_itself_is_not_believed_where_landings_are_recorded(user: Checkout, repo: Repo) -> None:
    first = landed(user, repo, "one", {"one.py": "a\n"}, 1)
    sub = repo.commit(f"{first}^2")
    forged = f"x\n\nCowork-Task: other\nCowork-Attempt: 1\nCowork-Submission: 7 {sub}\n"
    tip = user.branch("forged", INTEGRATION, {"evil.py": "e\n"})
    user.git("checkout", "-q", "forged")
    user.git("commit", "-q", "--amend", "-m", forged)
    user.git("checkout", "-q", "main")
    inside = user.git("rev-parse", "forged")
    made = candidate(repo, first, Submission(task="two", attempt=1, number=2, commit=inside))
    assert isinstance(made, MergeCommit)
    assert land(repo, INTEGRATION, first, made.commit, 2)
    assert told(repo, "evil.py:1") == ("two", made.commit, KnownBy.MERGE)
    assert told(repo, inside) == ("two", made.commit, KnownBy.MERGE)
    assert tip != inside


def test_a_clone_knows_it_by_the_trailers(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    first, _ = two_landings(user, repo)
    user.git("merge", "-q", "--ff-only", INTEGRATION)
    user.git("clone", "-q", str(user.root), str(tmp_path / "clone"))
    with Repo.open(tmp_path / "clone") as clone:
        assert told(clone, "one.py:1") == ("one", first, KnownBy.TRAILERS)
        assert found(clone, "app.py:1") is None


def test_a_clone_of_a_squash_knows_which_tasks_are_in_it(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    two_landings(user, repo)
    user.git("merge", "-q", "--squash", INTEGRATION)
    user.git("commit", "-q", "--no-edit")
    user.git("clone", "-q", str(user.root), str(tmp_path / "clone"))
    with Repo.open(tmp_path / "clone") as clone:
        one = found(clone, "one.py:1")
        assert one is not None
        assert (one.known_by, sorted(one.together)) == (KnownBy.TRAILERS, ["one", "two"])


def test_a_line_is_looked_up_where_it_is_as_the_person_sees_it(user: Checkout, repo: Repo) -> None:
    landed(user, repo, "one", {"one.py": "a\nb\n"}, 1)
    assert origin(repo, "one.py:2").seen_in == INTEGRATION
    user.git("merge", "-q", "--ff-only", INTEGRATION)
    user.commit("mine", {"one.py": "mine\na\nb\n"})
    assert (origin(repo, "one.py:1").seen_in, origin(repo, "one.py:1").text) == ("the working file", "mine")
    assert told(repo, "one.py:2")[0] == "one"
    user.write("one.py", "new\nmine\na\nb\n")
    uncommitted = origin(repo, "./one.py:1")
    assert (uncommitted.commit, uncommitted.text) == ("", "new")
    assert told(repo, "one.py:3")[0] == "one"
    with pytest.raises(UserError, match="is not to be found on"):
        origin(repo, "one.py:99")
