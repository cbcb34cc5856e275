"""Start a call. The answer says that the wish is kept; what comes of it is read from the events."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from aiohttp import hdrs, web
from pydantic import TypeAdapter

from ...call import model
from ...conductor.jobs import Wanted
from ...ledger.access import Client
from ...phone import Phone
from .. import answers, complaints
from ..bodies import as_json, fingerprint, read_json
from ..citizens import check_policy, identity_for
from ..grant import CLIENT, GRANT
from ..limits import LIMITS
from ..needs import NEEDS, Needs, Service
from ..operations import Answer, Body, Header, Operation
from ..permission import check_numbers, second_step
from ..problems import Problem
from ..schemas import AnyDevice, CallRequest, Consent, Mobile, Sip

IDEMPOTENCY_KEY = "Idempotency-Key"
#: Printable ASCII without blanks, and no quotes or backslashes: the same key with and without quotes is one key.
_KEY = re.compile(r"[!#-\[\]-~]{1,255}")
_KEY_SCHEMA = {"type": "string", "pattern": r"^(\"[!#-\[\]-~]{1,255}\"|[!#-\[\]-~]{1,255})$"}
_ADAPTER = TypeAdapter(CallRequest)


async def initiate(request: web.Request) -> web.Response:
    """Check everything, then leave it to the conductor."""
    needs, grant, client = request.app[NEEDS], request[GRANT], request[CLIENT]
    key = _key(request)
    body, sent = await read_json(request, _ADAPTER)
    service = _service(needs, body, client)
    if grant.citizen not in (None, body.user.id):
        raise Problem("not-your-number", "a citizen's token asks for that citizen's own calls only")
    identity = await identity_for(request, body, client, service)
    check_policy(service, identity)
    wish = to_request(body, client.id, service.queue, identity.phone)
    check_numbers(request, body, wish, service)
    wanted = Wanted(
        client=client.id,
        key=key,
        fingerprint=fingerprint(sent, needs.settings.pepper),
        request=wish,
        terms=_terms(needs, body),
        actor=grant.actor,
        confirmation=await second_step(request, body, wish, identity),
    )
    await request.app[LIMITS].of_calls(client)
    async with asyncio.timeout(needs.settings.answer_s):
        opened = await needs.conductor.open(wanted)
    here = f"/v1/calls/{opened.call_id}"
    headers = {hdrs.LOCATION: here} | ({"Idempotent-Replayed": "true"} if opened.replayed else {})
    answer = {"call": dict(opened.answer), "ticket": opened.answer["ticket"], "events_url": f"{here}/events"}
    return as_json(answer, status=202, headers=headers)


def _service(needs: Needs, body: CallRequest, client: Client) -> Service:
    service = needs.services.get(body.service)
    if service is None:
        raise complaints.problem([complaints.item("body", "/service", "is not in the directory of services")])
    if client.services is not None and service.id not in client.services:
        raise Problem("service-refused")
    return service


def _terms(needs: Needs, body: CallRequest) -> model.Terms:
    terms = needs.settings.terms
    return terms if body.time_limit_s is None else replace(terms, time_limit_s=body.time_limit_s)


def _key(request: web.Request) -> str:
    """The key, without the quotes that the draft's structured form puts around it."""
    given = request.headers.getall(IDEMPOTENCY_KEY, [])
    if not given:
        raise Problem("idempotency-key-missing")
    key = given[0]
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(given) > 1 or not _KEY.fullmatch(key):
        rule = "Idempotency-Key must be given once, with 1 to 255 printable ASCII characters without blanks"
        raise Problem("invalid-header", rule)
    return key


def to_request(body: CallRequest, client: str, queue: str, phone: Phone | None) -> model.Request:
    """The request in the words of the call room; `phone` is the citizen's own. Raises Problem when it leaves no device
    to ring."""
    user = body.user
    return model.Request(
        client=client,
        user=user.id,
        service=body.service,
        queue=queue,
        devices=tuple(_devices(body, phone)),
        phone=phone,
        time_zone=user.time_zone,
        locale=user.locale,
        session_id=body.session_id,
        subject=body.subject,
        client_ref=body.client_ref,
        consent=_consent(body.consent),
    )


def _devices(body: CallRequest, phone: Phone | None) -> list[model.Device]:
    asked: list[AnyDevice] = body.devices or [Mobile(kind="mobile")]
    devices: list[model.Device] = []
    lost: list[dict[str, str]] = []
    for place, device in enumerate(asked):
        if isinstance(device, Mobile):
            number = device.number or phone
            if number is None:
                pointer = f"/devices/{place}/number" if body.devices else "/devices"
                lost.append(complaints.item("body", pointer, "is required, as user.phone is not given"))
            devices.append(model.Device(model.DeviceKind.MOBILE, number))
        elif isinstance(device, Sip):
            devices.append(model.Device(model.DeviceKind.SIP, address=device.address))
        else:
            devices.append(model.Device(model.DeviceKind.BROWSER))
    if lost:
        raise complaints.problem(lost)
    return devices


def _consent(consent: Consent | None) -> model.Consent | None:
    return model.Consent(consent.phone_data, consent.recording, consent.text_version) if consent else None


_EXAMPLES = {
    "smallest": {"service": "support", "user": {"id": "u-1", "phone": "+79161234567"}},
    "whole": {
        "service": "support",
        "to": None,
        "user": {"id": "u-1", "phone": "+79161234567", "time_zone": "Asia/Kamchatka", "locale": "ru"},
        "devices": [
            {"kind": "browser"},
            {"kind": "sip", "address": "alice"},
            {"kind": "mobile", "number": "+79161234567"},
        ],
        "session_id": "s-1",
        "time_limit_s": 1800,
        "subject": "Не приходит СМС",
        "when": "now",
        "consent": {"phone_data": True, "recording": False, "text_version": "2026-01"},
        "client_ref": "order 17",
    },
}

OPERATIONS = (
    Operation(
        id="initiateCall",
        method="POST",
        path="/v1/calls",
        summary="Call a citizen and connect them to a service",
        description="Rings at most once per attempt, however often the request is repeated with the same key. Unless "
        "the program is registered otherwise, nothing rings before the call is confirmed: see its `confirmation`.",
        handler=initiate,
        headers=(
            Header(IDEMPOTENCY_KEY, "one for each intent; repeat a request with its own", _KEY_SCHEMA, required=True),
        ),
        body=Body(CallRequest, _EXAMPLES),
        answers=(
            Answer(
                202,
                "The call is accepted and kept; what happens is told by its events",
                {"application/json": answers.Accepted},
                (
                    Header("Location", "the call", required=True),
                    Header("Idempotent-Replayed", "`true` when an earlier request made the call"),
                ),
            ),
        ),
        problems=(
            "idempotency-key-missing",
            "invalid-header",
            "citizen-busy",
            "already-scheduled",
            "request-in-flight",
            "idempotency-key-reused",
            "not-your-number",
            "destination-refused",
            "service-refused",
            "identity-required",
            "identity-not-yours",
            "no-code",
            "too-many-calls",
            "too-many-codes",
            "locked-out",
        ),
    ),
)
