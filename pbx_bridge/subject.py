"""A citizen as their portal's own token names them: what an issuer's token came to, once it was believed."""

from __future__ import annotations

from dataclasses import dataclass, field

from .phone import Phone


class NotBelieved(Exception):
    """The token is not one of a living session at a portal that may speak here. `str()` says why, without the token."""


class IssuerAway(Exception):
    """Whether the token is good cannot be found out now, so it is not believed. Ask again after `retry_after_s`."""

    def __init__(self, why: str, retry_after_s: int = 5) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Subject:
    """Who the token is for. Times are seconds since the epoch. `phone` is there when the issuer says it is verified;
    `acr`, `amr` and `auth_time` (OpenID Connect Core, 2) say how the citizen proved themselves."""

    issuer: str
    user: str
    expires_at: int
    phone: Phone | None = field(default=None)
    acr: str | None = None
    amr: frozenset[str] = frozenset()
    auth_time: int | None = None
