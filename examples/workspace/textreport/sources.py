"""Where the text comes from."""

from pathlib import Path


class SourceError(Exception):
    """A source that cannot be read, in words for the person who named it."""


def read(path):
    """The text of the file at `path`."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 text") from error


def read_all(paths):
    """The texts of all files at `paths`, one after the other."""
    return "\n".join(read(path) for path in paths)
