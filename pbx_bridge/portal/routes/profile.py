"""How a citizen wishes to be called: devices in order, zone, language, contacts, consents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from aiohttp import hdrs, web
from pydantic import TypeAdapter

from ...call.model import Consent, Device, DeviceKind
from ...ledger.access import Contact, GivenConsent, Profile, Role
from ...phone import Phone
from .. import complaints
from .. import desk_answers as answers
from ..bodies import as_json, read_json, read_query
from ..citizens import citizen_of, known
from ..desk_schemas import ProfileBody, ProfileMobile
from ..grant import GRANT
from ..needs import NEEDS
from ..noting import note
from ..operations import Answer, Body, Header, Operation
from ..own import tags_wanted
from ..permission import owns
from ..problems import Problem
from ..profiles import picture, profile_of
from ..queries import NoQuery
from ..schemas import Sip
from ..turns import TURNS

#: So many consents are kept, the newest: somebody who changes their mind all day fills no database.
CONSENTS = 100
#: The phone that the portal verified, whichever it is.
PHONE = Device(DeviceKind.MOBILE)
_BODY = TypeAdapter(ProfileBody)


async def show(request: web.Request) -> web.Response:
    """The profile, or the defaults where none is kept."""
    read_query(request, NoQuery)
    whose = citizen_of(request)
    await note(request, "read-profile", whose)
    return _shown(await profile_of(request, *whose))


async def keep(request: web.Request) -> web.Response:
    """Keep this in place of what was there."""
    read_query(request, NoQuery)
    whose = citizen_of(request)
    body, _ = await read_json(request, _BODY)
    needs = request.app[NEEDS]
    async with request.app[TURNS].of(whose):
        before = await profile_of(request, *whose)
        wanted = tags_wanted(request)
        if wanted is not None and _tag(before) not in wanted:
            raise Problem("profile-changed", headers={hdrs.ETAG: f'"{_tag(before)}"'})
        after = await _only_own(request, before, _changed(before, body, needs.clock()))
        await note(request, "write-profile", whose)
        await needs.ledger.keep_profile(after)
        if after.consent and not after.consent.recording and after.consents != before.consents:
            await needs.conductor.withdraw_consent(*whose, by=request[GRANT].actor)
    return _shown(after)


def _changed(before: Profile, body: ProfileBody, at: datetime) -> Profile:
    """Raises Problem where a masked number stands for none that is kept."""
    contacts = [each.phone for each in before.contacts]
    return Profile(
        before.client,
        before.user,
        tuple(_devices(body, [each.phone for each in before.devices if each.phone])),
        body.time_zone,
        body.locale,
        tuple(
            Contact(each.name, _clear(each.number, contacts, f"/contacts/{place}/number"))
            for place, each in enumerate(body.contacts)
        ),
        _consents(before, body, at),
        at,
    )


def _devices(body: ProfileBody, kept: list[Phone]) -> Iterable[Device]:
    for place, each in enumerate(body.devices):
        if isinstance(each, ProfileMobile):
            phone = None if each.number is None else _clear(each.number, kept, f"/devices/{place}/number")
            yield Device(DeviceKind.MOBILE, phone)
        elif isinstance(each, Sip):
            yield Device(DeviceKind.SIP, address=each.address)
        else:
            yield Device(DeviceKind.BROWSER)


def _clear(number: Phone | str, kept: Iterable[Phone], pointer: str) -> Phone:
    """The number; of a masked one that which is kept."""
    if isinstance(number, Phone):
        return number
    found = {each for each in kept if each.masked == number}
    if len(found) != 1:
        words = "must be a whole number: none that is kept looks like this, or more than one does"
        raise complaints.problem([complaints.item("body", pointer, words)])
    return found.pop()


def _consents(before: Profile, body: ProfileBody, at: datetime) -> tuple[GivenConsent, ...]:
    if body.consent is None:
        return before.consents
    said = Consent(body.consent.phone_data, body.consent.recording, body.consent.text_version)
    if before.consents and before.consents[-1].consent == said:
        return before.consents
    return (*before.consents, GivenConsent(said, at))[-CONSENTS:]


async def _only_own(request: web.Request, before: Profile, after: Profile) -> Profile:
    """A citizen reorders and drops devices, but adds none that could ring elsewhere: whose they are, the portal knows.
    So what is in a profile may be rung. Raises Problem."""
    if request[GRANT].role is not Role.CITIZEN:
        return after
    verified = known(await request.app[NEEDS].ledger.citizen(before.client, before.user)).phone
    # Not the number itself: it ends to be theirs when the portal verifies another.
    devices = tuple(PHONE if device == Device(DeviceKind.MOBILE, verified) else device for device in after.devices)
    for place, device in enumerate(devices):
        if not (owns(before, device) or device == PHONE or device.kind is DeviceKind.BROWSER):
            member = "address" if device.kind is DeviceKind.SIP else "number"
            raise Problem("not-your-number", pointer=f"/devices/{place}/{member}")
    return replace(after, devices=devices)


def _tag(profile: Profile) -> str:
    return str(int(profile.updated_at.timestamp() * 1_000_000)) if profile.updated_at else "0"


def _shown(profile: Profile) -> web.Response:
    return as_json({"profile": picture(profile)}, headers={hdrs.ETAG: f'"{_tag(profile)}"'})


_EXAMPLES = {
    "whole": {
        "devices": [{"kind": "browser"}, {"kind": "mobile"}],
        "time_zone": "Asia/Kamchatka",
        "locale": "ru",
        "contacts": [{"name": "Служба поддержки", "number": "+74951234567"}],
        "consent": {"phone_data": True, "recording": False, "text_version": "2026-01"},
    },
    "nothing": {},
}
_ONE = {"application/json": answers.OneProfile}
_ETAG = Header("ETag", "the profile's version, in quotes", required=True)

OPERATIONS = (
    Operation(
        id="getProfile",
        method="GET",
        path="/v1/users/{user_id}/profile",
        summary="How a citizen wishes to be called",
        description="The defaults where nothing was kept. Numbers are masked.",
        handler=show,
        answers=(Answer(200, "The profile", _ONE, (_ETAG,)),),
        problems=("unknown-citizen", "validation-failed"),
    ),
    Operation(
        id="keepProfile",
        method="PUT",
        path="/v1/users/{user_id}/profile",
        summary="Keep how a citizen wishes to be called",
        description="It takes the place of what was kept; a number may be sent back masked, as it was shown. A "
        "citizen's token adds no devices of its own but the phone that their portal verified. A call that names no "
        "devices, zone or language takes them from here.",
        handler=keep,
        headers=(Header("If-Match", "the ETag on which the change rests: 412 when it was changed meanwhile"),),
        body=Body(ProfileBody, _EXAMPLES),
        answers=(Answer(200, "The profile as it is kept", _ONE, (_ETAG,)),),
        problems=("unknown-citizen", "not-your-number", "profile-changed", "invalid-header"),
    ),
)
