"""The text of the profile for macOS; nobody has run it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from coworkd.system.sandbox.policy import UNCONFINED, Confinement
from coworkd.system.sandbox.seatbelt import command, profile

PATHS = st.text(st.characters(exclude_characters="\0/"), min_size=1, max_size=20).map(lambda name: f"/x/{name}")


def held(
    writable: tuple[str, ...] = ("/slots/1/work",), readable: tuple[str, ...] = ("/store/objects",)
) -> Confinement:
    return Confinement(means=UNCONFINED, run="r", workdir="/slots/1/work", writable=writable, readable=readable)


def _paths(text: str, what: str) -> list[str]:
    (rule,) = re.findall(rf"\(allow {re.escape(what)}\n(.*?)\)\)", text, re.DOTALL)
    return re.findall(r'\(subpath "([^"]*)"', rule + ")")


def test_everything_is_denied_but_what_is_named() -> None:
    text = profile(held())
    assert text.splitlines()[:2] == ["(version 1)", "(deny default)"]
    assert _paths(text, "file-write*") == ["/slots/1/work"]
    assert {"/slots/1/work", "/store/objects", "/usr"} <= set(_paths(text, "file-read*"))
    assert "/Users" not in text
    assert "(deny network*)" in text
    assert "network-outbound" not in text


def test_the_way_out_is_one_socket() -> None:
    assert '(allow network-outbound (literal "/run/proxy"))' in profile(held(), "/run/proxy")


def test_a_folder_inside_another_one_is_named_once() -> None:
    assert _paths(profile(held(("/a", "/a/b"))), "file-write*") == ["/a"]


def test_the_command_carries_the_whole_profile() -> None:
    words = command(held(), ("bash", "-c", "true"))
    assert words[:2] == ("/usr/bin/sandbox-exec", "-p")
    assert words[2] == profile(held())
    assert words[3:] == ("bash", "-c", "true")


@given(PATHS)
def test_no_path_ends_its_own_text(path: str) -> None:
    text = profile(held((path,)))
    quoted = text.split("(allow file-write*\n")[1].split("\n(allow file-write-data")[0]
    inner = quoted.strip().removeprefix('(subpath "').removesuffix('"))')
    assert not re.search(r'(?<!\\)(?:\\\\)*"', inner)
