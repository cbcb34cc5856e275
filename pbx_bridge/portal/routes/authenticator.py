"""A citizen's authenticator app: enrol it, confirm that it works, look whether there is one, drop it."""

from __future__ import annotations

import segno
from aiohttp import web
from pydantic import TypeAdapter

from ...codes.authenticator import provisioning_uri
from ...ledger.access import Role
from .. import citizen_answers as answers
from ..authenticators import ENROLMENTS, confirmed, enrolled
from ..bodies import as_json, read_json, read_query
from ..citizens import Whose, citizen_of
from ..grant import CLIENT, GRANT
from ..needs import NEEDS
from ..noting import note
from ..operations import Answer, Body, Operation
from ..problems import Problem
from ..queries import NoQuery
from ..schemas import AppCode
from ..turns import TURNS
from ..vouching import vouched

_CODE = TypeAdapter(AppCode)
#: Characters of the user's id that the app shows: a QR code of more is slow to draw and hard to scan.
_ACCOUNT = 32


async def enrol(request: web.Request) -> web.Response:
    """Draw a secret and show it, this once. An enrolment that was never confirmed gives way."""
    read_query(request, NoQuery)
    citizen = citizen_of(request)
    needs = request.app[NEEDS]
    await _second_factor(request, citizen, "enrol-authenticator")
    async with request.app[TURNS].of(citizen):
        known = await needs.ledger.authenticator(*citizen)
        if known is not None and known.confirmed_at is not None:
            raise Problem("authenticator-exists")
        fresh = enrolled(citizen, needs.clock())
        await note(request, "enrol-authenticator", citizen)
        await needs.ledger.keep_authenticator(fresh)
        request.app[ENROLMENTS].begin(citizen)
    uri = provisioning_uri(fresh.secret, citizen.user[:_ACCOUNT], needs.settings.issuer)
    picture = segno.make_qr(uri, error="m").svg_data_uri(scale=4)
    return as_json({"secret": fresh.secret, "otpauth_uri": uri, "qr_svg": picture}, status=201)


async def confirm(request: web.Request) -> web.Response:
    """The app shows right codes: from now on they count. After too many wrong ones the enrolment is over."""
    read_query(request, NoQuery)
    citizen = citizen_of(request)
    body, _ = await read_json(request, _CODE)
    needs = request.app[NEEDS]
    async with request.app[TURNS].of(citizen):
        known = await needs.ledger.authenticator(*citizen)
        if known is None:
            raise Problem("no-authenticator")
        if known.confirmed_at is not None:
            raise Problem("authenticator-exists")
        right = confirmed(known, body.code, needs.clock(), needs.settings.pepper)
        if right is None:
            raise await _missed(request, citizen)
        await note(request, "confirm-authenticator", citizen)
        await needs.ledger.keep_authenticator(right[0])
        request.app[ENROLMENTS].begin(citizen)
    return as_json({"recovery_codes": right[1]})


async def show(request: web.Request) -> web.Response:
    """Whether there is one; nothing that would help to use it."""
    read_query(request, NoQuery)
    citizen = citizen_of(request)
    await note(request, "read-authenticator", citizen)
    known = await request.app[NEEDS].ledger.authenticator(*citizen)
    if known is None:
        raise Problem("no-authenticator")
    return as_json(
        {
            "confirmed": known.confirmed_at is not None,
            "enrolled_at": known.created_at,
            "confirmed_at": known.confirmed_at,
            "recovery_left": len(known.recovery),
        }
    )


async def drop(request: web.Request) -> web.Response:
    """Forget it, with its recovery codes."""
    read_query(request, NoQuery)
    citizen = citizen_of(request)
    await _second_factor(request, citizen, "drop-authenticator")
    async with request.app[TURNS].of(citizen):
        await note(request, "drop-authenticator", citizen)
        dropped = await request.app[NEEDS].ledger.drop_authenticator(*citizen)
    return as_json({"dropped": dropped})


async def _second_factor(request: web.Request, citizen: Whose, action: str) -> None:
    """Who has stolen a citizen's session must not get a second factor with it. A portal answers for its citizens.

    Raises Problem.
    """
    grant = request[GRANT]
    if grant.role is not Role.CITIZEN:
        return
    if not vouched(grant, request[CLIENT], request.app[NEEDS].clock()):
        await note(request, action, citizen, "refused", {"why": "no fresh second factor"})
        raise Problem("second-factor-required")


async def _missed(request: web.Request, citizen: Whose) -> Problem:
    left = request.app[ENROLMENTS].missed(citizen)
    await note(request, "confirm-authenticator", citizen, "refused", {"why": "wrong code"})
    if not left:
        await request.app[NEEDS].ledger.drop_authenticator(*citizen)
    return Problem("authenticator-mismatch", attempts_left=left)


_PATH = "/v1/users/{user_id}/authenticator"

OPERATIONS = (
    Operation(
        id="enrolAuthenticator",
        method="POST",
        path=_PATH,
        summary="Enrol a citizen's authenticator app",
        description="Show the picture to the citizen, then confirm with a code from the app. A citizen's token must "
        "come with a fresh second factor.",
        handler=enrol,
        answers=(
            Answer(
                201,
                "What the app needs to know; it is not shown again",
                {"application/json": answers.NewAuthenticator},
            ),
        ),
        problems=("unknown-citizen", "authenticator-exists", "second-factor-required", "validation-failed"),
    ),
    Operation(
        id="confirmAuthenticator",
        method="POST",
        path=f"{_PATH}/confirm",
        summary="Confirm that the app shows right codes",
        handler=confirm,
        body=Body(AppCode, {"six digits": {"code": "123456"}}),
        answers=(
            Answer(
                200,
                "The app counts from now on; these codes are not shown again",
                {"application/json": answers.RecoveryCodes},
            ),
        ),
        problems=("unknown-citizen", "no-authenticator", "authenticator-exists", "authenticator-mismatch"),
    ),
    Operation(
        id="getAuthenticator",
        method="GET",
        path=_PATH,
        summary="Has the citizen an authenticator app?",
        handler=show,
        answers=(Answer(200, "There is one", {"application/json": answers.OneAuthenticator}),),
        problems=("unknown-citizen", "no-authenticator", "validation-failed"),
    ),
    Operation(
        id="dropAuthenticator",
        method="DELETE",
        path=_PATH,
        summary="Drop a citizen's authenticator app",
        description="Repeating it is harmless. A citizen's token must come with a fresh second factor.",
        handler=drop,
        answers=(Answer(200, "There is none now", {"application/json": answers.Dropped}),),
        problems=("unknown-citizen", "second-factor-required", "validation-failed"),
    ),
)
