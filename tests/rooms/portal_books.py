"""What the house's ledger keeps beside calls, in memory: keys, revocations, nonces, citizens."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from pbx_bridge.ledger.access import Citizen, Revocation, SigningKey


@dataclass
class Books:
    """`trouble` is what every question raises instead of an answer."""

    trouble: Exception | None = None
    reads: int = 0
    signing_keys_: dict[str, SigningKey] = field(default_factory=dict)
    revocations_: list[Revocation] = field(default_factory=list)
    nonces_: dict[tuple[str, str], datetime] = field(default_factory=dict)
    citizens_: dict[tuple[str, str], Citizen] = field(default_factory=dict)

    def _may_fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def signing_keys(self, purpose: str, at: datetime) -> list[SigningKey]:
        self._may_fail()
        self.reads += 1
        found = [key for key in self.signing_keys_.values() if key.purpose == purpose and at < key.valid_until]
        await asyncio.sleep(0)  # another process may write before this one does
        return found

    async def add_signing_key(self, key: SigningKey) -> None:
        self._may_fail()
        self.signing_keys_[key.id] = key

    async def revoke(self, revocation: Revocation) -> Revocation:
        self._may_fail()
        stored = replace(revocation, id=len(self.revocations_) + 1)
        self.revocations_.append(stored)
        return stored

    async def revocations(self, after: int, at: datetime) -> list[Revocation]:
        self._may_fail()
        return [each for each in self.revocations_ if each.id > after and each.until > at]

    async def remember_nonces(
        self, nonces: Collection[tuple[str, str]], at: datetime, until: datetime
    ) -> frozenset[tuple[str, str]]:
        self._may_fail()
        known = frozenset(pair for pair in nonces if pair in self.nonces_ and at < self.nonces_[pair])
        self.nonces_ |= {pair: until for pair in nonces if pair not in known}
        return known

    async def citizen(self, client: str, user: str) -> Citizen | None:
        self._may_fail()
        return self.citizens_.get((client, user))

    async def keep_citizen(self, citizen: Citizen) -> None:
        self._may_fail()
        self.citizens_[citizen.client, citizen.user] = citizen
