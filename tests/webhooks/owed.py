"""Programs that want to be told, and calls on which things happen, for the tests of webhooks."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime
from typing import Any

from pbx_bridge.call.model import Call
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.ledger import AuditLine, Change, Client, Ledger, NewEvent, StoredEvent
from pbx_bridge.ledger.access import ClientKey, KeyKind
from tests.rooms.ledger_calls import NOON, birth, newborn

URL = "https://portal.example/hook"
OLD, NEW = (f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"o", b"n"))


def secret(material: str = NEW, **more: Any) -> ClientKey:
    """A key to sign webhooks with."""
    return ClientKey(f"key_{material[6:12]}", KeyKind.WEBHOOK, material, NOON, **more)


async def program(ledger: Ledger, id_: str = "portal", **more: Any) -> Client:
    """A program with an address and a secret, unless told otherwise."""
    values: dict[str, Any] = {"callback_url": URL, "keys": (secret(),)} | more
    client = Client(id_, f"the {id_}", frozenset({"calls:read"}), NOON, 600, **values)
    await ledger.add_client(client)
    return client


async def begins(ledger: Ledger, user: str = "anna", **request: Any) -> Call:
    """A call is accepted: its first event."""
    call = newborn(user, **request)
    async with ledger.transaction() as transaction:
        await transaction.write([birth(call)], NOON)
    return call


async def happens(ledger: Ledger, call: Call, times: int = 1, at: datetime = NOON) -> tuple[Call, list[StoredEvent]]:
    """So many more events on a call, each in a transaction of its own. Gives the call, and what was published."""
    published: list[StoredEvent] = []
    for _ in range(times):
        after = replace(call, revision=call.revision + 1)
        event = NewEvent("call.state_changed", after.revision, at, {"call": snapshot(after)})
        change = Change(
            after, call.revision, after.accepted_at, (event,), audit=(AuditLine(at, "asterisk", "fact", "taken"),)
        )
        async with ledger.transaction() as transaction:
            published += (await transaction.write([change], at)).events
        call = after
    return call, published
