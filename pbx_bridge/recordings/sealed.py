"""A sealed file: AES-256-GCM in pieces, so that neither side ever has more than one piece in memory.

    head    "PBXR" and 1 (the version), 7 random bytes
    pieces  each 65,536 bytes of sound (the last one fewer, maybe none) and 16 bytes of tag

A piece's nonce is the 7 bytes of the head, its number from 0 (4 bytes, big end first), and 1 for the last piece, 0 for
others: the STREAM of Hoang, Reyhanitabar, Rogaway and Vizar (2015). So pieces can be neither changed, swapped, left out
nor cut off. The additional data of each is the recording's id. Each file has a random key of its own, which stands in
the database, sealed (ledger/recording_table.py): who has only the files hears nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"PBXR\x01"
KEY_BYTES, PIECE, TAG = 32, 64 * 1024, 16
_PREFIX = 7


class Broken(Exception):
    """A sealed file is not what was written. The text says how, and names no sound."""


def new_key() -> bytes:
    """A key for one file."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, id_: str, clear: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of the sealed file, from pieces of any size."""
    prefix = os.urandom(_PREFIX)
    yield MAGIC + prefix
    cipher, number, buffer = AESGCM(key), 0, b""
    for more in clear:
        buffer += more
        while len(buffer) > PIECE:
            yield cipher.encrypt(_nonce(prefix, number, last=False), buffer[:PIECE], id_.encode())
            buffer, number = buffer[PIECE:], number + 1
    yield cipher.encrypt(_nonce(prefix, number, last=True), buffer, id_.encode())


def unseal(key: bytes, id_: str, file: BinaryIO) -> Iterator[bytes]:
    """The sound, piece by piece, each only after it was proved. Raises Broken."""
    head = file.read(len(MAGIC) + _PREFIX)
    if not head.startswith(MAGIC) or len(head) < len(MAGIC) + _PREFIX:
        raise Broken(f"the file of {id_} does not begin as a sealed one does")
    cipher, prefix, number = AESGCM(key), head[len(MAGIC) :], 0
    piece = file.read(PIECE + TAG)
    while True:
        following = file.read(PIECE + TAG)
        try:
            yield cipher.decrypt(_nonce(prefix, number, last=not following), piece, id_.encode())
        except InvalidTag:
            raise Broken(f"the file of {id_} was changed or cut off at piece {number}") from None
        if not following:
            return
        piece, number = following, number + 1


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")
