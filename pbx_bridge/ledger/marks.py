"""Blind marks: what can be looked up and compared without being read.

A mark is an HMAC under a key that is not in the database: who has only the database can neither read it nor try
out all numbers against it. The same value under another kind, or of another program's citizen, has another mark.
"""

from __future__ import annotations

import hashlib
import hmac

from .seal import BadKey

PEPPER_BYTES = 16
#: 128 bits: no two values of a country's citizens will ever share one.
_HEX = 32


def derived(pepper: bytes, purpose: str) -> bytes:
    """The key for one purpose, so that none of its uses tells anything about another. Raises BadKey."""
    if len(pepper) < PEPPER_BYTES:
        raise BadKey(f"the pepper must be {PEPPER_BYTES} bytes or more, this one has {len(pepper)}")
    return hmac.digest(pepper, b"pbx-bridge ledger\0" + purpose.encode(), "sha256")


def citizen_owner(client: str, user: str) -> str:
    """What a citizen's sealed rows belong to (see seal.py). A digest, for an error of the seal names it."""
    return "citizen " + hashlib.sha256(f"{client}\0{user}".encode()).hexdigest()[:16]


class Marks:
    """Makes the marks of one installation."""

    def __init__(self, pepper: bytes) -> None:
        """Raises BadKey when `pepper` is shorter than PEPPER_BYTES."""
        self._key = derived(pepper, "blind marks")

    def number(self, e164: str | None) -> str | None:
        """Of a telephone number, whosever it is; None has none."""
        return None if e164 is None else self._mark("number", "", e164)

    def citizen(self, client: str, user: str) -> str:
        """Of a program's citizen."""
        return self._mark("citizen", client, user)

    def value(self, kind: str, client: str, value: str) -> str:
        """Of something that identifies a citizen, within one program."""
        return self._mark(f"value {kind}", client, value)

    def _mark(self, kind: str, client: str, value: str) -> str:
        return hmac.digest(self._key, f"{kind}\0{client}\0{value}".encode(), "sha256").hex()[:_HEX]
