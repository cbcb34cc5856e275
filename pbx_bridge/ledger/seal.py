"""Sealing: AES-256-GCM for what the database must keep and nobody may read there.

A sealed value is key id (4 bytes), nonce (12), ciphertext and tag (16). The additional data names the place the
value belongs to, so a value moved to another row or column does not open. Every call has a key of its own,
derived from the given one: random nonces then stay far below the 2^32 of NIST SP 800-38D, 8.3, however many
calls there are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import Unreadable

KEY_BYTES = 32
_ID = 4
_NONCE = 12
_TAG = 16
#: So many bytes of a sealed value are never the same again.
SEALED_HEAD = _ID + _NONCE


class BadKey(ValueError):
    """A key for sealing is not 32 bytes, or the pepper too short. The message never repeats the key."""


def new_key() -> str:
    """A fresh key in the form that settings keep: base64 of 32 random bytes."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def key_id(key: bytes) -> bytes:
    """What a sealed value tells about its key: enough to pick it, nothing to find it."""
    return hashlib.sha256(b"pbx-bridge key id" + key).digest()[:_ID]


class Seal:
    """Seals with the first key, opens with any: put a new key first to rotate, drop the old one after `reseal`."""

    def __init__(self, keys: Sequence[bytes | str]) -> None:
        """Keys are 32 bytes, or base64 of them. Raises BadKey."""
        raw = [_raw(key) for key in keys]
        if not raw:
            raise BadKey("sealing needs at least one key; `pbx-bridge` can make one")
        self._keys = {key_id(key): key for key in raw}
        self._first = raw[0]
        self.first_id = key_id(raw[0])

    def close(self, owner: str, place: str, clear: bytes) -> bytes:
        """Seal `clear` for `place` of the call `owner`."""
        nonce = os.urandom(_NONCE)
        return self.first_id + nonce + _cipher(self._first, owner).encrypt(nonce, clear, _aad(owner, place))

    def open(self, owner: str, place: str, sealed: bytes) -> bytes:
        """The clear value. Raises Unreadable for an unknown key, another place, or a changed value."""
        key = self._keys.get(bytes(sealed[:_ID]))
        if key is None:
            raise Unreadable(
                f"{place} of {owner} was sealed with key {sealed[:_ID].hex()}, which was not given; add that key"
            )
        if len(sealed) < _ID + _NONCE + _TAG:
            raise Unreadable(f"{place} of {owner} was cut off after it was sealed")
        nonce, body = sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :]
        try:
            return _cipher(key, owner).decrypt(nonce, body, _aad(owner, place))
        except InvalidTag:
            raise Unreadable(f"{place} of {owner} was changed after it was sealed") from None


def _cipher(key: bytes, owner: str) -> AESGCM:
    return AESGCM(hmac.digest(key, owner.encode(), "sha256"))


def _aad(owner: str, place: str) -> bytes:
    return f"{place}\0{owner}".encode()


def _raw(key: bytes | str) -> bytes:
    if isinstance(key, str):
        try:
            key = base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            raise BadKey("a key for sealing must be base64") from None
    if len(key) != KEY_BYTES:
        raise BadKey(f"a key for sealing must be {KEY_BYTES} bytes, this one has {len(key)}")
    return key
