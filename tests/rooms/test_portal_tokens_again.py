"""A token that was found good is not taken apart again, and still dies when its time has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pbx_bridge.portal import tokens
from pbx_bridge.portal.tokens import NotAToken, Tokens

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(clock: Clock) -> Tokens:
    return Tokens(bytes(32), "pbx-bridge", "pbx-bridge", clock)


def test_it_is_examined_once(room: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = room.issue("portal", frozenset({"calls:read"}), 600)
    first = room.check(token)
    monkeypatch.setattr(room, "_examine", None)
    assert room.check(token) == first


def test_it_expires_on_time_although_it_was_good_before(room: Tokens, clock: Clock) -> None:
    token = room.issue("portal", frozenset({"calls:read"}), 600)
    clock.now = NOON + timedelta(seconds=599)
    assert room.check(token).client == "portal"
    clock.now = NOON + timedelta(seconds=601)
    with pytest.raises(NotAToken, match="expired"):
        room.check(token)


def test_one_letter_makes_it_another_token(room: Tokens) -> None:
    token = room.issue("portal", frozenset({"calls:read"}), 600)
    room.check(token)
    with pytest.raises(NotAToken):
        room.check(token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))


def test_only_so_many_are_remembered(room: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_REMEMBERED", 3)
    issued = [room.issue("portal", frozenset({"calls:read"}), 600) for _ in range(5)]
    for token in issued:
        room.check(token)
    assert len(room._good) == 3
    assert room.check(issued[0]).client == "portal"
