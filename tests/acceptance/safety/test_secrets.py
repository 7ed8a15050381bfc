"""A secret of the environment that an agent tells in every way it can stands nowhere afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.workbench import Workbench

CANARY = "cnry-7f3b91d2e8-Zq"

TELLS = r"""
printf 'my key is '; printf '%s' "${DEPLOY_TOKEN:0:6}"; sleep 0.4; echo "${DEPLOY_TOKEN:6}"
echo "stderr: $DEPLOY_TOKEN" >&2
printf -- '---\nkind: progress\n---\nI use %s\n' "$DEPLOY_TOKEN" > "$COWORK_OUTBOX/note.md"
printf -- '---\nkind: question\n---\nIs %s right?\n' "$DEPLOY_TOKEN" > "$COWORK_OUTBOX/ask.md"
printf -- '---\napproval: pending\ntool: run\narguments: curl -H %s\n---\nMay I? %s\n' "$DEPLOY_TOKEN" "$DEPLOY_TOKEN" \
  > "$COWORK_OUTBOX/may.md"
sleep 1
exit 3
"""
COMMITS = r"""
echo "token = $DEPLOY_TOKEN" > settings.ini; git add -A; git commit -qm in; echo none > settings.ini
echo committed
"""


def holders(root: Path, *, but: tuple[str, ...]) -> Iterator[str]:
    """Files whose bytes hold the canary."""
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in but]
        for name in files:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and CANARY.encode() in path.read_bytes():
                yield str(path.relative_to(root))


def test_a_secret_is_written_nowhere(work: Workbench) -> None:
    work.env["DEPLOY_TOKEN"] = CANARY
    work.config("agent: tells\nmax_attempts: 1\n")
    work.agent("tells", TELLS, env_pass="[DEPLOY_TOKEN]")
    work.agent("commits", COMMITS, env_pass="[DEPLOY_TOKEN]")
    work.up()
    work.task("loud")
    work.wait("asked", lambda: work.approvals("May I?"))
    assert "[secret taken out]" in work.text(work.approvals()[0])
    work.cmd("cancel", "loud")
    work.until("loud", "cancelled")
    work.task("sly", agent="commits")
    work.until("sly", "failed")
    assert "handed over as a secret" in work.card("sly")["why"] + " ".join(work.messages("sly"))
    work.cmd("status")
    work.down()
    assert not work.git("for-each-ref", "refs/cowork/sub", "refs/heads/cowork/task")
    # The agent's own places are where it may write what it knows.
    found = list(holders(work.root, but=("slots", "homes", "gates")))
    assert not found, found
    told = " ".join(work.messages("loud"))
    assert "my key is [secret taken out]" in told, "the control: what was told has come through"
    reachable = work.git("rev-list", "--objects", "cowork/integration", "main", check=False).split()
    objects = [name for name in reachable if len(name) == 40]
    assert all(CANARY not in work.git("cat-file", "-p", name, check=False) for name in objects)
