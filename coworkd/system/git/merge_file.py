"""git's merge of text by lines, for files that nothing better is known about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.system.git.runner import TIMEOUT, execute, without_git_variables


def merge_file(ours: Path, base: Path, theirs: Path, options: Sequence[str] = ()) -> int:
    """Merge texts by lines into the file `ours`; how many conflicts it now shows.

    Raises RepoError for what is no text, or cannot be read.
    """
    argv = [*without_git_variables({}), "git", "merge-file", *options, "--", str(ours), str(base), str(theirs)]
    result = execute(argv, {}, b"", TIMEOUT)
    if not 0 <= result.code < 128:
        raise RepoError(f"git merge-file failed for {ours}: {result.err.strip() or f'exit {result.code}'}")
    return result.code
