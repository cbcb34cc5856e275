"""The programs that may ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pbx_bridge.ledger import Client, Ledger, Refused

from .ledger_calls import NOON

pytest_plugins = ["tests.ledger_plugin"]

PORTAL = Client(
    id="portal",
    name="Портал",
    scopes=frozenset({"calls:write", "calls:read"}),
    created_at=NOON,
    token_lifetime_s=900,
)


async def test_a_client_comes_back_as_it_was_added(ledger: Ledger) -> None:
    await ledger.add_client(PORTAL)
    assert await ledger.client("portal") == PORTAL
    assert await ledger.client("stranger") is None
    assert await ledger.clients() == [PORTAL]


async def test_an_id_is_given_once(ledger: Ledger) -> None:
    await ledger.add_client(PORTAL)
    with pytest.raises(Refused, match=r"pk_clients|clients\.id"):
        await ledger.add_client(replace(PORTAL, name="another"))
    assert await ledger.clients() == [PORTAL]


async def test_a_disabled_client_is_known_and_says_since_when(ledger: Ledger) -> None:
    await ledger.add_client(PORTAL)
    assert await ledger.disable_client("portal", NOON)
    assert not await ledger.disable_client("portal", NOON + timedelta(hours=1))
    assert not await ledger.disable_client("stranger", NOON)
    assert await ledger.client("portal") == replace(PORTAL, disabled_at=NOON)


async def test_a_token_must_live_for_some_time(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="ck_clients_lifetime"):
        await ledger.add_client(replace(PORTAL, token_lifetime_s=0))
