"""What an agent leaves in a repository inside its worktree: submitted, kept in a ref, or refused in words."""

from __future__ import annotations

import pytest

from tests.acceptance.landing.site import Site


def kept(w: Site, text: str) -> list[str]:
    """The refs in whose files a text stands."""
    refs = w.git("for-each-ref", "--format=%(refname)").splitlines()
    return [ref for ref in refs if w.git("grep", "-l", text, ref, "--", check=False)]


def test_what_a_scaffolder_made_lands_with_its_files(w: Site) -> None:
    w.agent(
        "ed",
        """
        cat > /dev/null; mkdir -p app/packages/ui
        (cd app/packages/ui; git init -q; echo precious-ui > ui.js)
        (cd app; git init -q; echo precious-main > main.js; git add main.js; git commit -qm 'Initial commit')
        echo x > made.$COWORK_TASK; git add -A; git commit -qm scaffolded; echo ok
        """,
    )
    w.config("")
    w.task("t")
    w.up()
    review = w.reviewed("t")
    assert "nested repositories `app/`" in review
    w.approve("t")
    w.until("t", "done")
    assert {"app/main.js", "app/packages/ui/ui.js", "made.t"} <= w.tree()
    assert "160000" not in w.git("ls-tree", "-r", "cowork/integration")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("git -c protocol.file.allow=always submodule --quiet add @UP@ vendor/lib", "submodule"),
        ("git clone -q @UP@ vendor/lib; git add -A; git commit -qm all", "a clone of another repository"),
        ("git clone -q --bare @UP@ vendor/lib.git", "a bare git repository"),
    ],
)
def test_the_work_of_others_is_refused_as_a_whole_and_kept(w: Site, script: str, said: str) -> None:
    up = w.scratch / "up"
    up.mkdir()
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "library"]):
        w.git("-C", str(up), "-c", "user.name=U", "-c", "user.email=u@example.com", *words)
    w.agent("ed", f"cat > /dev/null; {script.replace('@UP@', str(up))}; echo precious > made.txt; echo ok")
    w.config('approve: []\nverify: ["true"]\nmax_attempts: 1\n')
    w.task("t")
    w.up()
    w.until("t", "failed")
    assert said in w.card("t")["why"]
    assert w.tree() <= {"README.md", "app.py"}
    assert "refs/cowork/snap/t/1" in kept(w, "precious")


def test_what_a_failed_run_left_in_a_nested_repository_outlives_its_slot(w: Site) -> None:
    w.agent("bad", "cat > /dev/null; mkdir app; cd app; git init -q; echo precious > main.js; exit 3")
    w.agent("ed", 'cat > /dev/null; echo x > made."$COWORK_TASK"; echo ok')
    w.config('approve: []\nverify: ["true"]\nmax_attempts: 1\nconcurrency: 1\n')
    w.task("t", agent="bad")
    w.up()
    w.until("t", "failed")
    w.task("next")
    w.until("next", "done")
    assert kept(w, "precious") == ["refs/cowork/snap/t/1"]
    assert w.show("refs/cowork/snap/t/1:app/main.js") == "precious"
