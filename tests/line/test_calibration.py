"""How promises of a wait held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.line.calibration import Held, Hour, Promise, settle

NOON = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)
PROMISE = Promise(NOON, likely_s=60, at_most_s=120)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_an_answer_at_the_very_bound_is_in_time() -> None:
    assert settle(PROMISE, after(120), answered=True) == Held(within=1, answered=1, error_ms=60_000, bias_ms=60_000)
    assert settle(PROMISE, after(120.001), answered=True).late == 1


def test_who_gives_up_early_proves_nothing_and_who_gives_up_late_was_told_too_little() -> None:
    assert settle(PROMISE, after(30), answered=False) == Held(unproven=1)
    assert settle(PROMISE, after(121), answered=False) == Held(late=1)


def test_hours_add_up() -> None:
    day = settle(PROMISE, after(30), answered=True) + settle(PROMISE, after(150), answered=True)
    assert day.share == 0.5
    assert day.mean_error_s == 60
    assert day.bias_s == 30


def test_without_waits_nothing_is_claimed() -> None:
    assert Held().share is Held().mean_error_s is Held().bias_s is None


_held = st.builds(settle, st.just(PROMISE), st.floats(0, 500).map(after), answered=st.booleans())


@given(_held, _held, _held)
def test_the_order_of_adding_does_not_matter(one: Held, two: Held, three: Held) -> None:
    assert (one + two) + three == one + (three + two)
    assert one + Held() == one


def test_an_hour_is_the_same_in_every_zone() -> None:
    moscow = timezone(timedelta(hours=3))
    assert Hour.of("support", datetime(2026, 1, 12, 15, 59, tzinfo=moscow)) == Hour("support", NOON)
    with pytest.raises(ValueError, match="without a zone"):
        Hour.of("support", datetime(2026, 1, 12, 15, 59))  # noqa: DTZ001
