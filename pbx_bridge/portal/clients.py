"""The programs that may ask: how their secrets are made, kept and compared.

Secrets are generated here and hold 256 random bits, so a keyed SHA-256 keeps them as safe as a slow hash would
(LIBRARIES: slow hashes are for what people choose) and a check takes microseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from ..ledger.access import Client, ClientKey, KeyKind
from .rights import SCOPES

_SCHEME = "hmac-sha256$"


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client as it was made. `secret` is shown once and kept nowhere; `key` is what the ledger keeps of it."""

    id: str
    secret: str = field(repr=False)
    key: ClientKey


def new_client(pepper: bytes, at: datetime) -> NewClient:
    """Draw an id and a secret. The id is safe in URLs, logs and forms; the secret has a prefix that scanners know."""
    client_id = f"client_{secrets.token_hex(8)}"
    return NewClient(client_id, *new_secret(client_id, pepper, at))


def new_secret(client_id: str, pepper: bytes, at: datetime) -> tuple[str, ClientKey]:
    """Draw a secret for a program: what is shown once, and what is kept."""
    secret = f"pbxs_{secrets.token_urlsafe(32)}"
    kept = ClientKey(f"key_{secrets.token_hex(8)}", KeyKind.SECRET, secret_hash(client_id, secret, pepper), at)
    return secret, kept


def secret_hash(client_id: str, secret: str, pepper: bytes) -> str:
    """What is kept of a secret. It is bound to the client, so a row copied to another client is of no use."""
    message = b"client-secret\0" + client_id.encode() + b"\0" + secret.encode()
    return _SCHEME + hmac.new(pepper, message, hashlib.sha256).hexdigest()


def is_secret(client_id: str, secret: str, client: Client | None, at: datetime, pepper: bytes) -> bool:
    """Whether the secret is one of the client's that count. Takes as long for a client that does not exist."""
    expected = secret_hash(client_id, secret, pepper)
    kept = [key.material for key in client.living_keys(KeyKind.SECRET, at)] if client else []
    # All are compared, so that time does not tell which one fits.
    return sum([hmac.compare_digest(expected, each) for each in kept or [_SCHEME + "0" * 64]]) > 0 and bool(kept)


def unknown_scopes(scopes: list[str]) -> list[str]:
    """Those that mean nothing here, for the command line to refuse."""
    return [scope for scope in scopes if scope not in SCOPES]
