"""What the rules make of a queue that is seen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pbx_bridge.directory.decide import Crowd
from pbx_bridge.line.estimate import Learned, Staff, estimate
from pbx_bridge.line.sight import Sight

NOON = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)
LEARNED = Learned.expecting(handle_s=180, patience_s=600)


def test_who_asks_now_stands_behind_all_who_wait_or_are_on_their_way() -> None:
    seen = Sight(agents=4, waiting=2, coming=3)
    assert seen.newcomer(LEARNED) == estimate(6, Staff(agents=4), LEARNED)
    assert Crowd.of(seen, LEARNED) == Crowd(5, 4, seen.newcomer(LEARNED))


def test_callbacks_that_ring_will_stand_before_live_callers_and_not_before_each_other() -> None:
    seen = Sight(agents=4, waiting=2, ringing=2)
    assert seen.wait(3, LEARNED) == seen.newcomer(LEARNED) == estimate(5, Staff(agents=4), LEARNED)
    assert seen.wait(1, LEARNED, called_back=True) == estimate(1, Staff(agents=4), LEARNED)


def test_agents_who_talk_are_expected_by_what_the_queue_has_learned() -> None:
    desk = Sight(agents=42, free=2, waiting=1, coming=2, ringing=3, longest_wait_s=9).desk(LEARNED, NOON)
    assert (desk.at, desk.free, desk.expected) == (NOON, 2, 3)
    assert (desk.live, desk.coming, desk.ringing, desk.longest_wait_s) == (1, 2, 3, 9)


def test_agents_become_free_as_fast_as_they_talk() -> None:
    assert Sight(agents=20, free=2, quiet_s=90).desk(LEARNED, NOON).freed == pytest.approx(9)
    assert Sight(agents=20, free=2).desk(LEARNED, NOON).freed == 0
