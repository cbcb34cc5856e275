"""How often: windows that slide, and what fills them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.codes.tries import Rules, Try, TryKind, Wait, Why, may_open, may_send, may_try

NOON = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)
RULES = Rules(
    calls_per_hour_of_citizen=3,
    calls_per_hour_of_number=4,
    codes_per_hour_of_citizen=2,
    codes_per_hour_of_number=3,
    code_pause_s=30,
    wrong_codes=3,
    lock_s=1800,
)


def ago(kind: TryKind, *minutes: float, citizen: bool = True, number: bool = True) -> list[Try]:
    return [Try(kind, NOON - timedelta(minutes=each), citizen, number) for each in minutes]


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_a_citizen_may_open_so_many_calls_in_an_hour_and_then_waits_for_the_first_to_be_an_hour_old() -> None:
    assert may_open(ago(TryKind.OPENED, 50, 20), RULES, NOON) is None
    assert may_open(ago(TryKind.OPENED, 50, 20, 1), RULES, NOON) == Wait(Why.TOO_MANY_CALLS, at(10))
    assert may_open(ago(TryKind.OPENED, 60, 20, 1), RULES, NOON) is None


def test_a_number_is_counted_across_citizens() -> None:
    others = ago(TryKind.OPENED, 50, 40, 30, 20, citizen=False)
    assert may_open(others, RULES, NOON) == Wait(Why.TOO_MANY_CALLS, at(10))
    assert may_open(others[:3], RULES, NOON) is None


def test_between_two_codes_lies_a_pause() -> None:
    assert may_send(ago(TryKind.SENT, 0.25), RULES, NOON) == Wait(Why.TOO_MANY_CODES, at(0.25))
    assert may_send(ago(TryKind.SENT, 0.5), RULES, NOON) is None


def test_codes_are_counted_for_citizen_and_number() -> None:
    assert may_send(ago(TryKind.SENT, 50, 20), RULES, NOON) == Wait(Why.TOO_MANY_CODES, at(10))
    assert may_send(ago(TryKind.SENT, 50, 20, citizen=False), RULES, NOON) is None
    assert may_send(ago(TryKind.SENT, 50, 20, 10, citizen=False), RULES, NOON) == Wait(Why.TOO_MANY_CODES, at(10))


def test_wrong_codes_lock_out_and_then_neither_typing_nor_sending_goes_on() -> None:
    wrong = ago(TryKind.MISMATCH, 25, 10, 1)
    locked = Wait(Why.LOCKED_OUT, at(5))
    assert may_try(wrong, RULES, NOON) == locked
    assert may_send(wrong, RULES, NOON) == locked
    assert may_try(wrong, RULES, at(5)) is None


def test_without_limits_nothing_is_counted_and_nobody_waits() -> None:
    rules = Rules()
    crowd = [each for kind in TryKind for each in ago(kind, *range(30))]
    assert not rules.count
    assert may_open(crowd, rules, NOON) is may_send(crowd, rules, NOON) is may_try(crowd, rules, NOON) is None


_kinds = st.sampled_from(TryKind)
_tries = st.lists(
    st.builds(Try, _kinds, st.floats(0, 120).map(lambda minutes: NOON - timedelta(minutes=minutes)), st.booleans(),
              st.booleans()),
    max_size=30,
)  # fmt: skip


@given(_tries)
def test_who_waits_as_long_as_told_is_not_told_to_wait_again(tries: Sequence[Try]) -> None:
    for rule in (may_open, may_send, may_try):
        wait = rule(tries, RULES, NOON)
        if wait:
            assert wait.until > NOON
            until = wait.until
            # Another of the limits may be the later one.
            for _ in range(4):
                wait = rule(tries, RULES, until)
                until = wait.until if wait else until
            assert wait is None


@given(_tries, _kinds)
def test_one_more_try_never_shortens_a_wait(tries: list[Try], kind: TryKind) -> None:
    more = [*tries, Try(kind, NOON, True, True)]
    for rule in (may_open, may_send, may_try):
        before, after = rule(tries, RULES, NOON), rule(more, RULES, NOON)
        if before:
            assert after
            assert after.until >= before.until or after.why is Why.LOCKED_OUT
