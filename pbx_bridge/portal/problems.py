"""Every way a request can be refused: one row each, from which answers, docs/problems.md and OpenAPI are made.

A slug is a promise: programs compare `type`, so a slug never changes its meaning and is never used again for
another. The document's form is RFC 9457; `type` is relative, and GET on it explains itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

MEDIA_TYPE = "application/problem+json"
PREFIX = "/problems/"


@dataclass(frozen=True, slots=True)
class Row:
    """What a slug means. `members` are the extra members that its documents carry (name to meaning)."""

    status: int
    title: str
    meaning: str
    remedy: str
    members: Mapping[str, str] | None = None


_RETRY = {"retry_after": "seconds to wait before asking again; also in Retry-After"}
_CALL = {"call_id": "the call that is in the way; also in Location"}

CATALOGUE: dict[str, Row] = {
    "malformed-request": Row(
        400,
        "The request cannot be read",
        "The bytes are not an HTTP request that this service can take apart.",
        "Check the client or the proxy in between; `detail` says what is wrong.",
    ),
    "malformed-json": Row(
        400,
        "The body is not JSON",
        "The body must be one JSON value (RFC 8259) in UTF-8, each name once in an object, and no NaN or Infinity.",
        "Send well-formed JSON.",
    ),
    "invalid-header": Row(
        400,
        "A header cannot be read",
        "A header that changes what the request means is present, but not in its form.",
        "Send the header in the form that `detail` names, or leave it out.",
    ),
    "idempotency-key-missing": Row(
        400,
        "Idempotency-Key is required",
        "A call is only started under a key, so that a repeated request can never ring twice.",
        "Send a new unique key (a UUID) with each intent, and the same key when repeating a request.",
    ),
    "unauthorized": Row(
        401,
        "A token is required",
        "Nothing but the health, documentation and token pages answers without a token.",
        "Get one from POST /oauth/token and send it as `Authorization: Bearer <token>`.",
    ),
    "invalid-token": Row(
        401,
        "The token is not accepted",
        "The token is expired, was not issued by this service, or its client was disabled or removed.",
        "Get a new one from POST /oauth/token; when that fails too, ask the operator about the client.",
    ),
    "insufficient-scope": Row(
        403,
        "The token does not allow this",
        "The operation needs a scope that the token does not carry.",
        "Ask for a token with the scope named in WWW-Authenticate; the operator decides what a client may have.",
        {"scope": "the scope that is needed"},
    ),
    "wrong-role": Row(
        403,
        "Your role may not do this",
        "The operation is not for the role of who asks; the table of roles is in docs/roles.md.",
        "Ask with a program of a role that may, or ask the operator for the role.",
        {"role": "the role you ask in"},
    ),
    "not-allowed-origin": Row(
        403,
        "The browser's page may not ask",
        "The page's origin is not among those that the operator allows (CORS).",
        "Ask the operator to allow the origin.",
    ),
    "not-found": Row(
        404,
        "There is no such page",
        "No operation lives at this path.",
        "Compare the path with /docs.",
    ),
    "unknown-call": Row(
        404,
        "There is no such call",
        "No call has this id, or another client made it.",
        "Use the id from the answer of POST /v1/calls, with a token of the same client.",
    ),
    "method-not-allowed": Row(
        405,
        "The method is not for this path",
        "The path exists, but not with this method; `Allow` lists those it has.",
        "Use a method from `Allow`.",
    ),
    "too-slow": Row(
        408,
        "The body did not arrive in time",
        "The request's body must arrive within seconds.",
        "Send the request again over a better connection. Nothing was done.",
    ),
    "citizen-busy": Row(
        409,
        "The citizen has an active call",
        "One citizen has one active call at a time; it was made by your client.",
        "Show that call, or abort it first.",
        _CALL,
    ),
    "already-scheduled": Row(
        409,
        "The citizen already waits for a call",
        "A call of this citizen to the same service is scheduled already.",
        "Show that call, or abort it first.",
        _CALL,
    ),
    "request-in-flight": Row(
        409,
        "The first request is still being answered",
        "Another request with the same Idempotency-Key has not been answered yet.",
        "Repeat the same request after the time in Retry-After.",
        _RETRY,
    ),
    "refused": Row(
        409,
        "The call's state does not allow this",
        "The request is understood but cannot be done now; `detail` says why.",
        "Read the call, then decide anew.",
    ),
    "revision-passed": Row(
        412,
        "The call has moved on",
        "If-Match names a revision that the call has left.",
        "Read the call and decide anew with its present ETag.",
        {"revision": "the call's present revision; also in ETag"},
    ),
    "too-large": Row(
        413,
        "The body is too large",
        "No request of this service needs that much.",
        "Send less; the limit is in `max_bytes`.",
        {"max_bytes": "the largest body that is read"},
    ),
    "unsupported-media-type": Row(
        415,
        "The body's media type is not understood",
        "The operation reads application/json in UTF-8, without Content-Encoding.",
        "Send `Content-Type: application/json`.",
    ),
    "expectation-failed": Row(
        417,
        "The expectation cannot be met",
        "The only expectation there is is `Expect: 100-continue`.",
        "Leave the Expect header out.",
    ),
    "validation-failed": Row(
        422,
        "Something in the request is not valid",
        "The request is well-formed but breaks a rule; each item of `errors` names a place and the rule.",
        "Correct the places named. Values are not repeated here, as they may be private.",
        {"errors": "list of {in, pointer, detail}: `pointer` is RFC 6901, in the body or among the parameters"},
    ),
    "idempotency-key-reused": Row(
        422,
        "The Idempotency-Key belongs to another request",
        "The key was used before with another body, or is not in its form.",
        "Use a new key for a new intent, and exactly the same body for a repetition.",
    ),
    "internal-error": Row(
        500,
        "The service made a mistake",
        "Something unforeseen happened; it is in the service's log under `request_id`.",
        "Repeat the request later with the same Idempotency-Key, and tell the operator the `request_id`.",
    ),
    "database-unavailable": Row(
        503,
        "The service cannot remember now",
        "The database does not answer in time. Whether the request was kept is not known to who asked.",
        "Repeat the same request, with the same Idempotency-Key, after the time in Retry-After: nothing rings twice.",
        _RETRY,
    ),
    "not-ready": Row(
        503,
        "The service is not ready",
        "A part that it needs is not there (yet); `parts` says which and why.",
        "Wait; the operator finds more in the service's log.",
        {**_RETRY, "parts": "each part: `ok` or a sentence"},
    ),
}

#: After these the connection is closed: what the peer still sends is the rest of what was refused.
_LAST_WORDS = frozenset({"malformed-request", "too-large", "too-slow"})


class Problem(Exception):
    """A refusal on its way out. `detail` is for the caller's developer: it never repeats what was sent."""

    def __init__(
        self,
        slug: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
        **members: Any,
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.row = CATALOGUE[slug]
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
            self.members["retry_after"] = retry_after_s

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        """The RFC 9457 document."""
        row = self.row
        document = {"type": PREFIX + self.slug, "title": row.title, "status": row.status}
        document["detail"] = self.detail or row.meaning
        if request_id:
            document["request_id"] = request_id
        return document | self.members

    def response(self, request_id: str | None = None) -> web.Response:
        """The document as an answer."""
        body = json.dumps(self.document(request_id), ensure_ascii=True).encode()
        headers = {**self.headers, "Cache-Control": "no-store"}
        response = web.Response(status=self.row.status, body=body, content_type=MEDIA_TYPE, headers=headers)
        if self.slug in _LAST_WORDS:
            response.force_close()
        return response


def explain(slug: str) -> dict[str, Any] | None:
    """What GET /problems/{slug} says; None for a slug that is not in the catalogue."""
    row = CATALOGUE.get(slug)
    if row is None:
        return None
    return {
        "type": PREFIX + slug,
        "status": row.status,
        "title": row.title,
        "meaning": row.meaning,
        "remedy": row.remedy,
        "members": dict(row.members or {}),
    }


def as_markdown() -> str:
    """The catalogue as the page docs/problems.md."""
    lines = ["# What the API refuses, and what to do", "", "Generated from `pbx_bridge/portal/problems.py`.", ""]
    lines += ["| type | status | meaning | what to do | members |", "|---|---|---|---|---|"]
    for slug, row in CATALOGUE.items():
        members = "; ".join(f"`{name}`: {text}" for name, text in (row.members or {}).items())
        lines.append(f"| `{PREFIX}{slug}` | {row.status} | {row.meaning} | {row.remedy} | {members} |")
    return "\n".join(lines) + "\n"
