"""Whom a run calls as: the demonstration, which signs with a key of its own, and a program for whoever types."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pbx_bridge import provision
from pbx_bridge.client import Bridge, Key, Problem, TokenRefused
from workshop.run.plant import Plant
from workshop.run.state import State


@dataclass(frozen=True)
class _Signer:
    """A program that proves itself, and signs, by an Ed25519 key. `pem` is the private half."""

    client_id: str
    key_id: str
    pem: str = field(repr=False)

    def bridge(self, plant: Plant) -> Bridge:
        key = Key.from_pem(self.key_id, self.pem)
        return Bridge(plant.url, self.client_id, private_key=key, signing_key=key, ca_file=plant.believes)


async def demonstration(state: State, plant: Plant) -> Bridge:
    """The signing program of the last run, or, when it is gone or refused, a new one. Raises RunFailed."""
    path = state.folder / "demonstration.json"
    with contextlib.suppress(OSError, ValueError, TypeError, TokenRefused, Problem):
        known = _Signer(**json.loads(path.read_text(encoding="utf-8"))).bridge(plant)
        async with known:
            await known.bearer()
        return known
    signer = await _register_signer(plant)
    provision.write_secret(path, json.dumps(vars(signer)))
    return signer.bridge(plant)


async def _register_signer(plant: Plant) -> _Signer:
    """As a portal's administrator would; the secret that comes with it is thrown away."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    added = await plant.client("add", "demonstration", "--require-signature")
    rotated = await plant.client("rotate", added["client_id"], "--kind", "public", public_key=public)
    return _Signer(added["client_id"], rotated["key_id"], private)


async def shell(state: State, plant: Plant, codes_url: str) -> None:
    """Keep the last run's program for the printed lines, or register one: a token and curl are all it takes.

    Raises RunFailed.
    """
    known = state.client()
    if not known or not await _believed(plant, *known):
        added = await plant.client("add", "shell")
        known = added["client_id"], added["client_secret"]
    state.keep_client(plant.url, *known, codes_url, plant.believes)


async def _believed(plant: Plant, client_id: str, secret: str) -> bool:
    try:
        async with Bridge(plant.url, client_id, secret=secret, ca_file=plant.believes) as bridge:
            await bridge.bearer()
    except TokenRefused:
        return False
    return True
