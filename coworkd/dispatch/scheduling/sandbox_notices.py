"""What status and problems say of the sandbox: why there is none, and that a workspace's file cannot disable it."""

from __future__ import annotations

from collections.abc import Callable

from coworkd.board.task_board import Board
from coworkd.core.model import Problem, SandboxMode
from coworkd.store.problems import has_problem, put_problem
from coworkd.sync.effective_specs import CONFIG
from coworkd.system.sandbox.policy import SandboxCapabilities

_SOURCE = "sandbox"
_USE_SOURCE = "sandbox use"
_UNAVAILABLE = (
    "`sandbox: {{use: {}}}` in your own settings ($XDG_CONFIG_HOME/coworkd/config.yaml) cannot be kept: {};"
    " until it can, agents run at level `none`"
)
_NOT_HERE = (
    "`sandbox: off` has no effect here, where others could switch your protection off: set it in your own settings"
    " ($XDG_CONFIG_HOME/coworkd/config.yaml)"
)


class SandboxNotices:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, means: Callable[[], SandboxCapabilities]) -> None:
        self._board = board
        self._db = board.db
        self._means = means

    def record(self, now: float) -> None:
        """Store the sandbox's level for `status`, and show a problem for settings that say `off`."""
        means = self._means()
        off = self._board.specs.settings().sandbox.mode is SandboxMode.OFF
        state, level, missing = self._db.state, str(means.level), means.unavailable_reason
        if (state.sandbox_level, state.sandbox_missing_reason) != (level, missing):
            with self._db.write():
                state.sandbox_level, state.sandbox_missing_reason = level, missing
        self._show_off(CONFIG, off and not means.disabled_by_user, now)
        unavailable = _UNAVAILABLE.format(means.asked, means.unavailable_reason) if means.asked else ""
        self._show(CONFIG, _USE_SOURCE, unavailable, now)

    def record_agent(self, name: str, mode: SandboxMode, now: float) -> None:
        """Show the same problem for an agent that is about to start; inside of a transaction."""
        self._show_off(f"agents/{name}.md", mode is SandboxMode.OFF and not self._means().disabled_by_user, now)

    def _show_off(self, path: str, off: bool, now: float) -> None:
        self._show(path, _SOURCE, _NOT_HERE if off else "", now)

    def _show(self, path: str, source: str, message: str, now: float) -> None:
        """Show this problem, or remove it where the message is empty."""
        known = has_problem(self._db, path, source)
        if known is bool(message):
            return
        with self._db.write():
            if known:
                self._board.clear_problems(path, source)
                return
            put_problem(self._db, Problem(path=path, line=0, message=message), source, now, "")
