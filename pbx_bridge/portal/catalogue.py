"""Every way a request can be refused: one row each, from which answers, docs/problems.md and OpenAPI are made.

A slug is a promise: programs compare `type`, so a slug never changes its meaning and is never used again for
another.
"""

from __future__ import annotations

from .refusals import OF_STATE, RETRY, Row

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
    "signature-required": Row(
        401,
        "The request must be signed",
        "The program is registered with signatures required, and this request has none.",
        "Sign it by RFC 9421 as docs/how-to/sign-requests.md says; Accept-Signature names what must be covered.",
    ),
    "signature-invalid": Row(
        401,
        "The signature is not accepted",
        "The request carries a signature that does not prove what it should; `detail` says which check failed.",
        "Sign the request as it is sent, with a living key of the program that the token names.",
    ),
    "signature-stale": Row(
        401,
        "The signature is not of this time",
        "`created` is too far from the service's clock, or `expires` has passed.",
        "Set the clock by NTP, and sign each request when it is sent.",
        {"server_time": "the service's clock, RFC 3339"},
    ),
    "signature-replayed": Row(
        401,
        "The signature was used before",
        "A request with this nonce and key was served already.",
        "Draw a new nonce for every request, for a repeated one too; the Idempotency-Key stays the same.",
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
    "not-your-number": Row(
        403,
        "The number is not the citizen's own",
        "A citizen's token asks for that citizen's calls only, on the phone that their portal verified, or on devices "
        "that it wrote into their profile.",
        "Leave it out, or let the portal tell it first (PUT /v1/users/{user_id}/identity, or …/profile).",
        {"pointer": "where in the body it is (RFC 6901)"},
    ),
    "destination-refused": Row(
        403,
        "This number may not be rung",
        "The number is foreign, costs extra, is longer or shorter than its country's telephones have it, or is outside "
        "what the operator allows for this program or service.",
        "Use another number, or ask the operator to allow its prefix.",
        {"why": "foreign, costly or length", "pointer": "where in the body the number is (RFC 6901)"},
    ),
    "service-refused": Row(
        403,
        "The service is not for this program",
        "The program is registered for other services.",
        "Use a service that the program is registered for, or ask the operator.",
    ),
    "code-mismatch": Row(
        403,
        "The code is not right",
        "What was typed is not the code of this call. After the last try the call is over.",
        "Let the citizen type it again, or send another code.",
        {"attempts_left": "how often a code may still be typed for this call", "call_id": "the call"},
    ),
    "identity-not-yours": Row(
        403,
        "Identity data comes from the portal",
        "A citizen's token cannot supply identity data: only what the portal has told counts.",
        "Leave it out; the portal's backend supplies it, in the call or by PUT /v1/users/{user_id}/identity.",
    ),
    "identity-required": Row(
        403,
        "Too little is known about the citizen",
        "The service asks for identity data that the portal has supplied and verified, and some is missing.",
        "Let the portal supply what `missing` names, with the same names in `verified`.",
        {"service": "the service", "missing": "what is not there, or not verified"},
    ),
    "second-factor-required": Row(
        403,
        "A fresh second factor is needed",
        "The citizen's token does not say that they have just proved themselves by a second factor.",
        "Let the citizen sign in at the portal once more with both factors, and exchange the new token.",
    ),
    "authenticator-mismatch": Row(
        403,
        "The code is not the app's",
        "The authenticator app does not show this code now, or it was used before.",
        "Let the citizen type the next one, and see that the phone's clock is right. Without tries: enrol anew.",
        {"attempts_left": "how many tries this enrolment has left"},
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
    "unknown-citizen": Row(
        404,
        "There is no such citizen",
        "Nothing is known about a citizen with this id, or they are not yours.",
        "Use the id that you gave as `user.id`, percent-encoded, with a token of the same program.",
    ),
    "no-authenticator": Row(
        404,
        "There is no authenticator app",
        "None is enrolled for this citizen, or its enrolment ended after too many wrong codes.",
        "Enrol one: POST /v1/users/{user_id}/authenticator.",
    ),
    "unknown-service": Row(
        404,
        "There is no such service",
        "The directory has no service with this id, or it is not for your program.",
        "GET /v1/services lists them.",
    ),
    "unknown-queue": Row(
        404,
        "There is no such queue",
        "Neither Asterisk nor the directory of services has a queue of this name.",
        "GET /v1/queues lists them.",
    ),
    "unknown-agent": Row(
        404,
        "There is no such agent",
        "The directory has no agent with this id.",
        "GET /v1/agents lists them; engineers add one in agents.toml.",
    ),
    "unknown-client": Row(
        404,
        "There is no such program",
        "No program has this id, or it has no such key.",
        "GET /v1/clients lists them.",
    ),
    "unknown-recording": Row(
        404,
        "There is no such recording",
        "No recording has this id.",
        "GET /v1/calls/{id}/recordings names those of a call; one comes a moment after the call has ended.",
    ),
    "unknown-event": Row(
        404,
        "There is no such event",
        "No event that you may see has this id: it is older than what is kept, or it came from another installation "
        "or from before a backup was brought back. What came after it may be missing as well.",
        "List the calls (GET /v1/calls), then follow from now on (`after=now`) or from the oldest that is kept "
        "(without `after` and `Last-Event-ID`).",
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
    **OF_STATE,
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
    "code-needed": Row(
        422,
        "A code is needed",
        "This call is confirmed by a one-time code, and there was none in the request.",
        "Ask the citizen for the code and send it as `code`.",
    ),
    "too-many-calls": Row(
        429,
        "Too many calls",
        "The citizen or the number has had as many calls in the last hour as the operator allows.",
        "Wait for the time in Retry-After.",
        RETRY,
    ),
    "too-many-codes": Row(
        429,
        "Too many codes",
        "The citizen or the number has been sent as many codes as the operator allows, or one a moment ago.",
        "Wait for the time in Retry-After; the code that was sent last still counts.",
        RETRY,
    ),
    "locked-out": Row(
        429,
        "Too many wrong codes",
        "So many wrong codes were typed that none is taken from this citizen or sent to this number for a while.",
        "Wait for the time in Retry-After. If it was not the citizen who typed them, somebody else has their session.",
        RETRY,
    ),
    "too-many-requests": Row(
        429,
        "Too many requests",
        "The program or the network address has asked as often in the last minute as the operator allows.",
        "Wait for the time in Retry-After, and ask less often.",
        RETRY,
    ),
    "too-many-streams": Row(
        429,
        "Too many open streams",
        "The program or the citizen has as many event streams open at one time as the operator allows.",
        "Close those that nobody looks at any more; ask again after the time in Retry-After.",
        RETRY,
    ),
    "internal-error": Row(
        500,
        "The service made a mistake",
        "Something unforeseen happened; it is in the service's log under `request_id`.",
        "Repeat the request later with the same Idempotency-Key, and tell the operator the `request_id`.",
    ),
    "recording-broken": Row(
        500,
        "The recording cannot be heard",
        "Its file is not there, or is not what was recorded: it was changed or cut off.",
        "Tell the operator: the service's log says which file, `pbx-bridge recordings verify` looks at all of them.",
    ),
    "database-unavailable": Row(
        503,
        "The service cannot remember now",
        "The database does not answer in time. Whether the request was kept is not known to who asked.",
        "Repeat the same request, with the same Idempotency-Key, after the time in Retry-After: nothing rings twice.",
        RETRY,
    ),
    "asterisk-unavailable": Row(
        503,
        "Asterisk cannot be asked now",
        "The telephone exchange does not answer; nothing is known to have been done.",
        "Repeat the request after the time in Retry-After: it is harmless.",
        RETRY,
    ),
    "not-ready": Row(
        503,
        "The service is not ready",
        "A part that it needs is not there (yet); `parts` says which and why.",
        "Wait; the operator finds more in the service's log.",
        {**RETRY, "parts": "each part: `ok` or a sentence"},
    ),
}

__all__ = ["CATALOGUE", "Row"]
