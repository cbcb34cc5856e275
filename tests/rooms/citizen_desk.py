"""Anna, whose data is asked for, and everybody who may ask: the portal, staff of every role, Anna herself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pytest

from pbx_bridge.ledger.access import Client, Role, Vouching
from pbx_bridge.ledger.values import AuditFilter
from pbx_bridge.portal.rights import SCOPES_OF
from pbx_bridge.subject import Subject

from .ledger_calls import birth, newborn
from .portal_house import House, Memory, Reply, Site

ANNA = {
    "phone": "+79161234567",
    "email": "anna@example.ru",
    "snils": "112-233-445 95",
    "inn": "500100732259",
    "passport": "4509 123456",
    "verified": ["phone", "snils"],
}
MASKED = {
    "phone": "+7916***4567",
    "email": "a***@e***.ru",
    "snils": "***-***-*** 95",
    "inn": "**********59",
    "passport": "** ** ****56",
    "verified": ["phone", "snils"],
}
#: Of each of Anna's values so much that it could be used.
CLEAR = ("9161234567", "anna@", "112-233", "11223344595", "500100732259", "123456", "example.ru")
VOUCHING = Vouching(acr=frozenset({"high"}), amr=frozenset({"otp"}), max_age_s=300)


def house_of(request: pytest.FixtureRequest) -> House:
    """A house that keeps citizens in memory, or (param "paper") in a real ledger on SQLite."""
    return House(paper=request.getfixturevalue("sqlite_ledger") if request.param == "paper" else None)


@dataclass
class Desk:
    """Asks in every role. The portal is `site.client`; another program is drawn for each role that asks."""

    site: Site

    def __post_init__(self) -> None:
        house, portal = self.site.house, self.site.client
        self.site.client = house.clients_[portal.id] = replace(portal, scopes=SCOPES_OF[Role.PORTAL], vouching=VOUCHING)
        self._staff: dict[Role, Client] = {Role.PORTAL: self.site.client}

    @property
    def house(self) -> House:
        return self.site.house

    @property
    def portal(self) -> str:
        """The client id of the portal."""
        return self.site.client.id

    def program(self, role: Role) -> Client:
        """The program of that role."""
        if role not in self._staff:
            drawn, _ = self.house.client(role.value, SCOPES_OF[role])
            self._staff[role] = self.house.clients_[drawn.id] = replace(drawn, role=role)
        return self._staff[role]

    async def ask(self, method: str, path: str, by: Role = Role.PORTAL, **how: Any) -> Reply:
        """Ask for /v1/users/… as a program of that role."""
        headers = self.site.bearer(self.program(by), SCOPES_OF[by]) | how.pop("headers", {})
        return await self.site.ask(method, f"/v1/users/{path}", headers=headers, **how)

    async def ask_as_citizen(
        self, method: str, path: str, user: str = "u-1", *, acr: str | None = None, age_s: int = 0, **how: Any
    ) -> Reply:
        """Ask with the token of a citizen who proved themselves by `acr` so many seconds ago."""
        now = int(self.house.clock().timestamp())
        subject = Subject("https://portal.example", user, now + 300, acr=acr, auth_time=now - age_s if acr else None)
        token = self.site.app_tokens().issue_for(subject, self.portal, SCOPES_OF[Role.CITIZEN], 300)
        headers = {"Authorization": f"Bearer {token}"}
        return await self.site.ask(method, f"/v1/users/{path}", headers=headers, **how)

    async def supply(self, body: Any = ANNA, user: str = "u-1") -> Reply:
        """The portal supplies what it knows."""
        return await self.ask("PUT", f"{quote(user, safe='')}/identity", json=body)

    async def noted(self, user: str = "u-1") -> list[str]:
        """What the audit says of the portal's citizen: who did what, and whether it was taken."""
        found = await Memory(self.house).audit_page(AuditFilter(citizen=(self.portal, user)))
        names = {f"client:{client.id}": role.value for role, client in self._staff.items()}
        names[f"citizen:{self.portal}"] = "citizen"
        return [f"{names[each.line.actor]} {each.line.action} {each.line.verdict}" for each in found]

    async def begin_call(self, user: str = "u-1") -> str:
        """A call of the portal's citizen goes on; its id."""
        if self.house.paper is None:
            call_id = self.house.active[self.portal, user] = "call_1"
            return call_id
        call = newborn(user, client=self.portal)
        async with self.house.paper.transaction() as transaction:
            await transaction.write([birth(call)], call.accepted_at)
        return call.id


def is_nowhere(reply: Reply) -> bool:
    """Whether none of Anna's values is anywhere in the answer, headers and all."""
    text = str(dict(reply.headers)) + reply.body.decode()
    return not any(value in text for value in CLEAR)
