from __future__ import annotations

import pytest

from coworkd.core.errors import DocumentError
from coworkd.core.model import Status, TaskSpec
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse
from coworkd.documents.plan_tasks import MAX_TASKS, names_of, task_blocks

PLAN = """\
## Steps

1. The colours first.

```task colours
---
title: Name the colours
status: ready
approve: []
labels: [ui]
---
Put them into `colours.css`.
```

2. Then the switch:

~~~task
title: Switch between them
depends_on: [colours]
---
A button.
~~~

```task
# Tell people

In the README.
```

```python
task = 1
```
"""


def spec(data: bytes) -> TaskSpec:
    return decode("tasks/x.md", parse(data)).of(TaskSpec)


def test_each_block_is_a_draft_of_the_plan() -> None:
    blocks = task_blocks(PLAN, "ui")
    assert [block.name for block in blocks] == ["colours", "switch-between-them", "tell-people"]
    colours, switch, tell = (spec(block.data) for block in blocks)
    assert (colours.title, colours.status, colours.plan, colours.labels) == (
        "Name the colours", Status.DRAFT, "ui", ("ui",),
    )  # fmt: skip
    assert colours.approve is None
    assert colours.body == "Put them into `colours.css`.\n"
    assert (switch.title, switch.depends_on, switch.body) == ("Switch between them", ("colours",), "A button.\n")
    assert (tell.title, tell.status) == ("Tell people", Status.DRAFT)
    assert "In the README." in tell.body


def test_a_block_that_is_no_task_says_where() -> None:
    with pytest.raises(DocumentError, match=r"duplicate|twice|same") as caught:
        task_blocks("one\n\n```task\n---\ntitle: a\ntitle: b\n---\n```\n", "p")
    assert caught.value.line >= 3


def test_there_is_a_bound() -> None:
    with pytest.raises(DocumentError, match="at most"):
        task_blocks("```task\nx\n```\n" * (MAX_TASKS + 1), "p")


def test_names_do_not_collide() -> None:
    blocks = task_blocks("```task a\nx\n```\n\n```task a\ny\n```\n", "p")
    assert list(names_of(blocks, {"a": "tasks/a.md"})) == ["a-2", "a-3"]


@pytest.mark.parametrize("key", ["depends_on", "dependencies", "dependsOn"])
def test_a_block_depends_on_the_block_and_not_on_an_unrelated_task_of_the_same_name(key: str) -> None:
    plan = f"```task api\nOne.\n```\n\n```task ui\n{key}: [Api, other] # both\n---\nTwo.\n```\n"
    named = names_of(task_blocks(plan, "p"), {"api": "tasks/api.md", "other": "tasks/other.md"})
    assert list(named) == ["api-2", "ui"]
    spec = decode("tasks/ui.md", parse(named["ui"].data)).of(TaskSpec)
    assert spec.depends_on == ("api-2", "other")


@pytest.mark.parametrize("name", ["../../x", "a/b", ".lock", "x" * 500])
def test_a_name_cannot_lead_anywhere(name: str) -> None:
    (block,) = task_blocks(f"```task {name}\nx\n```\n", "p")
    assert "/" not in block.name
    assert ".." not in block.name
    assert len(block.name) <= 80
