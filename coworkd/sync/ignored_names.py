"""What git is not to keep of a workspace: what is generated, and what is for this machine alone."""

from __future__ import annotations

IGNORED = (
    "approvals/",
    "conflicts/",
    "inbox.md",
    "plans.md",
    "reports/",
    "*.live.md",
    "reviews/*.preflight.md",
    "reviews/*.d/*.log",
    "messages/*/files/",
    ".*~",
)
"""Patterns, as they stand in `.cowork/.gitignore`.

The last one is for the files that a write begins with: `git add -A` fails where one of them goes away meanwhile.
"""


def exclude_lines(folder: str) -> list[str]:
    """The same for `.git/info/exclude`, where they hold on branches without the folder, too."""
    return [f"{folder}/{name}" if "/" in name or "*" not in name else f"{folder}/**/{name}" for name in IGNORED]
