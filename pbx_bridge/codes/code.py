"""The one-time code of a call: nobody keeps it, because it can always be computed again from a key.

It is bound to the citizen, the number it was sent to, the request, and its place among the codes of that request:
an HMAC over all of them, cut to six digits. So the database holds neither code nor hash (a hash of six digits is
found in a second), a message that is sent again after a crash has the same code, and a code for another number,
citizen or request is just wrong. Which code counts, and how many tries are left, the call machine knows.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from ..phone import Phone

DIGITS = 6


@dataclass(frozen=True, slots=True)
class Bond:
    """What the codes of one request are bound to."""

    call_id: str
    client: str
    user: str
    phone: Phone


class Codes:
    """Makes and compares codes. `key` is at least 32 bytes and lives outside the database."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError(f"the key of codes needs at least 32 bytes; it has {len(key)}")
        self._key = hmac.digest(key, b"one-time codes", "sha256")

    def code(self, bond: Bond, number: int) -> str:
        """Code `number` (from 1) of the request; never one that an earlier number had."""
        given: list[str] = []
        for each in range(1, number + 1):
            draw = 0
            while (code := self._draw(bond, each, draw)) in given:
                draw += 1
            given.append(code)
        return given[-1]

    def matches(self, typed: str, bond: Bond, number: int) -> bool:
        """Whether it is code `number`. Takes as long for every wrong one."""
        return hmac.compare_digest(self.code(bond, number).encode(), typed.encode())

    def _draw(self, bond: Bond, number: int, draw: int) -> str:
        # Each part with its length, so that no two bonds read the same.
        parts = (bond.call_id, bond.client, bond.user, bond.phone.e164, str(number), str(draw))
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        digest = hmac.new(self._key, message, hashlib.sha256).digest()
        # 256 bits over a million: no code is likelier than another by more than 1 in 2^236.
        return f"{int.from_bytes(digest, 'big') % 10**DIGITS:0{DIGITS}d}"
