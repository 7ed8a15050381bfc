"""What of this machine is shown inside: nothing that an agent could have led elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.system.sandbox.visible_paths import leads_through, tools_of


@pytest.fixture
def places(tmp_path: Path) -> Path:
    for folder in ("bin", "writable", "secret", "tool"):
        (tmp_path / folder).mkdir()
    (tmp_path / "secret/key").touch()
    (tmp_path / "tool/run").touch()
    (tmp_path / "bin/run").symlink_to(tmp_path / "tool/run")
    (tmp_path / "writable/planted").symlink_to(tmp_path / "secret/key")
    (tmp_path / "bin/planted").symlink_to("../writable/planted")
    (tmp_path / "round").symlink_to("round")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "through"),
    [
        ("bin/run", False), ("bin/planted", True), ("writable/planted", True), ("writable", True), ("secret/key", False),
        ("writables", False), ("bin/../writable/planted", True), ("absent/x", False), ("round/x", True),
    ],
)  # fmt: skip
def test_whether_something_writable_decides_where_a_path_leads(places: Path, path: str, through: bool) -> None:
    assert leads_through(str(places / path), [str(places / "writable")]) is through


def test_a_link_that_an_agent_may_have_planted_shows_nothing(places: Path) -> None:
    found = tools_of(str(places / "bin"), str(places / "home"))
    assert str(places / "secret") in found, "the control: links on the search path are followed"
    held = tools_of(str(places / "bin"), str(places / "home"), (str(places / "writable"),))
    assert held == (str(places / "bin"), str(places / "tool"))
    assert tools_of(str(places / "writable"), str(places / "home"), (str(places / "writable"),)) == ()
