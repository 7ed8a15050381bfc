"""Ralph's prd.json: user stories with priorities; one plan."""

from __future__ import annotations

from pathlib import Path

from coworkd.core.task_ids import task_id
from coworkd.interchange.items import (
    ItemStatus,
    ParsedSource,
    Place,
    Reference,
    Remarks,
    SourceCriterion,
    SourceItem,
    SourceKind,
)
from coworkd.interchange.located_json import JsonObject
from coworkd.interchange.text_parts import section
from coworkd.interchange.words import name_of_source, one_line, ranked_priorities


def read_prd(path: Path, prd: JsonObject) -> list[ParsedSource]:
    """The stories of a file, below a plan of their own."""
    title = prd.text("project", "name", "title")
    name = name_of_source(prd.text("branchName").removeprefix("ralph/") or title, "prd")
    remarks, stories = Remarks(), dict[str, JsonObject]()
    for story in prd.objects("userStories"):
        key, place = story.text("id"), Place(path=str(path), line=story.line)
        if not key:
            remarks.problem(place, "this story has no `id`")
        elif key in stories:
            remarks.problem(place, f"`{key}` is there twice: the first one counts")
        else:
            stories[key] = story
    plan = SourceItem(
        key=name, id=name, place=Place(path=str(path), line=prd.line), title=one_line(title) or name, is_plan=True,
        text=prd.text("description"),
    )  # fmt: skip
    items = [plan, *_items(path, name, stories)]
    return [
        ParsedSource(kind=SourceKind.PRD, name=name, items=tuple(items), problems=tuple(remarks.problems))
    ]  # fmt: skip


def _items(path: Path, name: str, stories: dict[str, JsonObject]) -> list[SourceItem]:
    numbers = {key: number for key, story in stories.items() if (number := story.number("priority")) is not None}
    ranks = ranked_priorities(numbers.values()) if numbers else {}
    says_order = any("dependsOn" in story.values for story in stories.values())
    found: list[SourceItem] = []
    for key, story in stories.items():
        place = Place(path=str(path), line=story.line)
        needs = story.texts("dependsOn") if says_order else _stories_before(key, numbers)
        found.append(
            SourceItem(
                key=key, id=task_id(f"{name}-{key}"), place=place, title=one_line(story.text("title")) or key,
                status=ItemStatus.DONE if story.flag("passes") else ItemStatus.DRAFT,
                text=_text(story), labels=tuple(story.texts("labels")),
                criteria=tuple(SourceCriterion(text=one_line(one)) for one in story.texts("acceptanceCriteria")),
                priority=ranks[numbers[key]] if key in numbers else None, parent=name,
                depends_on=tuple(Reference(key=other, place=place) for other in needs),
            )
        )  # fmt: skip
    return found


def _text(story: JsonObject) -> str:
    parts = (story.text("description"), section("Notes", story.text("notes", "completionNotes")))
    return "\n\n".join(part for part in parts if part)


def _stories_before(key: str, numbers: dict[str, float]) -> list[str]:
    """Without written dependencies a story waits for those with the number before its own."""
    if key not in numbers:
        return []
    earlier = [number for number in numbers.values() if number < numbers[key]]
    return [other for other, number in numbers.items() if earlier and number == max(earlier)]
