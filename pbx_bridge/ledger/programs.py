"""The part of `Ledger` that knows the programs that may ask, their keys and ours, and which tokens are dead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from . import clients, lessons, tokens, tries
from .access import Client, ClientKey, Revocation, SigningKey
from .base import Base

#: How long after its end a program's key is remembered: who asks why it is refused can still be told.
KEYS_KEPT = timedelta(days=90)
#: The longest that anything counted can matter.
TRIES_KEPT = timedelta(hours=24)
#: How long is known how promises of a wait held: this month beside the same one a year ago.
HELD_KEPT = timedelta(days=400)


class Programs(Base):
    """Clients, keys, revocations, nonces. Every method may raise LedgerUnavailable, and Unreadable where it opens."""

    async def add_client(self, client: Client) -> None:
        """With its keys. Raises Refused when the id is taken."""
        await self._change(lambda connection: clients.add(connection, client, self._rows.seal))

    async def client(self, client_id: str) -> Client | None:
        """A program that may ask with all its keys, disabled or not."""
        return await self._read(lambda connection: clients.get(connection, client_id, self._rows.seal))

    async def clients(self) -> list[Client]:
        """Every client, by id."""
        return await self._read(lambda connection: clients.all_(connection, self._rows.seal))

    async def change_client(self, client: Client) -> bool:
        """All but id, `created_at`, `disabled_at` and keys, which have ways of their own. False when it is unknown."""
        return await self._change(lambda connection: clients.change(connection, client))

    async def disable_client(self, client_id: str, at: datetime) -> bool:
        """From `at` on it may not ask. False when there is no such client, or it was disabled before."""
        return await self._change(lambda connection: clients.disable(connection, client_id, at))

    async def add_key(self, client_id: str, key: ClientKey, *, others_expire_at: datetime | None = None) -> bool:
        """One more key. With `others_expire_at` the others of the same kind that would live longer expire then. False
        when there is no such client. Raises Refused when the client has a key with this id."""
        seal = self._rows.seal
        return await self._change(
            lambda connection: clients.add_key(connection, client_id, key, others_expire_at, seal)
        )

    async def drop_key(self, client_id: str, key_id: str, at: datetime) -> bool:
        """It counts no more from `at` on. False when there is no such key, or it is over by then anyway."""
        return await self._change(lambda connection: clients.drop_key(connection, client_id, key_id, at))

    async def signing_keys(self, purpose: str, at: datetime) -> list[SigningKey]:
        """Keys of ours that are still believed at that moment, newest first."""
        return await self._read(lambda connection: tokens.signing(connection, purpose, at, self._rows.seal))

    async def add_signing_key(self, key: SigningKey) -> None:
        """One more. Raises Refused when the id is taken."""
        await self._change(lambda connection: tokens.add_signing(connection, key, self._rows.seal))

    async def revoke(self, revocation: Revocation) -> Revocation:
        """Store it; comes back with its id. Whoever has read the revocations up to some id sees every later one with
        a greater id, whichever process wrote it."""
        seal, marks = self._rows.seal, self._rows.marks
        id_ = await self._change(lambda connection: tokens.revoke(connection, revocation, seal, marks))
        return replace(revocation, id=id_)

    async def revocations(self, after: int, at: datetime) -> list[Revocation]:
        """Those with an id above `after` that still matter at that moment, in order."""
        return await self._read(lambda connection: tokens.revoked(connection, after, at, self._rows.seal))

    async def remember_nonces(
        self, nonces: Collection[tuple[str, str]], at: datetime, until: datetime
    ) -> frozenset[tuple[str, str]]:
        """Remember each (key id, nonce) until `until`; returns the replays among them, which were remembered before
        and are not over at `at`. Of callers with the same pair at the same time one is told that it is new. A pair
        that comes twice in one call is a replay too: who gathers requests must let only one of the same pair in."""
        if not nonces:
            return frozenset()
        return await self._change(lambda connection: tokens.remember(connection, nonces, at, until))

    async def forget_old(self, at: datetime) -> int:
        """Delete what means nothing any more: what limits counted a day ago, nonces, revocations and keys of ours that
        are over, keys of programs that have been over for KEYS_KEPT, hours of promises older than HELD_KEPT. Returns
        how many rows went."""

        def forget(connection: Connection) -> int:
            gone = tokens.forget(connection, at) + tries.forget(connection, at - TRIES_KEPT)
            gone += lessons.forget_held(connection, at - HELD_KEPT)
            return gone + clients.forget_keys(connection, at - KEYS_KEPT)

        return await self._change(forget)
