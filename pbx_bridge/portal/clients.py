"""The programs that may ask: how their secrets are made, kept and compared.

Secrets are generated here and hold 256 random bits, so a keyed SHA-256 keeps them as safe as a slow hash would
(LIBRARIES: slow hashes are for what people choose) and a check takes microseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

SCOPES = {
    "calls:write": "start and abort calls",
    "calls:read": "read own calls and their events",
}
_SCHEME = "hmac-sha256$"


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client as it was made. `secret` is shown once and kept nowhere; `secret_hash` is what the ledger keeps."""

    id: str
    secret: str = field(repr=False)
    secret_hash: str


def new_client(pepper: bytes) -> NewClient:
    """Draw an id and a secret. The id is safe in URLs, logs and forms; the secret has a prefix that scanners know."""
    client_id = f"client_{secrets.token_hex(8)}"
    secret = f"pbxs_{secrets.token_urlsafe(32)}"
    return NewClient(client_id, secret, secret_hash(client_id, secret, pepper))


def secret_hash(client_id: str, secret: str, pepper: bytes) -> str:
    """What is kept of a secret. It is bound to the client, so a row copied to another client is of no use."""
    message = b"client-secret\0" + client_id.encode() + b"\0" + secret.encode()
    return _SCHEME + hmac.new(pepper, message, hashlib.sha256).hexdigest()


def is_secret(client_id: str, secret: str, kept: str | None, pepper: bytes) -> bool:
    """Whether the secret is the client's. Takes as long for a client that does not exist (`kept` is None)."""
    expected = secret_hash(client_id, secret, pepper)
    return hmac.compare_digest(expected, kept or _SCHEME + "0" * 64) and kept is not None


def unknown_scopes(scopes: list[str]) -> list[str]:
    """Those that mean nothing here, for the command line to refuse."""
    return [scope for scope in scopes if scope not in SCOPES]
