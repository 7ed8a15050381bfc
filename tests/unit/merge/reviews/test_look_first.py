from __future__ import annotations

import pytest

from coworkd.core.model import RiskLevel
from coworkd.core.policy.risky_paths import risks_of_path
from coworkd.core.policy.tool_risk import Feature
from coworkd.merge.git.change_summary import ChangeSummary, FileChange
from coworkd.merge.reviews.look_first import MAX_SPOTS, lacks_tests, look_first


def change(*files: FileChange, findings: tuple[Feature, ...] = ()) -> ChangeSummary:
    return ChangeSummary(
        files=files, insertions=sum(f.added or 0 for f in files), deletions=sum(f.removed or 0 for f in files),
        diff_head="", truncated=False, risks=tuple(risk for f in files for risk in risks_of_path(f.path)),
        findings=findings,
    )  # fmt: skip


def file(path: str, added: int = 1, removed: int = 0, status: str = "M") -> FileChange:
    return FileChange(path=path, added=added, removed=removed, status=status)


def test_what_runs_here_comes_first_then_what_is_gone_then_most_of_the_lines() -> None:
    found = look_first(
        change(file("src/a.py", 80), file("src/b.py"), file("old.py", 0, 9, "D"), file(".github/workflows/ci.yml"))
    )
    assert [(spot.path, spot.why) for spot in found] == [
        (".github/workflows/ci.yml", "runs on your machine"),
        ("old.py", "is deleted"),
        ("src/a.py", "80 of the 91 changed lines"),
    ]


def test_a_finding_leads_to_the_file_that_it_is_about() -> None:
    what = "check.sh is changed, which `bash check.sh` executes"
    found = look_first(change(file("a.py"), file("check.sh"), findings=(Feature(level=RiskLevel.HIGH, what=what),)))
    assert (found[0].path, found[0].why) == ("check.sh", "is changed, which `bash check.sh` executes")


def test_what_programs_write_is_not_looked_at_first() -> None:
    found = look_first(change(file("package-lock.json", 5000), file("src/a.js", 1200)))
    assert [spot.path for spot in found] == ["src/a.js"]


def test_of_one_file_nothing_is_chosen_and_of_many_a_few() -> None:
    assert look_first(change(file("a.py", 90))) == ()
    many = change(*(file(f".github/workflows/{n}.yml") for n in range(20)))
    assert len(look_first(many)) == MAX_SPOTS


@pytest.mark.parametrize(
    ("paths", "lacks"),
    [
        (("src/a.py",), True),
        (("src/a.py", "tests/test_a.py"), False),
        (("src/a.ts", "src/a.test.ts"), False),
        (("README.md", "data.json"), False),
    ],
)
def test_code_without_a_test_is_told(paths: tuple[str, ...], lacks: bool) -> None:
    assert lacks_tests(change(*map(file, paths))) is lacks
