"""Which keys may check signatures at all."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from pbx_bridge import jws

GOOD: list[tuple[Any, set[str]]] = [
    (OKPKey.import_key(ed25519.Ed25519PrivateKey.generate()), {"EdDSA", "Ed25519"}),
    (ECKey.import_key(ec.generate_private_key(ec.SECP256R1())), {"ES256"}),
    (ECKey.import_key(ec.generate_private_key(ec.SECP521R1())), {"ES512"}),
    (RSAKey.import_key(rsa.generate_private_key(65537, 2048)), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
]


@pytest.mark.parametrize(("key", "algorithms"), GOOD)
def test_a_key_checks_only_what_its_type_and_curve_can_sign(key: Any, algorithms: set[str]) -> None:
    read = jws.key_of(key.as_dict(private=False))
    assert read is not None
    assert jws.algorithms_of(read) == algorithms


def test_a_private_key_is_read_as_its_public_half() -> None:
    for key, _ in GOOD:
        read = jws.key_of(key.as_dict(private=True))
        assert read is not None
        assert not read.is_private


def short_rsa() -> dict[str, Any]:
    """By hand: the library warns when it makes one."""
    modulus = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n  # noqa: S505
    return {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(modulus.to_bytes(128, "big")).decode().rstrip("=")}


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(
    "jwk",
    [
        short_rsa(),
        OctKey.generate_key(256).as_dict(private=True),
        OKPKey.import_key(x25519.X25519PrivateKey.generate()).as_dict(private=False),
        OKPKey.import_key(ed448.Ed448PrivateKey.generate()).as_dict(private=False),
        ECKey.generate_key("secp256k1").as_dict(private=False),
        {**GOOD[1][0].as_dict(private=False), "use": "enc"},
        {**GOOD[1][0].as_dict(private=False), "key_ops": ["encrypt"]},
        {**GOOD[1][0].as_dict(private=False), "key_ops": 5},
        {**GOOD[1][0].as_dict(private=False), "y": "AAAA"},
        {**GOOD[0][0].as_dict(private=False), "x": "AAAA"},
        {"kty": "RSA", "n": "", "e": "AQAB"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "EC"},
        {"kty": ["EC"]},
        {},
    ],
)
def test_other_keys_check_nothing(jwk: dict[str, Any]) -> None:
    assert jws.key_of(jwk) is None
