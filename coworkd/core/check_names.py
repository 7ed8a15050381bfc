"""Where the output of checks is shown, relative to `.cowork/`. Pure."""

from __future__ import annotations

TIP_LOG = "reports/verification.log"


def check_log(task: str, number: int) -> str:
    """Of a task's N-th check."""
    return f"reviews/{task}.d/check-{number}.log"


def check_logs(task: str, checks: int) -> list[str]:
    """Of all checks of a task's latest verification."""
    return [check_log(task, number) for number in range(1, checks + 1)]
