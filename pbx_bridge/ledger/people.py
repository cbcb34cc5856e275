"""The part of `Ledger` that knows citizens: identity data, authenticator apps, export, erasure, retention."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..phone import Phone
from . import citizens, profiles, retention
from .access import Authenticator, Citizen, Profile
from .base import Base
from .erase import erase
from .export import export
from .values import Erased, Spent


class People(Base):
    """What is kept about one citizen. Every method may raise LedgerUnavailable, and Unreadable where it opens."""

    async def citizen(self, client: str, user: str) -> Citizen | None:
        """What the portal supplied about one citizen; `marks` are not given back."""
        return await self._read(lambda connection: citizens.get(connection, client, user, self._rows.seal))

    async def keep_citizen(self, citizen: Citizen) -> None:
        """In place of what was known, marks and all."""
        seal, marks = self._rows.seal, self._rows.marks
        await self._change(lambda connection: citizens.keep(connection, citizen, seal, marks))

    async def find_citizens(self, client: str, kind: str, value: str) -> list[Citizen]:
        """The program's citizens that were kept with this mark (a normal form, exactly), by user id."""
        seal, marks = self._rows.seal, self._rows.marks
        return await self._read(lambda connection: citizens.find(connection, client, kind, value, seal, marks))

    def blind(self, phone: Phone) -> str:
        """A name for somebody of whom only the number is known: the same for the same number, and no way back to it."""
        return self._rows.marks.number(phone.e164) or ""

    async def citizens_by_phone(self, phone: Phone) -> list[Citizen]:
        """The citizens of every program that may ask whose verified number this is, by program and user id."""
        seal, marks = self._rows.seal, self._rows.marks
        return await self._read(lambda connection: citizens.by_phone(connection, phone, seal, marks))

    async def profile(self, client: str, user: str) -> Profile | None:
        """How the citizen wishes to be called."""
        return await self._read(lambda connection: profiles.get(connection, client, user, self._rows.seal))

    async def keep_profile(self, profile: Profile) -> None:
        """In place of the citizen's present one. ValueError without `updated_at`."""
        await self._change(lambda connection: profiles.keep(connection, profile, self._rows.seal))

    async def authenticator(self, client: str, user: str) -> Authenticator | None:
        """The citizen's authenticator app."""
        whose, seal = (client, user), self._rows.seal
        found = await self._read(lambda connection: citizens.authenticators_of(connection, [whose], seal))
        return found.get(whose)

    async def keep_authenticator(self, authenticator: Authenticator) -> None:
        """In place of the citizen's present one."""
        seal = self._rows.seal
        await self._change(lambda connection: citizens.keep_authenticators(connection, [authenticator], seal))

    async def drop_authenticator(self, client: str, user: str) -> bool:
        """False when there was none."""
        return await self._change(lambda connection: citizens.drop_authenticator(connection, client, user))

    async def export(self, client: str, user: str) -> dict[str, Any]:
        """Everything that is kept about the citizen, in clear, as JSON values: `citizen`, `profile`, `authenticator`
        (that there is one, and since when), `calls` with their requests and events, `tries`, `revocations`, `audit`."""
        return await self._read(lambda connection: export(connection, client, user, self._rows))

    async def erase(self, client: str, user: str, at: datetime) -> Erased:
        """Take the citizen out of everything; all or nothing. Raises StillActive while a call has not ended.

        Calls, events and their times stay, under a name that leads nowhere; audit lines stay, with a blind mark.
        Revocations stay until their time is over, for they keep dead tokens dead. A call that is opened during the
        erasure is one after it.
        """
        erased, calls = await self._change(lambda connection: erase(connection, client, user, at, self._rows))
        self._rows.forget(calls)
        return erased

    async def spend(
        self, before: datetime, at: datetime, after: tuple[datetime, str] | None = None, *, whole: bool = False
    ) -> Spent:
        """One step of retention, oldest first: of calls that ended `before` some lose who it was, or go `whole`. Go on
        `after` where it ended."""
        begin = after or (datetime.min.replace(tzinfo=UTC), "")
        spent = await self._change(lambda connection: retention.spend(connection, before, begin, whole, at, self._rows))
        self._rows.forget(spent.calls)
        return spent

    async def spendable(self, before: datetime, *, whole: bool = False) -> int:
        """How many calls all steps together would change."""
        return int((await self._ask(retention.waiting(before, whole)))[0][0])
