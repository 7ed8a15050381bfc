"""Where the output of checks is shown, relative to `.cowork/`. Pure."""

from __future__ import annotations

TIP_LOG = "reports/verification.log"


def check_log(task: str, number: int) -> str:
    """Of a task's N-th check."""
    return f"reviews/{task}.d/check-{number}.log"
