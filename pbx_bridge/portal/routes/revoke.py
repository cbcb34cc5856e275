"""Tokens that end now (RFC 7009)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiohttp import web

from ...ledger.access import Client, Revocation
from ...ledger.values import AuditLine
from .. import token_answers
from ..client_auth import authenticate
from ..exchange import is_user
from ..guard import examine
from ..needs import NEEDS
from ..oauth import FORM, NO_STORE, Refusal, of_form
from ..operations import Answer, Body, Header, Operation
from ..problems import OF_SIGNATURES
from ..revocations import REVOCATIONS
from ..signing_keys import SLACK_S
from ..tokens import NotAToken

#: Remembered beyond a token's end, for clocks that disagree.
_SLACK = timedelta(seconds=60)


@of_form
async def revoke(request: web.Request, form: dict[str, str]) -> web.Response:
    """End one token of the program, or all of one of its citizens."""
    client = await authenticate(request, form)
    if ("token" in form) == ("sub" in form):
        raise Refusal("invalid_request", "either token or sub is required")
    if "token" in form:
        revocation = await _of_token(request, form["token"], client)
    else:
        revocation = _of_citizen(request, form["sub"], client)
    if revocation is not None:
        await _note(request, revocation)
        await request.app[REVOCATIONS].revoke(revocation)
    return web.Response(headers=NO_STORE)


async def _note(request: web.Request, revocation: Revocation) -> None:
    """Who ended whose token, before it ends."""
    citizen = (revocation.client, revocation.citizen) if revocation.citizen else None
    detail = {"token": revocation.token_id} if revocation.token_id else {}
    line = AuditLine(revocation.at, f"client:{revocation.client}", "revoke-token", "taken", detail, citizen=citizen)
    await request.app[NEEDS].ledger.note([line])


async def _of_token(request: web.Request, token: str, client: Client) -> Revocation | None:
    """None when there is nothing to do. Whoever asks is not told which: the token is of no use now, or was never
    theirs (RFC 7009, 2.2)."""
    try:
        grant = await examine(request.app, token)
    except NotAToken:
        return None
    if grant.client != client.id or request.app[REVOCATIONS].dead(grant):
        return None
    until = datetime.fromtimestamp(grant.expires_at, UTC) + _SLACK
    return Revocation(client.id, request.app[NEEDS].clock(), until, token_id=grant.token_id)


def _of_citizen(request: web.Request, user: str, client: Client) -> Revocation:
    if not is_user(user):
        raise Refusal("invalid_request", "sub is not in the form of a citizen's id")
    needs = request.app[NEEDS]
    at = needs.clock()
    # Tokens that were issued under an earlier setting may live longer than those of today.
    until = at + timedelta(seconds=needs.settings.citizen_lifetime_s + SLACK_S)
    return Revocation(client.id, at, until, citizen=user)


OPERATIONS = (
    Operation(
        id="revokeToken",
        method="POST",
        path="/oauth/revoke",
        summary="End a token, or all tokens of a citizen who logs out",
        description=(
            "Requests with such a token are refused at once, and within a second everywhere; streams that were opened "
            "with it end. A token that is not known, not yours or over already is a success too. With `sub` instead "
            "of `token` all tokens end that your client got for that citizen; one that you get within the same second "
            "ends too, so wait a second before you get another."
        ),
        handler=revoke,
        headers=(Header("Authorization", "HTTP Basic with client id and secret, instead of the form's fields"),),
        body=Body(
            token_answers.RevocationForm,
            {
                "one token": {"client_id": "client_1", "client_secret": "pbxs_…", "token": "eyJ…"},
                "a citizen logs out": {"client_id": "client_1", "client_secret": "pbxs_…", "sub": "u-1"},
            },
            FORM,
        ),
        answers=(
            Answer(200, "It counts no more"),
            Answer(400, "The request is not valid (RFC 6749, 5.2)", {"application/json": token_answers.TokenError}),
            Answer(
                401,
                "The client could not be authenticated",
                {"application/json": token_answers.TokenError},
                (Header("WWW-Authenticate", "RFC 7617"),),
            ),
        ),
        problems=("database-unavailable", *OF_SIGNATURES),
    ),
)
