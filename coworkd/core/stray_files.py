"""Files of a workspace that nothing reads although a person may well think so.

Pure. By the path alone: what stands in a folder that there is not, in the wrong depth of one, or under a name that does
not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

DOCUMENT_FOLDERS = ("tasks", "plans", "messages", "approvals", "reviews", "agents")
"""Folders whose files are documents."""
_OTHER_FOLDERS = frozenset({
    "templates", "skills", "packs", "prompts", "memory", "policies", "conflicts", "log", "reports", "schemas",
})  # fmt: skip
"""Folders that hold something else, or will."""
_TOP_FILES = frozenset({"inbox.md", "plans.md", "readme.md", "index.md", "agents.md", "claude.md", "notes.md"})
_MISNAMED_SETTINGS = frozenset(
    {"config.yml", "config.yaml.txt", "config.json", "config.toml", "config.md", "settings.yaml"}
)
_TEXT = re.compile(r".+\.(?:txt|text|markdown|mdown|mkdn?|mdx|md\.txt)", re.IGNORECASE)
_MARKDOWN = re.compile(r".+\.(?:markdown|mdown|mkdn?|mdx|md\.txt|md)", re.IGNORECASE)
_NAMES_OF_NOTES = frozenset({"readme.md", "index.md"})


def stray_place(path: str) -> str:
    """The path that is shown for a stray file: its own, or its folder where coworkd has no such folder."""
    top, slash, _ = path.partition("/")
    return f"{top}/" if slash and top not in DOCUMENT_FOLDERS else path


def stray_reason(path: str) -> str:
    """Why a file is not read as a document, and what to do; empty for a file that is not mistaken for one.

    `path` is relative to `.cowork/`.
    """
    parts = path.split("/")
    name = parts[-1]
    if any(part.startswith((".", "#")) for part in parts) or name.endswith("~") or name.lower() in _NAMES_OF_NOTES:
        return ""
    if len(parts) == 1:
        return _top_reason(name)
    if parts[0] not in DOCUMENT_FOLDERS:
        return _folder_reason(parts[0], name)
    if parts[0] == "messages":
        return _message_reason(parts)
    if parts[0] in ("approvals", "reviews", "agents"):
        return _answer_reason(parts)
    if not name.endswith(".md") and _MARKDOWN.fullmatch(name) and not name.lower().endswith(".txt"):
        return _ending_reason(name)
    return ""


def _top_reason(name: str) -> str:
    if name.lower() in _MISNAMED_SETTINGS or (name.lower() == "config.yaml" and name != "config.yaml"):
        return "the settings are read from config.yaml alone; move what stands here there"
    if name.endswith(".md") and name.lower() not in _TOP_FILES:
        return "nothing reads a Markdown file here; a task belongs in tasks/, a message into messages/TASK/"
    return ""


def _folder_reason(folder: str, name: str) -> str:
    if folder in _OTHER_FOLDERS or not name.endswith(".md"):
        return ""
    close = _closest_folder(folder)
    suggestion = f"; did you mean `{close}/`? Move them there" if close else "; tasks belong in tasks/"
    return f"`{folder}/` is no folder of a workspace: nothing in it is read{suggestion}"


def _closest_folder(folder: str) -> str:
    word = folder.lower().strip(" _-")
    return next(iter(get_close_matches(word, DOCUMENT_FOLDERS, n=1, cutoff=0.6)), "")


def _message_reason(parts: Sequence[str]) -> str:
    name = parts[-1]
    if name.endswith(".live.md") or (len(parts) > 3 and parts[2] == "files"):
        return ""
    if not _TEXT.fullmatch(name) and not _MARKDOWN.fullmatch(name) and "." in name:
        return ""
    if len(parts) == 2:
        return "a message is read in the folder of its task alone; move it to messages/TASK/"
    if len(parts) > 3:
        return f"a message is not read in a folder of its own; move it to messages/{parts[1]}/"
    return f"it is not sent: {_ending_reason(name)}" if not name.endswith(".md") else ""


def _answer_reason(parts: Sequence[str]) -> str:
    name = parts[-1]
    if not name.endswith(".md"):
        return f"it is not read: {_ending_reason(name)}" if _TEXT.fullmatch(name) else ""
    if len(parts) > 2 and not (parts[0] == "reviews" and len(parts) == 3 and parts[1].endswith(".d")):
        return f"files of {parts[0]}/ are not read in folders of their own; move it to {parts[0]}/"
    return ""


def _ending_reason(name: str) -> str:
    stem = re.sub(r"\.(?:md\.txt|[A-Za-z]+)\Z", "", name)
    return f"only files that end in `.md` are read; rename it to {stem}.md"
