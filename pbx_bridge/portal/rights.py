"""Who may do what: the one table. What is not in it nobody may do.

A row names the scope that the token must carry, and the roles that the asker must be in; both must hold. Whose
calls and citizens an asker then sees is the rule of own.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..ledger.access import Role

SCOPES: Mapping[str, str] = {
    "calls:write": "start, confirm and abort calls",
    "calls:read": "read calls and their events",
    "queues": "look at queues and agents, log agents in and out",
    "citizens": "keep, read, export and erase what is known about citizens",
    "clients": "register and change programs",
    "webhooks": "see what was told by webhook, send it again, test a receiver",
    "audit": "read and verify the audit",
    "recordings": "hear recordings of calls",
}

_R = Role
_STAFF = frozenset({_R.ENGINEER, _R.SUPERVISOR, _R.AUDITOR, _R.ADMIN})
_OWNERS = frozenset({_R.CITIZEN, _R.PORTAL})

#: What a new program of a role may be given, and gets unless told otherwise.
SCOPES_OF: Mapping[Role, frozenset[str]] = {
    _R.CITIZEN: frozenset({"calls:write", "calls:read"}),
    _R.PORTAL: frozenset({"calls:write", "calls:read", "citizens", "webhooks"}),
    _R.ENGINEER: frozenset({"calls:read", "webhooks", "queues"}),
    _R.SUPERVISOR: frozenset({"calls:read", "calls:write", "queues", "recordings"}),
    _R.AUDITOR: frozenset({"calls:read", "citizens", "audit", "recordings"}),
    _R.ADMIN: frozenset(SCOPES),
}


@dataclass(frozen=True, slots=True)
class Right:
    """Who may use one operation. `scope` None: everybody, without a token."""

    scope: str | None
    roles: frozenset[Role] = frozenset()


_OPEN = Right(None)
_READERS = Right("calls:read", _OWNERS | _STAFF)
_CALLERS = Right("calls:write", _OWNERS)
_STEERERS = Right("calls:write", _OWNERS | {_R.SUPERVISOR, _R.ADMIN})
_STAFF_STEERERS = Right("calls:write", frozenset({_R.PORTAL, _R.SUPERVISOR, _R.ADMIN}))
_DESK = Right("queues", frozenset({_R.ENGINEER, _R.SUPERVISOR, _R.ADMIN}))
_REGISTRAR = Right("clients", frozenset({_R.ADMIN}))
_POSTMEN = Right("webhooks", frozenset({_R.PORTAL, _R.ENGINEER, _R.ADMIN}))
_AUDIT = Right("audit", frozenset({_R.AUDITOR, _R.ADMIN}))

#: Operation id to right.
RIGHTS: Mapping[str, Right] = {
    # tokens: programs prove themselves inside
    "getToken": _OPEN,
    "revokeToken": _OPEN,
    "getKeys": _OPEN,
    "getMetadata": _OPEN,
    # calls
    "initiateCall": _CALLERS,
    "sendCode": _CALLERS,
    "confirmCall": _CALLERS,
    "abortCall": _STEERERS,
    "moveCallback": _STEERERS,
    "keepPlace": _STEERERS,
    "redirectCall": _STAFF_STEERERS,
    "limitCall": _STAFF_STEERERS,
    "getCall": _READERS,
    "listCalls": _READERS,
    "getTimeline": _READERS,
    "getLadder": _READERS,
    "getActivity": _READERS,
    "readEvents": _READERS,
    # A citizen follows their call: the log is the program's, and says which of its citizens call.
    "readAllEvents": Right("calls:read", _STAFF | {_R.PORTAL}),
    # recordings: sound is for those alone who answer for the desk or for the law
    "steerRecording": _STEERERS,
    "listRecordings": _READERS,
    "hearRecording": Right("recordings", frozenset({_R.SUPERVISOR, _R.AUDITOR})),
    # the directory of services
    "listServices": _READERS,
    "getService": _READERS,
    "getAvailability": _READERS,
    # queues and agents
    "listQueues": _DESK,
    "getQueue": _DESK,
    "listAgents": _DESK,
    "logInAgent": _DESK,
    "logOutAgent": _DESK,
    "pauseAgent": _DESK,
    "resumeAgent": _DESK,
    # citizens
    "getProfile": Right("calls:read", _OWNERS),
    "keepProfile": _CALLERS,
    "getCitizen": Right("citizens", frozenset({_R.PORTAL, _R.AUDITOR, _R.ADMIN})),
    "putCitizen": Right("citizens", frozenset({_R.PORTAL})),
    "findCitizens": Right("citizens", frozenset({_R.PORTAL, _R.AUDITOR, _R.ADMIN})),
    "exportCitizen": Right("citizens", frozenset({_R.PORTAL, _R.AUDITOR, _R.ADMIN})),
    "eraseCitizen": Right("citizens", frozenset({_R.PORTAL, _R.ADMIN})),
    "enrolAuthenticator": _CALLERS,
    "confirmAuthenticator": _CALLERS,
    "getAuthenticator": Right("calls:read", _OWNERS),
    "dropAuthenticator": _CALLERS,
    # programs
    "listClients": _REGISTRAR,
    "addClient": _REGISTRAR,
    "getClient": _REGISTRAR,
    "changeClient": _REGISTRAR,
    "disableClient": _REGISTRAR,
    "addKey": _REGISTRAR,
    "dropKey": _REGISTRAR,
    # webhooks
    "listDeliveries": _POSTMEN,
    "replayDelivery": _POSTMEN,
    "testWebhook": _POSTMEN,
    # audit
    "listAudit": _AUDIT,
    "verifyAudit": _AUDIT,
    # about the service
    "isAlive": _OPEN,
    "isReady": _OPEN,
    "getMetrics": _OPEN,
    "getOpenApi": _OPEN,
    "getDocs": _OPEN,
    "explainProblem": _OPEN,
}
