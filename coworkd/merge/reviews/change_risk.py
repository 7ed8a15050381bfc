"""How dangerous a change is to let in: features that a reviewer can check, and the level that they add up to.

Pure. What weakens its checks or runs on its reader's machine weighs more than any amount of code.
"""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.core.model import RiskLevel
from coworkd.core.policy.risky_paths import RiskTag
from coworkd.core.policy.tool_risk import Feature
from coworkd.merge.git.change_summary import ChangeSummary
from coworkd.merge.git.loss_check import lacks_lines

DELETED_FILES = 20
REMOVED_LINES = 2000
"""From here on a deletion is large: files, or lines that nothing like as many new ones stand against."""
MANY_LINES = 1000
"""More than anybody reads with care."""

_LEVELS = {
    RiskTag.RUNS_HERE: RiskLevel.HIGH,
    RiskTag.LINK_OUT: RiskLevel.HIGH,
    RiskTag.CHECK_RULES: RiskLevel.MEDIUM,
}


def risk_features(change: ChangeSummary, *, verified: bool, merge_proof: str = "") -> tuple[Feature, ...]:
    """Every reason to look closely, gravest first. `merge_proof`: how it is known that the merge lost nothing."""
    found = [*change.findings, *_content_features(change), *_size_features(change)]
    if change.files and not verified:
        found.append(Feature(level=RiskLevel.MEDIUM, what="nothing has verified it"))
    if lacks_lines(merge_proof):
        found.append(Feature(level=RiskLevel.HIGH, what="the merge left lines out, see the proof under Verification"))
    if _deletes_much(change) and any(risk.tag is RiskTag.RUNS_HERE for risk in change.risks):
        found.append(Feature(level=RiskLevel.CRITICAL, what="a large deletion, along with what runs on your machine"))
    return tuple(sorted(found, key=lambda feature: -_ORDER[feature.level]))


_ORDER = {level: number for number, level in enumerate(RiskLevel)}


def _content_features(change: ChangeSummary) -> Iterator[Feature]:
    for tag in RiskTag:
        paths = sorted({risk.path for risk in change.risks if risk.tag is tag})
        if paths:
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            yield Feature(level=_LEVELS[tag], what=f"{', '.join(paths[:3])}{more}: {tag}")


def _deletes_much(change: ChangeSummary) -> bool:
    deleted = sum(file.status == "D" for file in change.files)
    return deleted >= DELETED_FILES or change.deletions >= max(REMOVED_LINES, 3 * change.insertions)


def _size_features(change: ChangeSummary) -> Iterator[Feature]:
    if _deletes_much(change):
        deleted = sum(file.status == "D" for file in change.files)
        yield Feature(level=RiskLevel.HIGH, what=f"deletes {deleted} files and {change.deletions} lines")
    elif change.insertions + change.deletions > MANY_LINES:
        yield Feature(level=RiskLevel.MEDIUM, what=f"{change.insertions + change.deletions} lines to read")
    binary = [file.path for file in change.files if file.added is None and file.status != "D"]
    if binary:
        yield Feature(level=RiskLevel.MEDIUM, what=f"{len(binary)} binary files that no diff shows")
