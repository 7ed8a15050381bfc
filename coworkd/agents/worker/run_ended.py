"""The end of a run, raised from wherever its driver finds that there is nothing more to do."""

from __future__ import annotations

from coworkd.agents.port import FALLBACK_ERRORS, Ended, EndReason, ErrorKind, ErrorReported


class RunEnded(Exception):  # noqa: N818 - not an error: the run has come to an end
    """Ends the run, whatever is left to do; `report` is reported before the end."""

    def __init__(self, ended: Ended, report: ErrorReported | None = None) -> None:
        super().__init__(ended.message)
        self.ended = ended
        self.report = report

    @classmethod
    def because(cls, reason: EndReason, message: str = "") -> RunEnded:
        return cls(Ended(reason=reason, message=message))

    @classmethod
    def after(cls, report: ErrorReported) -> RunEnded:
        """The end after an error at the provider: unavailable where another agent may succeed, else failed."""
        advice = "; sign in to it, or give it a key" if report.kind is ErrorKind.AUTH else ""
        reason = EndReason.UNAVAILABLE if report.kind in FALLBACK_ERRORS else EndReason.FAILED
        return cls(Ended(reason=reason, message=report.message + advice), report)
