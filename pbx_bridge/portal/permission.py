"""What a call needs before it may be asked for: numbers that may be rung, and the second step that must follow."""

from __future__ import annotations

from aiohttp import web

from ..call.model import By, Channel, Confirmation, DeviceKind, Request
from ..destinations import judge
from ..identity import Identity
from ..ledger.access import Role, SecondStep
from . import complaints
from .grant import CLIENT, GRANT
from .needs import NEEDS, Service
from .problems import Problem
from .schemas import CallRequest
from .vouching import vouched


def check_numbers(request: web.Request, body: CallRequest, wish: Request, service: Service) -> None:
    """Every number that would ring must be allowed; a citizen's token rings only the citizen's own. Raises Problem."""
    settings, grant, client = request.app[NEEDS].settings, request[GRANT], request[CLIENT]
    if grant.role is Role.CITIZEN and body.user.phone not in (None, wish.phone):
        raise Problem("not-your-number", pointer="/user/phone")
    allowed = (settings.destinations, client.prefixes, service.prefixes)
    for place, device in enumerate(wish.devices):
        if device.kind is DeviceKind.SIP and grant.role is Role.CITIZEN:
            # Whose endpoint an address is, only the portal knows so far.
            raise Problem("not-your-number", pointer=f"/devices/{place}/address")
        if device.kind is not DeviceKind.MOBILE or device.phone is None:
            continue
        pointer = f"/devices/{place}/number" if body.devices else "/user/phone"
        if grant.role is Role.CITIZEN and device.phone != wish.phone:
            raise Problem("not-your-number", pointer=pointer)
        if refusal := judge(device.phone, allowed, premium=settings.premium):
            raise Problem("destination-refused", why=refusal.value, pointer=pointer)


async def second_step(
    request: web.Request, body: CallRequest, wish: Request, identity: Identity
) -> Confirmation | None:
    """What must follow before anything rings; None where the portal has taken both steps itself. Raises Problem."""
    needs, grant, client = request.app[NEEDS], request[GRANT], request[CLIENT]
    if client.second_step is SecondStep.NONE and grant.role is not Role.CITIZEN:
        return None  # what a backend answers for, a browser does not
    if client.second_step is SecondStep.CLICK or vouched(grant, client, needs.clock()):
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
