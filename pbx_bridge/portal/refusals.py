"""The refusals that come of how things stand: with the call, the agent, the program. catalogue.py has all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What a slug means. `members` are the extra members that its documents carry (name to meaning)."""

    status: int
    title: str
    meaning: str
    remedy: str
    members: Mapping[str, str] | None = None


RETRY = {"retry_after": "seconds to wait before asking again; also in Retry-After"}
_CALL = {"call_id": "the call that is in the way; also in Location"}

OF_STATE: Mapping[str, Row] = {
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
    "authenticator-exists": Row(
        409,
        "The citizen has an authenticator app already",
        "It is confirmed and counts; another cannot take its place unseen.",
        "Drop it first: DELETE /v1/users/{user_id}/authenticator.",
    ),
    "request-in-flight": Row(
        409,
        "The first request is still being answered",
        "Another request with the same Idempotency-Key has not been answered yet.",
        "Repeat the same request after the time in Retry-After.",
        RETRY,
    ),
    "refused": Row(
        409,
        "The call's state does not allow this",
        "The request is understood but cannot be done now; `detail` says why.",
        "Read the call, then decide anew.",
    ),
    "not-movable": Row(
        409,
        "The call cannot be put off",
        "It does not wait for a callback or in a queue, or there is no such time in the desk's hours and outside the "
        "citizen's night; `detail` says which.",
        "Read the call: `state` says what it does now. Another time may do.",
        {"call_id": "the call", "state": "the call's state"},
    ),
    "not-steerable": Row(
        409,
        "The call cannot be steered so",
        "Nobody can be sent on, recorded or limited in its present state, or something else happened first; `detail` "
        "says which. The citizen stays where they are.",
        "Read the call: `state` says what it does now.",
        {"call_id": "the call", "state": "the call's state"},
    ),
    "desk-closed": Row(
        409,
        "That service takes nobody now",
        "Its desk is closed, or its line is too long. The citizen stays where they are.",
        "Choose another service, or try again when it is open.",
        {
            "call_id": "the call",
            "next_open_at": "when its desk opens; null where it is too long a line, or nobody knows",
            "words_ru": "why, in Russian",
        },
    ),
    "agent-refused": Row(
        409,
        "That cannot be done for the agent",
        "The agent does not work in that queue, or Asterisk would not do it; `detail` says which.",
        "GET /v1/agents says where each agent works; engineers change it in agents.toml.",
    ),
    "not-replayable": Row(
        409,
        "The event cannot be sent again now",
        "It is being sent, or its program has no address that works, or no webhook secret.",
        "Wait a moment; else set `callback_url` and add a key of the kind `webhook` to the program.",
    ),
    "no-address": Row(
        409,
        "The program has no address",
        "It is not told of its calls by webhook.",
        "Let an admin set its `callback_url`, and add a key of the kind `webhook`.",
    ),
    "nothing-to-confirm": Row(
        409,
        "The call does not wait for a confirmation",
        "It was confirmed before, it has ended, or its time for the second step is over.",
        "Read the call: its state and cause say which.",
    ),
    "no-code": Row(
        409,
        "No code can be sent this way",
        "The channel is not there for this citizen, or this call has had all its codes; `detail` says which.",
        "Choose another channel, or start a new call.",
    ),
    "recording-gone": Row(
        410,
        "The recording is gone",
        "Its time is over, or it was erased. Nobody can hear it any more.",
        "Nothing: what is deleted does not come back.",
    ),
    "revision-passed": Row(
        412,
        "The call has moved on",
        "If-Match names a revision that the call has left.",
        "Read the call and decide anew with its present ETag.",
        {"revision": "the call's present revision; also in ETag"},
    ),
    "profile-changed": Row(
        412,
        "The profile was changed meanwhile",
        "If-Match names a version of the profile that is not the present one.",
        "Read the profile and decide anew with its present ETag.",
    ),
}
