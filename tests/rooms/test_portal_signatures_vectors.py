"""The examples of RFC 9421 (appendix B) and RFC 9530, so far as the service's profile lets them come.

The RFC's own signatures cover @authority and have no nonce, so the service refuses them; what is shown here is that
its keys, its algorithms and its digests are those of the RFC.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import InvalidSignature, MappingKeyResolver
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from pbx_bridge.client.keys import Key
from pbx_bridge.client.signing import sign
from pbx_bridge.ledger.access import Client, ClientKey, KeyKind
from pbx_bridge.portal.problems import Problem
from pbx_bridge.portal.signatures import Message, _algorithm, _key, _Verifier, check

from .portal_signer import Signer

AT = datetime.fromtimestamp(1618884473, UTC)
#: B.1.4 and B.1.5.
ED25519_JWK = '{"kty":"OKP","crv":"Ed25519","kid":"test-key-ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}'
ED25519_D = base64.urlsafe_b64decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU=")
SHARED = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
#: B.2
BODY = b'{"hello": "world"}'
DIGEST = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
REQUEST = {
    "Host": "example.com",
    "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "Content-Type": "application/json",
    "Content-Digest": DIGEST,
    "Content-Length": "18",
}


@dataclass(frozen=True)
class Vector:
    keyid: str
    inputs: str
    signature: str


VECTORS = {
    "B.2.5 hmac-sha256": Vector(
        "test-shared-secret",
        'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
        "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    ),
    "B.2.6 ed25519": Vector(
        "test-key-ed25519",
        'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ),
}
CLIENT = Client(
    "portal",
    "The RFC's",
    frozenset(),
    AT,
    600,
    (
        ClientKey("test-key-ed25519", KeyKind.PUBLIC, ED25519_JWK, AT),
        ClientKey("test-shared-secret", KeyKind.HMAC, SHARED, AT),
    ),
)


def message(vector: Vector, **changed: str) -> Message:
    headers = REQUEST | {"Signature-Input": vector.inputs, "Signature": vector.signature} | changed
    proxy = CIMultiDictProxy(CIMultiDict(headers))
    return Message("POST", "http://example.com/foo?param=Value&Pet=dog", proxy)


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_the_rfc_s_signature_is_good(vector: Vector) -> None:
    key = _key(CLIENT, vector.keyid, AT)
    resolver = MappingKeyResolver(public_keys={vector.keyid: key}, private_keys={})
    verifier = _Verifier(signature_algorithm=_algorithm(key), key_resolver=resolver)
    assert verifier.verify(message(vector), max_age=None)
    with pytest.raises(InvalidSignature):
        verifier.verify(message(vector, Date="Tue, 20 Apr 2021 02:07:56 GMT"), max_age=None)


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_the_rfc_s_signature_does_not_say_enough_for_us(vector: Vector) -> None:
    with pytest.raises(Problem) as refused:
        check(message(vector), BODY, CLIENT, AT, 60)
    assert "nonce" in str(refused.value.detail)


def test_the_rfc_s_digest_is_good_for_its_body_and_for_no_other() -> None:
    signer = Signer(lambda: AT, "test-key-ed25519", Ed25519PrivateKey.from_private_bytes(ED25519_D))
    headers = CIMultiDict(signer.sign("POST", "/foo", {"Content-Digest": DIGEST}))
    signed = Message("POST", "http://example.com/foo", CIMultiDictProxy(headers))
    assert check(signed, BODY, CLIENT, AT, 60)
    with pytest.raises(Problem) as refused:
        check(signed, BODY + b" ", CLIENT, AT, 60)
    assert "body" in str(refused.value.detail)


def test_the_private_key_of_the_rfc_is_the_other_half() -> None:
    key = Key("test-key-ed25519", Ed25519PrivateKey.from_private_bytes(ED25519_D))
    headers = CIMultiDict({"Content-Type": "application/json"})
    sent = sign(key, "POST", URL("https://example.com/foo?param=Value"), headers, BODY, AT)
    proof = check(Message("POST", sent.url, CIMultiDictProxy(headers)), BODY, CLIENT, AT, 60)
    assert proof.keyid == "test-key-ed25519"
