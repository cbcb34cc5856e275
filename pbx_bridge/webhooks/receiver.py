"""Whether, and with which secrets, a program can be told now. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..addresses import host_of
from ..ledger.access import Client, KeyKind
from ..ledger.postings import Lane


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to and signed with what. `url` None: each call has its own."""

    url: str | None = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hold:
    """It cannot be told now; what it is owed waits."""

    why: str


@dataclass(frozen=True, slots=True)
class Drop:
    """It shall not be told any more."""

    why: str


def receiver_of(client: Client | None, lane: Lane, at: datetime) -> Receiver | Hold | Drop:
    """What becomes of deliveries in this lane."""
    if client is None or client.disabled_at is not None:
        return Drop("the program was disabled")
    if lane.target and lane.target not in _hosts(client):
        return Drop("its host is not one of the program's any more")
    if not lane.target and client.callback_url is None:
        return Drop("the program has no address any more")
    if not lane.target and client.callback_disabled_at is not None:
        return Hold("its address was given up after it answered 410")
    secrets = tuple(key.material for key in client.living_keys(KeyKind.WEBHOOK, at))
    if not secrets:
        return Hold("the program has no webhook secret to sign with")
    return Receiver(None if lane.target else client.callback_url, secrets)


def _hosts(client: Client) -> frozenset[str]:
    own = {host_of(client.callback_url)} if client.callback_url else set()
    return frozenset(own | {host.lower().rstrip(".") for host in client.callback_hosts})
