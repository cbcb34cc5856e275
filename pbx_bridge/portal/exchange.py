"""Token exchange (RFC 8693): a portal shows its citizen's own token, and gets a short one bound to that citizen."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from ..identity.citizen import Identity
from ..ledger.access import Citizen, Client, Role
from ..ledger.values import AuditLine
from ..subject import IssuerAway, NotBelieved, Subject
from .forms import Line128
from .guard import TOKENS
from .needs import NEEDS, Needs
from .oauth import Refusal
from .rights import SCOPES_OF
from .signing_keys import SIGNING_KEYS
from .turns import TURNS

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
_TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN = _TYPE + "access_token"
SUBJECT_TYPES = (ACCESS_TOKEN, _TYPE + "id_token", _TYPE + "jwt")
_USER: TypeAdapter[str] = TypeAdapter(Line128)


async def exchange(request: web.Request, form: dict[str, str], client: Client) -> dict[str, Any]:
    """The answer with the citizen's token. Raises Refusal, LedgerUnavailable."""
    needs = request.app[NEEDS]
    if client.role is not Role.PORTAL:
        raise Refusal("unauthorized_client", "only a portal has citizens to speak for")
    _check(form, needs.settings.audience)
    scopes = _scopes(form, client)
    subject = await _believe(needs, form["subject_token"], client)
    lifetime_s = min(needs.settings.citizen_lifetime_s, subject.expires_at - int(needs.clock().timestamp()))
    if lifetime_s <= 0:
        raise Refusal("invalid_grant", "the subject_token has expired")
    if not is_user(subject.user) or subject.user == client.id:
        raise Refusal("invalid_grant", "the subject_token's subject cannot be a citizen here")
    await keep_phone(request, client.id, subject)
    await request.app[SIGNING_KEYS].ready()
    return {
        "access_token": request.app[TOKENS].issue_for(subject, client.id, scopes, lifetime_s),
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": lifetime_s,
        "scope": " ".join(sorted(scopes)),
    }


def is_user(text: str) -> bool:
    """Whether the text is in the form of a citizen's id, as everywhere else."""
    try:
        _USER.validate_python(text)
    except ValidationError:
        return False
    return True


def _check(form: dict[str, str], audience: str) -> None:
    if not form.get("subject_token"):
        raise Refusal("invalid_request", "subject_token is required")
    if form.get("subject_token_type") not in SUBJECT_TYPES:
        raise Refusal("invalid_request", f"subject_token_type must be one of {', '.join(SUBJECT_TYPES)}")
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise Refusal("invalid_request", f"requested_token_type can only be {ACCESS_TOKEN}")
    if "actor_token" in form or "actor_token_type" in form:
        raise Refusal("invalid_request", "there are no actor tokens here: the client itself is the actor")
    if "resource" in form or form.get("audience", audience) != audience:
        raise Refusal("invalid_target", "tokens are given for this service only")


def _scopes(form: dict[str, str], client: Client) -> frozenset[str]:
    able = SCOPES_OF[Role.CITIZEN] & client.scopes
    asked = frozenset(form.get("scope", "").split())
    scopes = asked & able if asked else able
    if not scopes:
        raise Refusal("invalid_scope", "nothing is left of the scopes: a citizen may not have them, or the client not")
    return scopes


async def _believe(needs: Needs, token: str, client: Client) -> Subject:
    try:
        return await needs.issuers.believe(token, client.issuers)
    except NotBelieved as error:
        raise Refusal("invalid_grant", f"the subject_token is not believed: {error}") from None
    except IssuerAway as error:
        words = "the issuer of the subject_token cannot be asked now"
        raise Refusal("temporarily_unavailable", words, retry_after_s=error.retry_after_s) from None


async def keep_phone(request: web.Request, client: str, subject: Subject) -> None:
    """Keep the number that the portal's own token vouches for: the citizen may have that one rung. The line in the
    audit comes first. Raises LedgerUnavailable."""
    if subject.phone is None:
        return
    needs, whose = request.app[NEEDS], (client, subject.user)
    async with request.app[TURNS].of(whose):
        kept = await needs.ledger.citizen(*whose)
        known = Identity.from_data(kept.data) if kept else Identity()
        told = known.updated(Identity(phone=subject.phone, verified=frozenset({"phone"})))
        if told == known:
            return
        at, detail = needs.clock(), {"fields": ["phone"], "by": "token-exchange"}
        await needs.ledger.note([AuditLine(at, f"client:{client}", "write-identity", "taken", detail, citizen=whose)])
        await needs.ledger.keep_citizen(Citizen(*whose, told.to_data(), told.marks(), at))
