"""What a token says about who asks. Made by tokens.py, completed by guard.py, read by every route."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from ..ledger.access import Client, Role


@dataclass(frozen=True, slots=True)
class Grant:
    """`client` speaks, for itself or for `citizen` (the portal's own id of one of its users). Times are seconds since
    the epoch. `acr`, `amr` and `auth_time` are what the citizen's own token said about how they proved themselves."""

    client: str
    scopes: frozenset[str]
    expires_at: int
    token_id: str
    issued_at: int = 0
    citizen: str | None = None
    acr: str | None = None
    amr: frozenset[str] = frozenset()
    auth_time: int | None = None
    role: Role = Role.PORTAL

    @property
    def actor(self) -> str:
        """Who did it, for the audit. Which citizen it was is told by the line's blind mark."""
        return f"citizen:{self.client}" if self.role is Role.CITIZEN else f"client:{self.client}"

    @property
    def owns(self) -> bool:
        """Whether it sees only what is its own: a portal its calls, a citizen theirs. Staff see all."""
        return self.role in (Role.CITIZEN, Role.PORTAL)


GRANT: web.RequestKey[Grant] = web.RequestKey("grant", Grant)
#: The program that asks, as it is now.
CLIENT: web.RequestKey[Client] = web.RequestKey("client", Client)
