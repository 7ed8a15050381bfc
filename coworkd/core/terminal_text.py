"""Text that was written for a terminal, as it reads on one: without control sequences, progress at its last state.

Pure. What agents and commands print goes into Markdown, onto the terminal and into prompts; nothing of it may still
command a terminal there.
"""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, links; one that is cut off ends its line
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)"  # DCS, SOS, PM, APC: images, private strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, movements
    r"|\x1b[ -/]*[0-~]?"  # other escapes
)
_CONTROL = re.compile("[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LINE = re.compile(r"[^\n]*")


def plain_text(text: str) -> str:
    """The text without control characters and sequences; of what overwrote itself on a line, the last state.

    Line ends, tabs and every printable character stay as they are.
    """
    if not _is_affected(text):
        return text
    text = _without_erased(_SEQUENCE.sub("", text))
    return _CONTROL.sub("", _LINE.sub(_last_state, text))


def _is_affected(text: str) -> bool:
    return "\r" in text or "\x08" in text or _CONTROL.search(text) is not None


def _without_erased(text: str) -> str:
    """Each backspace takes the character before it, within its line."""
    if "\x08" not in text:
        return text
    kept: list[str] = []
    for character in text:
        if character != "\x08":
            kept.append(character)
        elif kept and kept[-1] not in "\r\n":
            kept.pop()
    return "".join(kept)


def _last_state(line: re.Match[str]) -> str:
    """What a line shows that went back to its beginning with CR; one CR at its end is its line end."""
    shown, end = line[0], "\r" if line[0].endswith("\r") else ""
    states = [state for state in shown.split("\r") if state.strip()]
    if len(states) < 2 and "\r" not in shown.rstrip("\r"):
        return shown.rstrip("\r") + end
    return (states[-1] if states else "") + end


def visible_line(text: str) -> str:
    """Untrusted text for one line of a terminal or a list: control characters are shown by their numbers."""
    return "".join(f"<U+{ord(c):04X}>" if _CONTROL.match(c) or c in "\n\r\t\x08" else c for c in text)


# ---- shown as it is, to a reader who must not be misled

_HIDING = re.compile("[\u200b\u2060-\u2064\ufeff\u00ad\u034f\u180e\U000e0000-\U000e007f]")
"""Characters without a width, but for the joiners that some scripts are written with."""
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction in which the rest is shown."""
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

MISLEADING = (
    (_HIDING, "an invisible character"),
    (_TURNING, "a character that turns the direction of the text"),
    (_COMMANDS, "a control character"),
)
"""Characters that a reader does not see as they are, and what they are."""


def visible(text: str) -> str:
    """The text with every such character shown by its number: what an agent wrote cannot mislead its reader."""
    for pattern, _ in MISLEADING:
        text = pattern.sub(lambda found: escaped(found[0]), text)
    return text


def escaped(text: str) -> str:
    """ASCII, with every other character and every one that is not printed by its number."""
    return "".join(c if c.isascii() and c.isprintable() else f"<U+{ord(c):04X}>" for c in text)
