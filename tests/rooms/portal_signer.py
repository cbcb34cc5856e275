"""A program that signs by hand, as RFC 9421 says it: without the library, so that the two check each other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pbx_bridge.ledger.access import Client, ClientKey, KeyKind

SHARED = b"s" * 32
_count = itertools.count()


def jwk(key: Ed25519PrivateKey) -> str:
    """The public half, as the service keeps it."""
    raw = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": raw})


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


@dataclass
class Signer:
    """Signs with one key; what is changed with `but` comes out wrong on purpose."""

    clock: Any
    keyid: str = "key_ed"
    key: Ed25519PrivateKey | bytes = field(default_factory=Ed25519PrivateKey.generate)
    label: str = "sig"
    covered: Sequence[str] | None = None
    parameters: str | None = None
    more: str = ""
    age_s: int = 0

    def but(self, **changes: Any) -> Signer:
        return replace(self, **changes)

    def known_to(self, client: Client, at: datetime) -> Client:
        """The program with this key registered, and signatures demanded."""
        kind, material = (
            (KeyKind.HMAC, base64.b64encode(self.key).decode())
            if isinstance(self.key, bytes)
            else (KeyKind.PUBLIC, jwk(self.key))
        )
        kept = ClientKey(self.keyid, kind, material, at)
        return replace(client, keys=(*client.keys, kept), require_signature=True)

    def sign(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"", nonce: str | None = None
    ) -> dict[str, str]:
        """The headers with the signature."""
        sent = dict(headers) | ({"Content-Digest": digest(body)} if body else {})
        path, _, query = target.partition("?")
        values = {name.lower(): value for name, value in sent.items()}
        values |= {"@method": method, "@path": path, "@query": f"?{query}"}
        usual = ("authorization", "content-digest", "idempotency-key", "if-match")
        names = self.covered or ("@method", "@path", "@query", *(name for name in usual if name in values))
        listed = " ".join(f'"{name}"' for name in names)
        created = int(self.clock().timestamp()) - self.age_s
        said = self.parameters
        if said is None:
            said = f';created={created};keyid="{self.keyid}";nonce="{nonce or f"nonce-{next(_count)}"}"{self.more}'
        inputs = f"({listed}){said}"
        lines = [f'"{name}": {values.get(name, "")}' for name in names] + [f'"@signature-params": {inputs}']
        signature = base64.b64encode(self.raw("\n".join(lines).encode())).decode()
        return sent | {"Signature-Input": f"{self.label}={inputs}", "Signature": f"{self.label}=:{signature}:"}

    def raw(self, base: bytes) -> bytes:
        """A signature over bytes."""
        if isinstance(self.key, bytes):
            return hmac.digest(self.key, base, "sha256")
        return self.key.sign(base)
