"""Many changes at once, on a repository with a history: those that collide are merged by their authors.

`make branches` runs it with fifty, on a large repository with a long history.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

from tests.acceptance.landing.site import Site

TASKS = int(os.environ.get("BRANCHES", "15"))
COLLIDING = TASKS // 10
"""So many of the first change a line each that one of the last changes, too."""
FILES, COMMITS = 40 * TASKS, 200 * TASKS

AGENT = """
cat > /dev/null
number=${COWORK_TASK#t}
if [ -n "$COWORK_CONFLICT" ]; then
  echo "$COWORK_TASK" >> @SCRATCH@/resolved
  git merge refs/cowork/tip >/dev/null 2>&1 && exit 9
  for file in $(git diff --name-only --diff-filter=U); do
    { git show :2:$file; git show :3:$file; } | sort -u > $file
  done
  git add -A; git commit -qm "Resolve $COWORK_TASK"; echo resolved; exit 0
fi
echo "$COWORK_TASK" >> @SCRATCH@/began
while [ ! -e @SCRATCH@/go ]; do read -t 0.2 < <(:); done
echo "$COWORK_TASK" > part$((10#$number % 20))/own$number.txt
shared=$((10#$number < @COLLIDING@ ? 10#$number : 10#$number - @TASKS@ + @COLLIDING@))
if [ $shared -ge 0 ]; then echo "$COWORK_TASK" >> shared$shared.txt; fi
git add -A; git commit -qm "Work of $COWORK_TASK"; echo done
"""


def history(files: int, commits: int) -> Iterator[bytes]:
    """A stream for `git fast-import`: so many files, and so many commits, each of which changes one of them."""
    who = b"committer Ann <ann@example.org> %d +0000\n"
    for number in range(commits):
        text = b"commit %d\n" % number
        yield b"commit refs/heads/main\n" + who % (1_700_000_000 + number) + b"data %d\n%s" % (len(text), text)
        yield b"" if number else b"from refs/heads/main^0\n"
        paths = range(files) if number == 0 else (number % files,)
        for path in paths:
            content = b"file %d at %d\n" % (path, number)
            yield b"M 100644 inline part%d/file%04d.txt\ndata %d\n%s" % (path % 20, path, len(content), content)
        if number == 0:
            for shared in range(COLLIDING):
                yield b"M 100644 inline shared%d.txt\ndata 6\nstart\n" % shared
        yield b"\n"


def checkout_state(w: Site) -> tuple[str, ...]:
    """Everything of the user's own that landing must not touch."""
    asked = (
        "rev-parse HEAD main",
        "symbolic-ref HEAD",
        "ls-files --stage",
        "stash list",
        "status --short -- :!.cowork",
    )
    return tuple(w.git(*words.split()) for words in asked)


def lines(w: Site, name: str) -> list[str]:
    file = w.scratch / name
    return file.read_text().splitlines() if file.exists() else []


def test_of_many_changes_one_in_ten_collides_and_everything_lands_in_one_tree(w: Site) -> None:
    stream = b"".join(history(FILES, COMMITS))
    subprocess.run(["git", "fast-import", "--quiet"], input=stream, cwd=w.repo, env=w.env, check=True)
    w.git("reset", "-q", "--hard")
    values = {"SCRATCH": w.scratch, "TASKS": TASKS, "COLLIDING": COLLIDING}
    w.agent("ann", re.sub("@([A-Z]+)@", lambda found: str(values[found[1]]), AGENT))
    w.config(f'approve: []\nverify: ["true"]\nconcurrency: {TASKS}\n')
    names = [f"t{number:02d}" for number in range(TASKS)]
    for name in names:
        w.task(name, agent="ann")
    before = checkout_state(w)
    w.up()
    w.wait("every agent at work", lambda: len(lines(w, "began")) == TASKS, 300)
    (w.scratch / "go").touch()
    w.wait("everything landed", lambda: all(w.status(name) == "done" for name in names), 300)
    assert len(lines(w, "resolved")) == COLLIDING, "each collision once, and nothing else"
    for number in range(COLLIDING):
        wanted = sorted(["start", f"t{number:02d}", f"t{TASKS - COLLIDING + number:02d}"])
        assert w.show(f"cowork/integration:shared{number}.txt").split() == wanted
    for number, name in enumerate(names):
        assert w.show(f"cowork/integration:part{number % 20}/own{number:02d}.txt") == name
    assert checkout_state(w) == before
