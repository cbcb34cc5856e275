"""Legs and channels: two names of the same thing, and nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.asterisk.legs import caller, came_in, channel_of, leg_of, leg_of_channel, leg_that_came_in, with_leg
from pbx_bridge.call.model import call_of_leg, leg_id

CHANNEL, LEG = "1763858613.42", "pb.call_h1763858613x42.1"

numbers = st.integers(min_value=0, max_value=10**12)


@given(numbers, numbers)
def test_a_channel_that_came_in_has_one_leg_and_the_leg_one_channel(time: int, count: int) -> None:
    channel = f"{time}.{count}"
    leg = leg_that_came_in(channel)
    assert leg is not None
    assert came_in(leg)
    assert call_of_leg(leg)
    assert channel_of(leg) == channel


@pytest.mark.parametrize("leg", ["pb.call_x.1", "pb.call_h1x2.2", "pb.call_hx.1", "pb.call_h1x2.c1", "", "1.2"])
def test_any_other_leg_is_its_own_channel(leg: str) -> None:
    assert channel_of(leg) == leg
    assert not came_in(leg)


def test_a_later_attempt_of_a_call_that_came_in_was_dialled() -> None:
    call = call_of_leg(LEG)
    assert call
    assert channel_of(leg_id(call, 2)) == f"pb.{call}.2"


@pytest.mark.parametrize("channel", ["", "pb.call_x.1", "a.1", "1.2.3", "1763858613", "-1.2"])
def test_an_id_of_ours_did_not_come_in(channel: str) -> None:
    assert leg_that_came_in(channel) is None


@pytest.mark.parametrize("told", [None, "", "pb.call_h1763858613x43.1", "pb.call_x.1"])
def test_a_variable_that_belongs_to_another_channel_does_not_count(told: str | None) -> None:
    assert leg_of(CHANNEL, told) == CHANNEL
    assert leg_of("pb.call_y.1", told) == "pb.call_y.1"


def test_ari_tells_the_leg_in_the_channels_variables() -> None:
    assert leg_of_channel({"id": CHANNEL, "channelvars": {"PB_LEG": LEG}}) == LEG
    assert leg_of_channel({"id": CHANNEL, "channelvars": {"PB_LEG": ""}}) == CHANNEL
    assert leg_of_channel({"id": CHANNEL}) == CHANNEL


def test_ami_tells_the_leg_with_each_event() -> None:
    event = {"Event": "QueueCallerJoin", "Uniqueid": CHANNEL, "ChanVariable": f"PB_LEG={LEG}"}
    assert with_leg(event) == {**event, "Uniqueid": LEG}
    for told in ("PB_LEG=", f"OTHER={LEG}", ""):
        other = {**event, "ChanVariable": told}
        assert with_leg(other) == other


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("+79161234567", "+79161234567"),
        ("79161234567", "+79161234567"),
        ("89161234567", "+79161234567"),
        ("9161234567", "+79161234567"),
        ("84951234567", "+74951234567"),
        ("+4915112345678", "+4915112345678"),
        ("004915112345678", "+4915112345678"),
        ("8104915112345678", "+4915112345678"),
    ],
)
def test_who_calls_is_read_however_the_operator_writes_it(number: str, read: str) -> None:
    phone = caller(number)
    assert phone is not None
    assert phone.e164 == read


@pytest.mark.parametrize(
    "number", ["", "anonymous", "100", "+", "12345", "+70000000000", "9161234567;x", "１２３４５６", "1" * 40]
)
def test_what_nobody_can_have_is_nobody(number: str) -> None:
    assert caller(number) is None
