"""What an issuer said, taken for what it means here. Pure: no question is asked."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

from ..phone import NotAPhone, Phone
from ..subject import NotBelieved, Subject
from .issuer import Issuer

#: A living token whose issuer does not tell its end is believed for so long (seconds).
UNTOLD_S = 300
#: How people write numbers for each other (OpenID Connect Core, 5.1, allows it).
_SPACING = str.maketrans("", "", " -().\u00a0")


def check(told: dict[str, Any], issuer: Issuer, now: int) -> None:
    """That an answer to introspection is about a token of the issuer, for us, and of this time; as far as it says.
    Raises NotBelieved."""
    if told.get("iss", issuer.issuer) != issuer.issuer:
        raise NotBelieved("the token is of another issuer")
    audiences = told.get("aud", issuer.audience)
    if issuer.audience not in (audiences if isinstance(audiences, list) else [audiences]):
        raise NotBelieved("the token is for another audience")
    if "exp" in told and _seconds(told["exp"]) <= now - issuer.leeway_s:
        raise NotBelieved("the token has expired")
    if "nbf" in told and _seconds(told["nbf"]) > now + issuer.leeway_s:
        raise NotBelieved("the token is not valid yet")


def _seconds(value: Any) -> float:
    if not is_number(value):
        raise NotBelieved("a time in what the issuer says is not in its form")
    return value


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a NumericDate (RFC 7519, 2): true is no number, and Infinity is no time."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )


def subject_of(issuer: Issuer, now: int, signed: dict[str, Any] | None, told: dict[str, Any] | None) -> Subject:
    """The citizen, by the signed claims, by what was told, or by both: then they must agree. Raises NotBelieved."""
    views = [claims for claims in (signed, told) if claims is not None]
    users = {_user(claims, issuer) for claims in views}
    if len(users) != 1:
        raise NotBelieved("the token and its issuer name different citizens")
    if len({str(client) for claims in views if (client := claims.get("client_id", claims.get("azp")))}) > 1:
        raise NotBelieved("the token and its issuer name different clients")
    ends = [_seconds(claims["exp"]) for claims in views if "exp" in claims]
    # Claims that mean something together are taken from one view: the later one, if it has them.
    identity = _last(views, issuer.phone_claim)
    proof = _last(views, "acr", "amr", "auth_time")
    return Subject(
        issuer=issuer.issuer,
        user=users.pop(),
        expires_at=int(min(ends, default=now + UNTOLD_S)),
        phone=_phone(identity, issuer.phone_claim),
        acr=acr if isinstance(acr := proof.get("acr"), str) else None,
        amr=_texts(proof.get("amr")),
        auth_time=_past(proof.get("auth_time"), now + issuer.leeway_s),
    )


def _last(views: list[dict[str, Any]], *names: str) -> dict[str, Any]:
    return next((claims for claims in reversed(views) if any(name in claims for name in names)), {})


def _user(claims: dict[str, Any], issuer: Issuer) -> str:
    user = claims.get(issuer.subject_claim)
    if not isinstance(user, str) or not user:
        raise NotBelieved("the token does not say whose it is")
    return user


def _phone(said: dict[str, Any], claim: str) -> Phone | None:
    """The number, if the issuer says that it is verified. One that is no number is none: the token is good all the
    same."""
    number = said.get(claim)
    if said.get(f"{claim}_verified") is not True or not isinstance(number, str):
        return None
    try:
        return Phone(number.translate(_SPACING))
    except NotAPhone:
        return None


def _texts(value: Any) -> frozenset[str]:
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()


def _past(value: Any, until: int) -> int | None:
    """A time that may have been: nobody has proven themselves in the future."""
    return int(value) if is_number(value) and 0 < value <= until else None
