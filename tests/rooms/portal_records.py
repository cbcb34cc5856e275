"""What a ledger keeps about citizens, and its audit, in memory; with the same promises, as far as the portal sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pbx_bridge.ledger.access import Authenticator, Citizen
from pbx_bridge.ledger.errors import StillActive
from pbx_bridge.ledger.values import Anchor, AuditFilter, AuditLine, Erased, StoredLine, Verified

from .portal_books import Books

Whose = tuple[str, str]
#: Of all that a ledger can do, what is done here.
KEPT = frozenset(
    {"citizen", "keep_citizen", "find_citizens", "export", "erase", "note", "audit_page", "verify_audit"}
    | {"authenticator", "keep_authenticator", "drop_authenticator", "profile", "keep_profile"}
)


@dataclass
class Records(Books):
    """`unwritable` is what writing into the audit raises; `active` are the calls that are going on."""

    authenticators_: dict[Whose, Authenticator] = field(default_factory=dict)
    lines: list[tuple[AuditLine, Whose | None]] = field(default_factory=list)
    active: dict[Whose, str] = field(default_factory=dict)
    unwritable: Exception | None = None

    async def export(self, client: str, user: str) -> dict[str, Any]:
        found = self.citizens_.get((client, user))
        return {"citizen": found and {"data": dict(found.data), "updated_at": found.updated_at}, "calls": []}

    async def find_citizens(self, client: str, kind: str, value: str) -> list[Citizen]:
        kept = [self.citizens_[whose] for whose in sorted(self.citizens_) if whose[0] == client]
        return [each for each in kept if each.marks.get(kind) == value]

    async def erase(self, client: str, user: str, at: datetime) -> Erased:
        if call_id := self.active.get((client, user)):
            raise StillActive(call_id)
        gone = [kept.pop((client, user), None) for kept in (self.citizens_, self.authenticators_)]
        return Erased(0, 0, sum(each is not None for each in gone))

    async def authenticator(self, client: str, user: str) -> Authenticator | None:
        return self.authenticators_.get((client, user))

    async def keep_authenticator(self, authenticator: Authenticator) -> None:
        self.authenticators_[authenticator.client, authenticator.user] = authenticator

    async def drop_authenticator(self, client: str, user: str) -> bool:
        return self.authenticators_.pop((client, user), None) is not None

    async def note(self, lines: Sequence[AuditLine]) -> None:
        self._may_fail()
        if self.unwritable is not None:
            raise self.unwritable
        self.lines += [(replace(line, citizen=None), line.citizen) for line in lines]

    async def audit_page(self, filter_: AuditFilter, *, after: int = 0, limit: int = 100) -> list[StoredLine]:
        found = [
            StoredLine(id_, line, chain=f"{id_:064x}", mark=citizen and f"{hash(citizen):x}")
            for id_, (line, citizen) in enumerate(self.lines, start=1)
            if id_ > after
            and filter_.call_id in (None, line.call_id)
            and filter_.citizen in (None, citizen)
            and filter_.actor in (None, line.actor)
            and (filter_.from_ is None or line.at >= filter_.from_)
            and (filter_.to is None or line.at < filter_.to)
        ]
        return found[:limit]

    async def verify_audit(self, *, anchors: Sequence[Anchor] = ()) -> Verified:
        count = len(self.lines)
        wrong = [each for each in anchors if each.chain != f"{each.id:064x}" or each.id > count]
        fault = f"line {wrong[0].id} is not the one that was anchored" if wrong else None
        return Verified(count, 0, Anchor(count, f"{count:064x}"), fault)
