"""The keys that sign access tokens, and those that sign answers: kept in the ledger, known to every process, and
replaced before they are old.

A key is published before it signs, and is believed for as long as a token that it signed can live. Two processes that
make one at the same time do no harm: both count, and all sign with the one that stops first.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OKPKey

from ..conductor.ports import Clock
from ..ledger.access import SigningKey
from .needs import Ledger

log = structlog.get_logger(__name__)

Purpose = Literal["token", "response"]

ALGORITHM = "EdDSA"
#: No token of ours lives longer (seconds), whatever a program was registered with.
LONGEST_TOKEN_S = 86400
#: For clocks that disagree, and readers who keep the key set (seconds).
SLACK_S = 3600
#: The next key is made this long before it signs (seconds), or a quarter of its time before when that is less.
EARLY_S = 3600
#: How often it is seen to that there is one (seconds).
LOOK_S = 60.0
#: Unknown keys make the ledger be asked again, but no more often (seconds).
REREAD_S = 1.0


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key ready for use."""

    kid: str
    private: OKPKey = field(repr=False)
    public: OKPKey = field(repr=False)
    signs_until: datetime
    valid_until: datetime

    def as_jwk(self) -> dict[str, Any]:
        """For the key set (RFC 7517)."""
        return {**self.public.as_dict(), "kid": self.kid, "use": "sig", "alg": ALGORITHM}


def _own(kept: SigningKey) -> OwnKey:
    private = OKPKey.import_key(kept.private)
    public = OKPKey.import_key(private.as_dict(private=False))
    return OwnKey(kept.id, private, public, kept.signs_until, kept.valid_until)


def new_key(at: datetime, signs_until: datetime, purpose: Purpose = "token") -> SigningKey:
    """Draw one."""
    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    pem = Ed25519PrivateKey.generate().private_bytes(*form)
    valid_until = signs_until + timedelta(seconds=LONGEST_TOKEN_S + SLACK_S)
    kid = f"{purpose[0]}k_{secrets.token_hex(8)}"
    return SigningKey(kid, purpose, pem, at, signs_until, valid_until)


class SigningKeys:
    """The keys as this process knows them. Whatever asks the ledger may raise LedgerUnavailable."""

    def __init__(self, ledger: Ledger, clock: Clock, rotate_s: int, purpose: Purpose = "token") -> None:
        self._purpose: Purpose = purpose
        self._ledger = ledger
        self._clock = clock
        self._rotate = timedelta(seconds=rotate_s)
        self._early = min(timedelta(seconds=EARLY_S), self._rotate / 4)
        self._keys: dict[str, OwnKey] = {}
        self._reading: asyncio.Task[None] | None = None
        self._read_again_at = 0.0

    async def look(self) -> None:
        """Learn what keys there are, and make the next one when it is time."""
        await self._read()
        now = self._clock()
        last = max((key.signs_until for key in self._keys.values()), default=now)
        if last - now < self._early or last == now:
            made = new_key(now, max(last, now) + self._rotate, self._purpose)
            await self._ledger.add_signing_key(made)
            self._keys[made.id] = _own(made)
            log.info("a signing key was made", kid=made.id, signs_until=made.signs_until.isoformat())

    async def _read(self) -> None:
        kept = await self._ledger.signing_keys(self._purpose, self._clock())
        # What the ledger does not have any more does not count any more: that is how a stolen key is taken away.
        self._keys = {key.id: self._keys.get(key.id) or _own(key) for key in kept}

    async def ready(self) -> None:
        """Make sure that `signer` has one to give."""
        if self._signing() is None:
            await self.look()

    def signer(self) -> OwnKey:
        """The key to sign with now. Raises LookupError when none may; see `ready`."""
        if (key := self._signing()) is None:
            raise LookupError("no key may sign now")
        return key

    def _signing(self) -> OwnKey | None:
        now = self._clock()
        able = [key for key in self._keys.values() if now < key.signs_until]
        return min(able, key=lambda key: (key.signs_until, key.kid), default=None)

    def find(self, kid: str) -> OwnKey | None:
        """The key of that name, if it is believed now."""
        key = self._keys.get(kid)
        return key if key and self._clock() < key.valid_until else None

    async def reread(self) -> None:
        """A token names a key that is not known: another process may have made it this second. All who come
        meanwhile wait for the same reading; who comes sooner than a second after it gets no other."""
        now = asyncio.get_running_loop().time()
        if self._reading is None or (self._reading.done() and now >= self._read_again_at):
            self._read_again_at = now + REREAD_S
            self._reading = asyncio.create_task(self._read(), name="signing keys")
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        if not self._reading.done():
            await asyncio.shield(self._reading)

    def published(self) -> list[dict[str, Any]]:
        """All that count now and soon, as public JWKs."""
        now = self._clock()
        return [key.as_jwk() for key in self._keys.values() if now < key.valid_until]


SIGNING_KEYS: web.AppKey[SigningKeys] = web.AppKey("signing_keys", SigningKeys)
