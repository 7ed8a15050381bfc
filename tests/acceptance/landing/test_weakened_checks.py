"""What a change does to the checks that verify it stands first in its review, and is high risk."""

from __future__ import annotations

from tests.acceptance.landing.site import Site

TEST = "def test_app():\n    import app\n    assert app is not None\n    assert app.__name__ == 'app'\n"
AGENT = """
case $COWORK_TASK in
script) echo true > scripts/check.sh ;;
conftest) echo 'collect_ignore = []' > conftest.py ;;
skip) sed -i '1i import pytest; pytestmark = pytest.mark.skip' test_app.py ;;
gone) rm test_app.py ;;
weaker) sed -i '$d' test_app.py ;;
twin) echo x > APP.py ;;
ordinary) sed 's/test_app/test_more/' test_app.py > new; cat new >> test_app.py; rm new; echo 2 > app.py ;;
esac
echo done
"""
FOUND = {
    "script": "scripts/check.sh is changed, which `bash scripts/check.sh` executes",
    "conftest": "conftest.py: changes how tests are run",
    "skip": "test_app.py: existing tests are skipped",
    "gone": "test_app.py: existing tests are gone (test_app)",
    "weaker": "test_app.py: assertions were removed (test_app)",
    "twin": "APP.py and app.py are one name",
}


def opening(w: Site, task: str) -> str:
    """The first line of a review's body."""
    return w.reviewed(task).split("---\n", 2)[2].strip().splitlines()[0]


def test_a_weakened_check_is_high_risk_and_stands_first(w: Site) -> None:
    w.write("scripts/check.sh", "test -e app.py\n")
    w.write("test_app.py", TEST)
    w.commit("checks")
    w.agent("ed", AGENT)
    w.config('concurrency: 3\nverify: ["bash scripts/check.sh"]\n')
    for task in (*FOUND, "ordinary"):
        w.task(task)
    w.up()
    for task, what in FOUND.items():
        first = opening(w, task)
        assert "Risk: high" in first
        assert what in first
    assert opening(w, "ordinary").startswith("Verified: 1 of 1")
    assert "Risk: low." in w.reviewed("ordinary")


def test_landed_work_that_is_taken_out_in_silence_is_named(w: Site) -> None:
    w.agent("one", "echo 'the new line' >> app.py")
    w.agent("two", "git show HEAD^:app.py > app.py && echo other > other.py")
    w.config('approve: []\nverify: ["true"]\n')
    w.task("first", agent="one")
    w.up()
    w.until("first", "done")
    w.config('verify: ["true"]\n')
    w.task("second", agent="two")
    assert "app.py: 1 line put back to the text before `first` landed" in opening(w, "second")


def test_the_tips_version_of_a_check_has_its_say(w: Site) -> None:
    w.write("scripts/check.sh", "echo looked for app.py; test -e app.py\n")
    w.write("package.json", '{"version": "1", "scripts": {"test": "test -e app.py"}}\n')
    w.commit("checks")
    w.agent("cheat", "rm app.py; echo true > scripts/check.sh")
    w.agent("fair", "echo 'test -e other.py' >> scripts/check.sh; echo x > other.py")
    w.agent("bump", """sed -i 's/"1"/"2"/' package.json""")
    w.config('max_attempts: 1\nverify: ["bash scripts/check.sh"]\n')
    w.task("cheat", agent="cheat")
    w.task("fair", agent="fair")
    w.task("bump", agent="bump")
    w.up()
    w.until("cheat", "failed")
    assert (
        "with the version of scripts/check.sh from before this change: exit 1"
        in w.card("cheat")["reviews"][-1]["notice"]
    )
    text = w.reviewed("fair")
    assert "Verified: 1 of 1 commands green on the result as it would land, and with scripts/check.sh as it was" in text
    assert "| `bash scripts/check.sh` | 0 |" in text
    assert "| `bash scripts/check.sh` with scripts/check.sh as before | 0 |" in text
    assert "as before" not in w.reviewed("bump")
    assert w.text("reviews/cheat.d/check-2.log") == "looked for app.py\n"
