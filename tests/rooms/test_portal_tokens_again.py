"""A token that was found good is not taken apart again, and still dies when its time has come."""

from __future__ import annotations

import pytest
import pytest_asyncio

from pbx_bridge.portal import tokens
from pbx_bridge.portal.tokens import NotAToken, Tokens

from .portal_house import House
from .token_forger import tokens_of


@pytest.fixture
def house() -> House:
    return House()


@pytest_asyncio.fixture
async def room(house: House) -> Tokens:
    return await tokens_of(house)


async def test_it_is_examined_once(room: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = room.issue("portal", frozenset({"calls:read"}), 600)
    first = room.check(token)
    monkeypatch.setattr(room, "_examine", None)
    assert room.check(token) == first


async def test_it_expires_on_time_although_it_was_good_before(room: Tokens, house: House) -> None:
    token = room.issue("portal", frozenset({"calls:read"}), 600)
    house.clock.later(599)
    assert room.check(token).client == "portal"
    house.clock.later(2)
    with pytest.raises(NotAToken, match="expired"):
        room.check(token)


async def test_one_letter_makes_it_another_token(room: Tokens) -> None:
    token = room.issue("portal", frozenset({"calls:read"}), 600)
    room.check(token)
    with pytest.raises(NotAToken):
        room.check(token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))


async def test_only_so_many_are_remembered(room: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_REMEMBERED", 3)
    issued = [room.issue("portal", frozenset({"calls:read"}), 600) for _ in range(5)]
    for token in issued:
        room.check(token)
    assert len(room._good) == 3
    assert room.check(issued[0]).client == "portal"
