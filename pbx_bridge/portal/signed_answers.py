"""Answers to signed requests are signed too, refusals as well, so that a program can tell that the service itself
answered, and to which request (RFC 9421, 2.4).

A program that signs with Ed25519 checks the answer with a key from the service's key set; one that signs by HMAC with
the key that it used. Event streams are not signed: a signature needs the end of a message.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from aiohttp import hdrs, web
from http_message_signatures import HTTPMessageSigner
from http_message_signatures.algorithms import ED25519, HMAC_SHA256
from multidict import CIMultiDict

from ..ledger.errors import LedgerUnavailable
from .errors import DATABASE_RETRY_S
from .needs import NEEDS
from .operations import Handler
from .problems import Problem
from .requests import REQUEST_ID
from .signatures import DIGEST, INPUT, PROOF, SIGNATURE, Message, Proof
from .signing_keys import SigningKeys

ANSWER_KEYS: web.AppKey[SigningKeys] = web.AppKey("answer_keys", SigningKeys)

LABEL = "answer"
#: What binds the answer to its request. The request's own signature covers the rest of it, its nonce too.
_REQUEST = ('"@method";req', '"@path";req', '"@query";req', '"signature";req')
#: Covered when the answer has them: what a program goes on with.
_MEANING = (
    hdrs.CONTENT_TYPE,
    hdrs.LOCATION,
    hdrs.ETAG,
    hdrs.RETRY_AFTER,
    "Idempotent-Replayed",
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as the library reads it."""

    status_code: int
    headers: CIMultiDict[str] = field(repr=False)
    request: Message


@web.middleware
async def signed_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outside `problems`, so that it sees those as well."""
    answer = await handler(request)
    proof = request.get(PROOF)
    if proof is None or answer.prepared or not isinstance(answer, web.Response):
        return answer
    try:
        await sign(answer, proof, request)
    except LedgerUnavailable:
        # Whatever was done stays done: the same Idempotency-Key finds it.
        return Problem("database-unavailable", retry_after_s=DATABASE_RETRY_S).response(request.get(REQUEST_ID))
    return answer


async def sign(answer: web.Response, proof: Proof, request: web.Request) -> None:
    """Add the headers. Raises LedgerUnavailable when there is no key to be had."""
    keyid, key, algorithm = await _key(request, proof)
    body = answer.body if isinstance(answer.body, bytes | bytearray) else b""
    sent = bytes(body) if request.method != hdrs.METH_HEAD else b""
    covered = ["@status", *_REQUEST, *(name.lower() for name in _MEANING if name in answer.headers)]
    answer.headers.popall(DIGEST, None)
    prepared = HTTPMessageSigner(signature_algorithm=algorithm).prepare(
        _Answer(answer.status, answer.headers, proof.message),
        key_id=keyid,
        created=request.app[NEEDS].clock(),
        label=LABEL,
        include_alg=False,
        covered_component_ids=covered,
        body=sent or None,
    )
    # The library's own `apply` makes the whole base once more, to see that nobody changed the answer meanwhile.
    signature = algorithm(private_key=key).sign(prepared.signature_base)
    answer.headers[INPUT] = f"{LABEL}={prepared.signature_params}"
    answer.headers[SIGNATURE] = f"{LABEL}=:{base64.b64encode(signature).decode()}:"


async def _key(request: web.Request, proof: Proof) -> tuple[str, Any, type[ED25519] | type[HMAC_SHA256]]:
    if isinstance(proof.key, bytes):
        return proof.keyid, proof.key, HMAC_SHA256
    keys = request.app[ANSWER_KEYS]
    await keys.ready()
    own = keys.signer()
    return own.kid, own.private.private_key, ED25519
