"""The programs that may ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pbx_bridge.ledger import Client, Ledger, Refused
from pbx_bridge.ledger.access import ClientKey, KeyKind, Limits, Role, SecondStep, Vouching

from .ledger_calls import NOON

pytest_plugins = ["tests.ledger_plugin"]

PORTAL = Client(
    id="portal",
    name="Портал",
    scopes=frozenset({"calls:write", "calls:read"}),
    created_at=NOON,
    token_lifetime_s=900,
)
DAY = timedelta(days=1)
SECRET = ClientKey("key_1", KeyKind.SECRET, "sha256:hash", NOON)
PUBLIC = ClientKey("key_2", KeyKind.PUBLIC, '{"kty": "OKP"}', NOON + DAY)
SHARED = ClientKey("key_3", KeyKind.HMAC, "c2hhcmVkIGtleQ==", NOON + 2 * DAY, NOON + 9 * DAY)
#: Everything about it is other than by default.
NARROW = replace(
    PORTAL,
    keys=(SECRET, PUBLIC, SHARED),
    role=Role.ENGINEER,
    callback_url="https://portal.example/calls",
    services=frozenset({"tax", "support"}),
    prefixes=("+7916", "+7495"),
    limits=Limits(requests_per_minute=60, calls_per_hour=5),
    second_step=SecondStep.CLICK,
    vouching=Vouching(frozenset({"high"}), frozenset({"otp", "sms"}), 120),
    issuers=frozenset({"https://id.example"}),
    require_signature=True,
)


@pytest.mark.parametrize(
    "client", [PORTAL, NARROW, replace(PORTAL, services=frozenset(), prefixes=())], ids=["plain", "narrow", "nothing"]
)
async def test_a_client_comes_back_as_it_was_added(ledger: Ledger, client: Client) -> None:
    await ledger.add_client(client)
    assert await ledger.client("portal") == client
    assert await ledger.client("stranger") is None
    assert await ledger.clients() == [client]


async def test_clients_are_told_apart_and_each_has_its_own_keys(ledger: Ledger) -> None:
    clients = [replace(NARROW, id="a"), replace(PORTAL, id="b"), replace(PORTAL, id="c", keys=(SECRET,))]
    for client in reversed(clients):
        await ledger.add_client(client)
    assert await ledger.clients() == clients


async def test_an_id_is_given_once_and_nothing_of_the_second_is_kept(ledger: Ledger) -> None:
    await ledger.add_client(PORTAL)
    with pytest.raises(Refused, match=r"pk_clients|clients\.id"):
        await ledger.add_client(replace(PORTAL, name="another", keys=(SECRET,)))
    assert await ledger.clients() == [PORTAL]


async def test_a_client_whose_key_is_refused_is_not_kept_either(ledger: Ledger) -> None:
    with pytest.raises(Refused):
        await ledger.add_client(replace(PORTAL, keys=(SECRET, SECRET)))
    assert await ledger.clients() == []


async def test_a_change_leaves_id_birth_end_and_keys_alone(ledger: Ledger) -> None:
    await ledger.add_client(NARROW)
    await ledger.disable_client("portal", NOON)
    wanted = replace(PORTAL, name="Новый", created_at=NOON + DAY, disabled_at=None, keys=())
    assert await ledger.change_client(wanted)
    assert await ledger.client("portal") == replace(wanted, created_at=NOON, disabled_at=NOON, keys=NARROW.keys)
    assert await ledger.change_client(NARROW)
    assert await ledger.client("portal") == replace(NARROW, disabled_at=NOON)


async def test_a_client_that_is_not_there_is_not_changed(ledger: Ledger) -> None:
    assert not await ledger.change_client(PORTAL)
    assert await ledger.clients() == []


async def test_a_disabled_client_is_known_and_says_since_when(ledger: Ledger) -> None:
    await ledger.add_client(PORTAL)
    assert await ledger.disable_client("portal", NOON)
    assert not await ledger.disable_client("portal", NOON + timedelta(hours=1))
    assert not await ledger.disable_client("stranger", NOON)
    assert await ledger.client("portal") == replace(PORTAL, disabled_at=NOON)


@pytest.mark.parametrize(
    ("rule", "client"),
    [
        ("ck_clients_lifetime", replace(PORTAL, token_lifetime_s=0)),
        ("ck_clients_role", replace(PORTAL, role=Role.CITIZEN)),
        ("ck_clients_limits", replace(PORTAL, limits=Limits(requests_per_minute=0))),
        ("ck_clients_limits", replace(PORTAL, limits=Limits(calls_per_hour=-1))),
    ],
)
async def test_the_database_refuses_what_no_program_can_be(ledger: Ledger, rule: str, client: Client) -> None:
    with pytest.raises(Refused, match=rule):
        await ledger.add_client(client)
