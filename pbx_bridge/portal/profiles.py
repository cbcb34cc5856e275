"""How a citizen wishes to be called: what a request takes from it, and how it is shown."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..call.model import Device
from ..ledger.access import Profile, Role
from .grant import CLIENT, GRANT
from .needs import NEEDS
from .schemas import CallRequest


async def profile_for(request: web.Request, body: CallRequest) -> Profile:
    """The profile of the citizen who is to be called; a blank one where nothing of it could change the answer.

    Raises LedgerUnavailable.
    """
    grant, user = request[GRANT], body.user
    says_all = body.devices and user.time_zone and user.locale and body.consent
    if says_all and grant.role is not Role.CITIZEN:
        return Profile(request[CLIENT].id, user.id)
    return await profile_of(request, request[CLIENT].id, grant.citizen or user.id)


async def profile_of(request: web.Request, client: str, user: str) -> Profile:
    """What is kept, or a blank one. Raises LedgerUnavailable."""
    return await request.app[NEEDS].ledger.profile(client, user) or Profile(client, user)


def picture(profile: Profile) -> dict[str, Any]:
    """As it is shown: numbers masked."""
    return {
        "user": profile.user,
        "devices": [_device(each) for each in profile.devices],
        "time_zone": profile.time_zone,
        "locale": profile.locale,
        "contacts": [{"name": each.name, "number": each.phone.masked} for each in profile.contacts],
        "consents": [
            {
                "phone_data": each.consent.phone_data,
                "recording": each.consent.recording,
                "text_version": each.consent.text_version,
                "at": each.at,
            }
            for each in profile.consents
        ],
        "updated_at": profile.updated_at,
    }


def _device(device: Device) -> dict[str, Any]:
    return {
        "kind": device.kind.value,
        "number": device.phone.masked if device.phone else None,
        "address": device.address,
    }
