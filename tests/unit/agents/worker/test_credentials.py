from __future__ import annotations

import stat
from pathlib import Path

import pytest

from coworkd.agents.known_programs import PROGRAMS, key_variables, program_model
from coworkd.agents.registry import DRIVERS, required_variables
from coworkd.agents.worker.credentials import provide_credentials
from coworkd.core.errors import AgentError
from coworkd.core.model import AgentSpec
from tests.sessions import assignment


def test_its_own_login_is_copied_again_and_never_back(tmp_path: Path) -> None:
    user = tmp_path / "user"
    (user / ".claude").mkdir(parents=True)
    (user / ".claude/.credentials.json").write_text("one")
    order = assignment(tmp_path, "t", agent=AgentSpec(name="c", driver="claude", login="mine"))
    copy = Path(order.home, ".claude/.credentials.json")
    assert provide_credentials(order, user) == {}
    assert copy.read_text() == "one"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copy.write_text("changed by the agent")
    provide_credentials(order, user)
    assert copy.read_text() == "one"
    assert (user / ".claude/.credentials.json").read_text() == "one"


def test_a_link_in_the_place_of_the_copy_is_not_followed(tmp_path: Path) -> None:
    user, victim = tmp_path / "user", tmp_path / "victim"
    (user / ".claude").mkdir(parents=True)
    (user / ".claude/.credentials.json").write_text("secret")
    victim.write_text("mine")
    order = assignment(tmp_path, "t", agent=AgentSpec(name="c", driver="claude", login="mine"))
    Path(order.home, ".claude").mkdir(parents=True)
    Path(order.home, ".claude/.credentials.json").symlink_to(victim)
    provide_credentials(order, user)
    assert victim.read_text() == "mine"


def test_a_login_that_is_not_there_is_said(tmp_path: Path) -> None:
    order = assignment(tmp_path, "t", agent=AgentSpec(name="c", driver="claude", login="mine"))
    with pytest.raises(AgentError, match=r"\.credentials\.json is not there"):
        provide_credentials(order, tmp_path)


def test_a_key_is_handed_over_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")
    keyed, plain = (AgentSpec(name="c", driver="claude", login=login) for login in ("key", ""))
    assert provide_credentials(assignment(tmp_path, "t", agent=keyed), tmp_path) == {"ANTHROPIC_API_KEY": "sk-canary"}
    assert provide_credentials(assignment(tmp_path, "t", agent=plain), tmp_path) == {}
    assert "ANTHROPIC_API_KEY" in required_variables(keyed)
    assert required_variables(plain) == key_variables(plain) == ()


def test_models_go_by_the_names_that_the_program_knows() -> None:
    assert program_model(AgentSpec(name="c", driver="claude", model="anthropic/claude-x")) == "claude-x"
    assert program_model(AgentSpec(name="c", driver="opencode", model="anthropic/claude-x")) == "anthropic/claude-x"


def test_every_program_says_how_it_signs_in() -> None:
    for driver, program in PROGRAMS.items():
        assert driver == program.driver
        assert program.login_files
        assert program.key_variables
    assert "claude" in PROGRAMS.keys() & DRIVERS.keys()
