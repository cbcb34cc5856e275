"""Every operation with every role's token, with a token of too little scope, and with none at all.

The table here is written by hand beside rights.py, so that a slip there is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pbx_bridge.portal.operations import OPERATION_OF, Operation
from pbx_bridge.portal.rights import RIGHTS, SCOPES_OF
from pbx_bridge.portal.site import ALL
from tests.hostile.asker import Answer, Asker, Program
from tests.hostile.attacker import Attacker
from tests.hostile.fort import ANNA, Fort

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

ROLES = ("citizen", "portal", "engineer", "supervisor", "auditor", "admin")
OPEN, OWNERS, READERS = "*", "citizen portal", " ".join(ROLES)
ADMIN, AUDIT, DESK = "admin", "auditor admin", "engineer supervisor admin"
ALLOWED: Mapping[str, str] = {
    "getToken": OPEN,
    "revokeToken": OPEN,
    "getKeys": OPEN,
    "getMetadata": OPEN,
    "initiateCall": OWNERS,
    "sendCode": OWNERS,
    "confirmCall": OWNERS,
    "abortCall": "citizen portal supervisor admin",
    "moveCallback": "citizen portal supervisor admin",
    "keepPlace": "citizen portal supervisor admin",
    "redirectCall": "portal supervisor admin",
    "limitCall": "portal supervisor admin",
    "steerRecording": "citizen portal supervisor admin",
    "listRecordings": READERS,
    "hearRecording": "supervisor auditor",
    "getCall": READERS,
    "listCalls": READERS,
    "getTimeline": READERS,
    "getLadder": READERS,
    "getActivity": READERS,
    "readEvents": READERS,
    "readAllEvents": "portal engineer supervisor auditor admin",
    "listServices": READERS,
    "getService": READERS,
    "getAvailability": READERS,
    "listQueues": DESK,
    "getQueue": DESK,
    "listAgents": DESK,
    "logInAgent": DESK,
    "logOutAgent": DESK,
    "pauseAgent": DESK,
    "resumeAgent": DESK,
    "getProfile": OWNERS,
    "keepProfile": OWNERS,
    "getCitizen": "portal auditor admin",
    "putCitizen": "portal",
    "findCitizens": "portal auditor admin",
    "exportCitizen": "portal auditor admin",
    "eraseCitizen": "portal admin",
    "enrolAuthenticator": OWNERS,
    "confirmAuthenticator": OWNERS,
    "getAuthenticator": OWNERS,
    "dropAuthenticator": OWNERS,
    "listClients": ADMIN,
    "addClient": ADMIN,
    "getClient": ADMIN,
    "changeClient": ADMIN,
    "disableClient": ADMIN,
    "addKey": ADMIN,
    "dropKey": ADMIN,
    "listDeliveries": "portal engineer admin",
    "replayDelivery": "portal engineer admin",
    "testWebhook": "portal engineer admin",
    "listAudit": AUDIT,
    "verifyAudit": AUDIT,
    "isAlive": OPEN,
    "isReady": OPEN,
    "getMetrics": OPEN,
    "getOpenApi": OPEN,
    "getDocs": OPEN,
    "explainProblem": OPEN,
}
#: What the guard says to whoever may not; a handler never says it for want of a role.
UNKNOWN, ROLE, SCOPE = (401, "unauthorized"), (403, "wrong-role"), (403, "insufficient-scope")
GUARDED = [operation for operation in ALL if ALLOWED.get(operation.id) != OPEN]


def named(operation: Operation) -> str:
    return operation.id


def test_every_operation_has_a_row_here_and_in_the_table() -> None:
    assert {operation.id for operation in ALL} == ALLOWED.keys() == RIGHTS.keys()
    for name, right in RIGHTS.items():
        assert right.roles == (set() if ALLOWED[name] == OPEN else set(ALLOWED[name].split())), name
        assert (right.scope is None) is (ALLOWED[name] == OPEN), name


async def test_every_route_belongs_to_an_operation(fort: Fort) -> None:
    app = fort.rooms.portal
    assert {route for route in app.router.routes() if route not in app[OPERATION_OF]} == set()
    assert {operation.id for operation in app[OPERATION_OF].values()} == ALLOWED.keys()


async def everybody(fort: Fort) -> dict[str, Asker]:
    """One asker of each role, by name."""
    staff: dict[str, Asker] = {role: await fort.program(role) for role in ROLES[2:]}
    return {"citizen": await fort.citizen("anna", ANNA), "portal": fort.portal, **staff}


async def asks(asker: Asker, operation: Operation, call: str, victim: Program, method: str = "") -> Answer:
    """The operation about things that exist, with the first example of its body."""
    path = operation.path.format(
        call_id=call,
        user_id="anna",
        client_id=victim.id,
        key_id="key_none",
        slug="unauthorized",
        event_id="evt_01KES17JG0665SNZVZCSAATYME",
        service_id="support",
        queue="support",
        agent_id="ann",
        recording_id="rec_none_1800000000000",
    )
    body: Any = next(iter(operation.body.examples.values())) if operation.body else None
    if operation.id == "initiateCall":
        body = asker.wish(user="anna")
    return await asker.ask(method or operation.method, path, body, Idempotency_Key="k")


@pytest.mark.parametrize("operation", GUARDED, ids=named)
async def test_each_role_may_what_the_table_says_and_no_more(
    fort: Fort, attacker: Attacker, operation: Operation
) -> None:
    askers, victim = await everybody(fort), await fort.program()
    call = await askers["citizen"].wants_call()
    methods = [operation.method, *(["HEAD"] if operation.method == "GET" else [])]
    for method in methods:
        nobody = await asks(attacker, operation, call, victim, method)
        assert nobody.status == 401
        for role, asker in askers.items():
            answer = await asks(asker, operation, call, victim, method)
            if role in ALLOWED[operation.id].split():
                assert answer.refused not in (UNKNOWN, ROLE, SCOPE), role
                assert method != "HEAD" or answer.status != 403, role
            else:
                assert answer.status == 403, f"{role}: {answer.body!r}"
                assert method == "HEAD" or answer.refused in (ROLE, SCOPE)


@pytest.mark.parametrize("operation", GUARDED, ids=named)
async def test_a_token_without_the_scope_opens_nothing(fort: Fort, operation: Operation) -> None:
    role = "portal" if "portal" in ALLOWED[operation.id].split() else ALLOWED[operation.id].split()[-1]
    right = RIGHTS[operation.id]
    asker, victim = await fort.program(role), await fort.program()
    others = next(role_ for role_ in SCOPES_OF if role_ == role)
    scopes = SCOPES_OF[others] - {right.scope}
    assert scopes
    asker.token = (await asker.asks_token(scope=" ".join(scopes))).json["access_token"]
    call = await fort.portal.wants_call(ANNA)
    answer = await asks(asker, operation, call, victim)
    assert answer.refused == SCOPE
    assert fort.nothing_rang


@pytest.mark.parametrize("operation", ALL, ids=named)
async def test_an_operation_that_is_forgotten_in_the_table_is_shut(
    fort: Fort, monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    admin, victim = await fort.program("admin"), await fort.program()
    call = await fort.portal.wants_call(ANNA)
    monkeypatch.delitem(RIGHTS, operation.id)
    for asker in (admin, fort.portal, Asker(fort)):
        assert (await asks(asker, operation, call, victim)).refused == (404, "not-found")


async def test_a_program_gives_itself_nothing(fort: Fort) -> None:
    for path, body in (
        ("/v1/clients", {"name": "mine", "role": "admin"}),
        (f"/v1/clients/{fort.portal.id}", {"second_step": "none"}),
        (f"/v1/clients/{fort.portal.id}/keys", {"kind": "secret"}),
    ):
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            assert (await fort.portal.ask(method, path, body)).status in (403, 405)
    assert len(await fort.rooms.ledger.clients()) == 1


async def test_no_scope_is_had_beyond_the_role(fort: Fort) -> None:
    admin = await fort.program("admin")
    for role, scope in (
        ("portal", "clients"),
        ("portal", "audit"),
        ("engineer", "calls:write"),
        ("auditor", "clients"),
    ):
        answer = await admin.ask("POST", "/v1/clients", {"name": "x", "role": role, "scopes": [scope]})
        assert answer.refused == (422, "validation-failed")
    assert (await admin.ask("POST", "/v1/clients", {"name": "x", "role": "citizen"})).status == 422
