"""What coworkd does beside the work: committing its folder, and telling the user's programs what waits."""

from __future__ import annotations

import json

from tests.acceptance.workbench import Workbench


def test_a_review_is_told_once_and_the_workspace_committed(w: Workbench) -> None:
    w.settings('notify: ["cat >> $HOME/notices"]\n')
    w.agent("ed", "echo x > x.txt")
    w.config(
        "agent: ed\ncommit: auto\nverify: ['true']\nnotify: ['touch @SCRATCH@/never']\n".replace(
            "@SCRATCH@", str(w.scratch)
        )
    )
    w.task("t")
    w.up()
    w.until("t", "review")
    w.wait("the commit", lambda: "tasks/t.md" in w.git("ls-tree", "-r", "--name-only", "HEAD", ".cowork"))
    assert set(w.git("diff", "--name-only", w.start, "HEAD").split("\n")) >= {
        ".cowork/config.yaml",
        ".cowork/tasks/t.md",
    }
    assert all(path.startswith(".cowork/") for path in w.git("diff", "--name-only", w.start, "HEAD").split("\n"))
    w.wait("the notice", lambda: (w.home / "notices").exists() and "review" in (w.home / "notices").read_text())
    w.finish("t")
    w.wait("all of it", lambda: w.git("status", "--porcelain") == "")
    assert w.status("t") == "done"
    told = [json.loads(line) for line in (w.home / "notices").read_text().splitlines()]
    assert [(one["kind"], one["path"]) for one in told if one["kind"] != "problem"] == [("review", "reviews/t.md")]
    assert not (w.scratch / "never").exists()
    assert "has no effect here" in w.problems()
    w.settings("concurrency: none\n")
    w.down()
    assert "config.yaml:1: `concurrency`" in w.cmd("up", check=False).stderr
