"""Every error that coworkd raises on purpose.

Expected outcomes are values, not exceptions; what is raised here is for the edge to print. A message says what is
wrong, where, and what to do about it.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` as it can be stored and printed: bytes of names that are no text are shown by their numbers."""
    return text.encode("utf-8", "backslashreplace").decode()


class CoworkError(Exception):
    """The root: whatever derives from it is printed as its message alone, without a traceback."""

    def __str__(self) -> str:
        """The message, whatever bytes are in the names it repeats."""
        return printable(super().__str__())


class UserError(CoworkError):
    """Something the user asked for cannot be done as asked (exit code 1)."""


class RefusedSourceError(UserError):
    """A file or folder is not what can be imported; says what to do instead."""


class UsageError(UserError):
    """The words of a command are wrong or ambiguous (exit code 2)."""


class NotAWorkspaceError(UserError):
    """The command needs a workspace and there is none here (exit code 3)."""


class BusyError(UserError):
    """Another process holds the workspace."""


class ConfigError(UserError):
    """A settings file says something that cannot be meant."""


class DocumentError(UserError):
    """A workspace file that cannot be read as the document it should be.

    `line` is 1-based; 0 means the file as a whole.
    """

    def __init__(self, message: str, *, line: int = 0, field: str = "", path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.field = field
        self.path = path

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return f"{where}{self.message}"


class AgentError(CoworkError):
    """An agent could not be started or broke its protocol."""


class NotSignedInError(AgentError):
    """There is no login and no key with which an agent could work."""


class AgentFileError(AgentError):
    """An agent's file says something that cannot be meant, or names something that is not there."""


class ProgramMissingError(AgentError):
    """An agent's program, or what that needs to start, is not there or not visible in its sandbox."""


class RepoError(CoworkError):
    """Git refused, or is not able to do what is needed."""


class StoreError(CoworkError):
    """The database cannot be used."""


class StoreDamagedError(StoreError):
    """The database file is damaged: once set aside, it can be rebuilt from the workspace's files."""
