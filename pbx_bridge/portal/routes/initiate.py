"""Start a call. The answer says that the wish is kept; what comes of it is read from the events."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta

from aiohttp import hdrs, web
from pydantic import TypeAdapter

from ...call import model
from ...conductor.jobs import Wanted
from ...directory.service import Directory, Service
from ...directory.terms import terms_for
from ...ledger.access import Client, Profile
from ...phone import Phone
from .. import answers, complaints
from ..bodies import as_json, fingerprint, read_json
from ..citizens import check_policy, identity_for
from ..grant import CLIENT, GRANT
from ..limits import LIMITS
from ..needs import NEEDS
from ..operations import Answer, Body, Header, Operation
from ..permission import check_callback, check_numbers, second_step
from ..problems import Problem
from ..profiles import profile_for
from ..schemas import CallRequest, Consent, Mobile, Sip

IDEMPOTENCY_KEY = "Idempotency-Key"
#: Printable ASCII without blanks, and no quotes or backslashes: the same key with and without quotes is one key.
_KEY = re.compile(r"[!#-\[\]-~]{1,255}")
#: A request whose answer was lost is repeated unchanged: a time that has passed meanwhile means now.
LATE = timedelta(hours=1)
_KEY_SCHEMA = {"type": "string", "pattern": r"^(\"[!#-\[\]-~]{1,255}\"|[!#-\[\]-~]{1,255})$"}
_ADAPTER = TypeAdapter(CallRequest)


async def initiate(request: web.Request) -> web.Response:
    """Check everything, then leave it to the conductor."""
    needs, grant, client = request.app[NEEDS], request[GRANT], request[CLIENT]
    key = _key(request)
    body, sent = await read_json(request, _ADAPTER)
    service = _service(needs.directory(), body, client)
    if grant.citizen not in (None, body.user.id):
        raise Problem("not-your-number", "a citizen's token asks for that citizen's own calls only")
    identity = await identity_for(request, body, client, service)
    check_policy(service, identity)
    profile = await profile_for(request, body)
    wish = to_request(body, service, identity.phone, profile)
    check_numbers(request, body, wish, service, profile)
    check_callback(request, body)
    terms = terms_for(service, needs.settings.terms, body.time_limit_s)
    wanted = Wanted(
        client=client.id,
        key=key,
        fingerprint=fingerprint(sent, needs.settings.pepper),
        request=wish,
        terms=terms,
        actor=grant.actor,
        confirmation=await second_step(request, body, wish, identity, service),
        when=_not_before(body, terms, needs.clock()),
    )
    await request.app[LIMITS].of_calls(client)
    async with asyncio.timeout(needs.settings.answer_s):
        opened = await needs.conductor.open(wanted)
    here = f"/v1/calls/{opened.call_id}"
    headers = {hdrs.LOCATION: here} | ({"Idempotent-Replayed": "true"} if opened.replayed else {})
    answer = {"call": dict(opened.answer), "ticket": opened.answer["ticket"], "events_url": f"{here}/events"}
    return as_json(answer, status=202, headers=headers)


def _service(directory: Directory, body: CallRequest, client: Client) -> Service:
    service = directory.services.get(body.service)
    if service is None:
        raise complaints.problem([complaints.item("body", "/service", "is not in the directory of services")])
    if client.services is not None and service.id not in client.services:
        raise Problem("service-refused")
    return service


def _not_before(body: CallRequest, terms: model.Terms, at: datetime) -> datetime | None:
    if body.when == "now":
        return None
    if body.when < at - LATE:
        raise complaints.problem([complaints.item("body", "/when", "has passed")])
    if body.when > at + timedelta(seconds=terms.keep_s):
        words = f"is too far ahead: a request is kept for {terms.keep_s} seconds"
        raise complaints.problem([complaints.item("body", "/when", words)])
    return body.when


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


def to_request(body: CallRequest, service: Service, phone: Phone | None, profile: Profile) -> model.Request:
    """The request in the words of the call room; `phone` is the citizen's own. Raises Problem when it leaves no device
    to ring."""
    user = body.user
    return model.Request(
        client=profile.client,
        user=user.id,
        service=service.id,
        queue=service.queue,
        devices=tuple(_devices(body, phone, profile)),
        phone=phone,
        time_zone=user.time_zone or profile.time_zone,
        locale=_spoken(user.locale or profile.locale, service),
        session_id=body.session_id,
        subject=body.subject,
        client_ref=body.client_ref,
        consent=_consent(body.consent) or profile.consent,
        callback_url=body.callback_url,
    )


def _spoken(locale: str, service: Service) -> str:
    """The citizen's language where the service speaks it; else Russian."""
    return locale if locale.split("-")[0] in service.languages else "ru"


def _devices(body: CallRequest, phone: Phone | None, profile: Profile) -> list[model.Device]:
    if not body.devices:
        return _usual_devices(phone, profile)
    devices: list[model.Device] = []
    lost: list[dict[str, str]] = []
    for place, device in enumerate(body.devices):
        if isinstance(device, Mobile):
            number = device.number or phone
            if number is None:
                words = "is required, as user.phone is not given"
                lost.append(complaints.item("body", f"/devices/{place}/number", words))
            devices.append(model.Device(model.DeviceKind.MOBILE, number))
        elif isinstance(device, Sip):
            devices.append(model.Device(model.DeviceKind.SIP, address=device.address))
        else:
            devices.append(model.Device(model.DeviceKind.BROWSER))
    if lost:
        raise complaints.problem(lost)
    return devices


def _usual_devices(phone: Phone | None, profile: Profile) -> list[model.Device]:
    """Those of the profile, in its order; without any, the citizen's phone."""
    usual = profile.devices or (model.Device(model.DeviceKind.MOBILE),)
    own = [
        replace(each, phone=phone) if each.kind is model.DeviceKind.MOBILE and each.phone is None else each
        for each in usual
    ]
    devices = [each for each in own if each.kind is not model.DeviceKind.MOBILE or each.phone is not None]
    if not devices:
        raise complaints.problem([complaints.item("body", "/devices", "is required, as user.phone is not given")])
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
        "the program is registered otherwise, nothing rings before the call is confirmed: see its `confirmation`. Out "
        "of the service's hours, with `when`, or when its queue is too long the call is `scheduled` instead.",
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
