"""What a ledger keeps about programs, in memory; with the same promises."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from pbx_bridge.ledger.access import Client, ClientKey
from pbx_bridge.ledger.postings import DeliveryFilter, DeliveryPage
from pbx_bridge.ledger.values import StoredEvent


@dataclass
class Programs:
    """Programs by id."""

    clients_: dict[str, Client] = field(default_factory=dict)

    async def clients(self) -> list[Client]:
        return [self.clients_[each] for each in sorted(self.clients_)]

    async def add_client(self, client: Client) -> None:
        self.clients_[client.id] = client

    async def change_client(self, client: Client) -> bool:
        kept = self.clients_.get(client.id)
        if kept:
            self.clients_[client.id] = replace(client, keys=kept.keys, disabled_at=kept.disabled_at)
        return kept is not None

    async def disable_client(self, client_id: str, at: datetime) -> bool:
        client = self.clients_.get(client_id)
        if client is None or client.disabled_at:
            return False
        self.clients_[client_id] = replace(client, disabled_at=at)
        return True

    async def add_key(self, client_id: str, key: ClientKey, *, others_expire_at: datetime | None = None) -> bool:
        client = self.clients_.get(client_id)
        if client is None:
            return False
        older = [_shorter(each, others_expire_at) if each.kind is key.kind else each for each in client.keys]
        self.clients_[client_id] = replace(client, keys=(*older, key))
        return True

    async def drop_key(self, client_id: str, key_id: str, at: datetime) -> bool:
        client = self.clients_[client_id]
        keys = tuple(_shorter(each, at) if each.id == key_id else each for each in client.keys)
        self.clients_[client_id] = replace(client, keys=keys)
        return keys != client.keys

    # ── what they are told by webhook: nothing is owed here ──
    async def deliveries(self, filter_: DeliveryFilter, *, before: str | None = None, limit: int = 50) -> DeliveryPage:
        return DeliveryPage((), None)

    async def event(self, event_id: str) -> StoredEvent | None:
        return None

    async def replay(self, event: StoredEvent, at: datetime) -> bool:
        return False


def _shorter(key: ClientKey, until: datetime | None) -> ClientKey:
    longer = until is not None and (key.expires_at is None or key.expires_at > until)
    return replace(key, expires_at=until) if longer else key
