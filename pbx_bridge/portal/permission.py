"""What a call needs before it may be asked for: numbers that may be rung, and the second step that must follow."""

from __future__ import annotations

from aiohttp import web

from ..addresses import fault_of, host_of, is_among
from ..call.model import By, Channel, Confirmation, Device, DeviceKind, Request
from ..destinations import judge
from ..directory.service import Service
from ..identity import Identity
from ..ledger.access import KeyKind, Profile, Role, SecondStep
from . import complaints
from .grant import CLIENT, GRANT
from .needs import NEEDS
from .problems import Problem
from .schemas import CallRequest
from .vouching import vouched

#: From the least to the most that may be asked of a citizen.
_STRICTER = (SecondStep.NONE, SecondStep.CLICK, SecondStep.CODE)


def check_numbers(request: web.Request, body: CallRequest, wish: Request, service: Service, profile: Profile) -> None:
    """Every number that would ring must be allowed; a citizen's token rings only what is the citizen's own: the phone
    that their portal verified, and the devices that it wrote into their profile. Raises Problem."""
    settings, grant, client = request.app[NEEDS].settings, request[GRANT], request[CLIENT]
    is_citizen = grant.role is Role.CITIZEN
    if is_citizen and body.user.phone not in (None, wish.phone):
        raise Problem("not-your-number", pointer="/user/phone")
    allowed = (settings.destinations, client.prefixes, service.prefixes)
    for place, device in enumerate(wish.devices):
        if is_citizen and device.kind is DeviceKind.SIP and not owns(profile, device):
            raise Problem("not-your-number", pointer=f"/devices/{place}/address")
        if device.kind is not DeviceKind.MOBILE or device.phone is None:
            continue
        pointer = f"/devices/{place}/number" if body.devices else "/devices" if profile.devices else "/user/phone"
        if is_citizen and device.phone != wish.phone and not owns(profile, device):
            raise Problem("not-your-number", pointer=pointer)
        if refusal := judge(device.phone, allowed, premium=settings.premium):
            raise Problem("destination-refused", why=refusal.value, pointer=pointer)


def check_callback(request: web.Request, body: CallRequest) -> None:
    """A call's own address is on a host that the operator knows, and what is sent there can be signed. Raises
    Problem."""
    url, client, needs = body.callback_url, request[CLIENT], request.app[NEEDS]
    if url is None:
        return
    hosts = client.callback_hosts | ({host_of(client.callback_url)} if client.callback_url else set())
    if request[GRANT].role is Role.CITIZEN:
        fault: str | None = "is for the portal's backend alone"
    elif not (fault := fault_of(url, needs.settings.reach)) and not is_among(url, hosts):
        fault = "must be on the host of the program's `callback_url`, or on one of its `callback_hosts`"
    elif not fault and not client.living_keys(KeyKind.WEBHOOK, needs.clock()):
        fault = "needs a webhook secret to sign with: add a key of the kind `webhook` to the program"
    if fault:
        raise complaints.problem([complaints.item("body", "/callback_url", fault)])


def owns(profile: Profile, device: Device) -> bool:
    """Whether the device is in the profile. A citizen adds none there that rings elsewhere (routes/profile.py)."""
    return device in profile.devices


async def second_step(
    request: web.Request, body: CallRequest, wish: Request, identity: Identity, service: Service
) -> Confirmation | None:
    """What must follow before anything rings, by the program and at least by the service; None where the portal has
    taken both steps itself. Raises Problem."""
    needs, grant, client = request.app[NEEDS], request[GRANT], request[CLIENT]
    asked = max(client.second_step, SecondStep(service.second_step or SecondStep.NONE), key=_STRICTER.index)
    if asked is SecondStep.NONE and grant.role is not Role.CITIZEN:
        return None  # what a backend answers for, a browser does not
    if asked is SecondStep.CLICK or vouched(grant, client, needs.clock()):
        return Confirmation(By.CLICK)
    channel = Channel(body.code_channel) if body.code_channel else needs.settings.code_channel
    if channel is Channel.TOTP:
        authenticator = await needs.ledger.authenticator(client.id, wish.user)
        if authenticator is None or authenticator.confirmed_at is None:
            raise Problem("no-code", "the citizen has no authenticator app; enrol one first, or choose another channel")
    elif wish.phone is None or "phone" not in identity.verified:
        words = "is required and must be verified: the one-time code goes there"
        raise complaints.problem([complaints.item("body", "/user/phone", words)])
    elif refusal := judge(wish.phone, (needs.settings.destinations, client.prefixes), premium=needs.settings.premium):
        raise Problem("destination-refused", why=refusal.value, pointer="/user/phone")
    return Confirmation(By.CODE, channel, tries_left=needs.settings.code_tries)
