from __future__ import annotations

from coworkd.board.views.status import ORDER
from coworkd.core.model import Status


def test_every_status_has_one_place_on_the_board() -> None:
    assert sorted(ORDER) == sorted(Status)
