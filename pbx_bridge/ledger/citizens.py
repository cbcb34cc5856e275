"""What is kept about citizens beside their calls: identity data, and authenticator apps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from ..identity.citizen import Identity
from ..phone import Phone
from .access import Authenticator, Citizen
from .forms import write_json
from .marks import Marks, citizen_owner
from .seal import Seal
from .tables import authenticators, citizen_marks, citizens, clients

DATA_PLACE = "citizens.data"
SECRET_PLACE = "authenticators.secret"  # noqa: S105  a place, not a secret

_CLIENTS: BindParameter[Any] = bindparam("clients", expanding=True)
_USERS: BindParameter[Any] = bindparam("users", expanding=True)
_CITIZEN = select(citizens).where(citizens.c.client == bindparam("client"), citizens.c.user_id == bindparam("user"))
_FOUND = (
    select(citizens)
    .join(citizen_marks)
    .where(citizen_marks.c.mark == bindparam("mark"), citizens.c.client == bindparam("client"))
    .order_by(citizens.c.user_id)
)
_FOUND_ANYWHERE = (
    select(citizens)
    .join(citizen_marks)
    .where(citizen_marks.c.mark.in_(bindparam("marks", expanding=True)))
    .order_by(citizens.c.client, citizens.c.user_id)
)
_PROGRAMS = select(clients.c.id).where(clients.c.disabled_at.is_(None))
_UNMARK = delete(citizen_marks).where(
    citizen_marks.c.client == bindparam("client"), citizen_marks.c.user_id == bindparam("user")
)
_DROP = delete(citizens).where(citizens.c.client == bindparam("client"), citizens.c.user_id == bindparam("user"))
# Not as pairs: for those SQLite walks through the whole table.
_AUTHENTICATORS = (
    select(authenticators)
    .where(authenticators.c.client.in_(_CLIENTS), authenticators.c.user_id.in_(_USERS))
    .order_by(authenticators.c.client, authenticators.c.user_id)
)
_LOCKED_AUTHENTICATORS = _AUTHENTICATORS.with_for_update()
_DROP_AUTHENTICATOR = delete(authenticators).where(
    authenticators.c.client == bindparam("client"), authenticators.c.user_id == bindparam("user")
)


def get(connection: Connection, client: str, user: str, seal: Seal) -> Citizen | None:
    """What the portal supplied about one citizen."""
    row = connection.execute(_CITIZEN, {"client": client, "user": user}).one_or_none()
    return _citizen(row, seal) if row else None


def keep(connection: Connection, citizen: Citizen, seal: Seal, marks: Marks) -> None:
    """In place of what was known, marks and all."""
    whose = {"client": citizen.client, "user_id": citizen.user}
    sealed = seal.close(citizen_owner(citizen.client, citizen.user), DATA_PLACE, to_json(citizen.data))
    put(connection, citizens, [whose | {"data": sealed, "updated_at": citizen.updated_at}])
    connection.execute(_UNMARK, {"client": citizen.client, "user": citizen.user})
    found_by = [
        whose | {"kind": kind, "mark": marks.value(kind, citizen.client, value)}
        for kind, value in citizen.marks.items()
    ]
    if found_by:
        connection.execute(insert(citizen_marks), found_by)


def find(connection: Connection, client: str, kind: str, value: str, seal: Seal, marks: Marks) -> list[Citizen]:
    """The program's citizens with this value, by user id."""
    mark = marks.value(kind, client, value)
    return [_citizen(row, seal) for row in connection.execute(_FOUND, {"mark": mark, "client": client})]


def by_phone(connection: Connection, phone: Phone, seal: Seal, marks: Marks) -> list[Citizen]:
    """Those of all programs that may ask whose portal has verified this number."""
    programs = connection.execute(_PROGRAMS).scalars()
    wanted = [marks.value("phone", program, phone.e164) for program in programs]
    if not wanted:
        return []
    found = [_citizen(row, seal) for row in connection.execute(_FOUND_ANYWHERE, {"marks": wanted})]
    return [each for each in found if "phone" in Identity.from_data(each.data).verified]


def drop(connection: Connection, client: str, user: str) -> int:
    """Forget the record and its marks; how many records that were."""
    whose = {"client": client, "user": user}
    connection.execute(_UNMARK, whose)
    return connection.execute(_DROP, whose).rowcount


def authenticators_of(
    connection: Connection, pairs: Collection[tuple[str, str]], seal: Seal, *, lock: bool = False
) -> dict[tuple[str, str], Authenticator]:
    """Those of the citizens (client, user) that have one; with `lock` nobody else can change them meanwhile."""
    wanted = set(pairs)
    values = {"clients": sorted({client for client, _ in wanted}), "users": sorted({user for _, user in wanted})}
    rows = connection.execute(_LOCKED_AUTHENTICATORS if lock else _AUTHENTICATORS, values)
    return {whose: _authenticator(row, seal) for row in rows if (whose := (row.client, row.user_id)) in wanted}


def keep_authenticators(connection: Connection, kept: Iterable[Authenticator], seal: Seal) -> None:
    """Each in place of the citizen's present one. No citizen may come twice."""
    put(connection, authenticators, [_authenticator_row(each, seal) for each in kept])


def drop_authenticator(connection: Connection, client: str, user: str) -> bool:
    """False when there was none."""
    return connection.execute(_DROP_AUTHENTICATOR, {"client": client, "user": user}).rowcount > 0


def put(connection: Connection, table: Any, rows: list[Mapping[str, Any]]) -> None:
    """Insert, or replace the row of the same citizen."""
    adding = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    fresh = {column.name: adding.excluded[column.name] for column in table.c if not column.primary_key}
    replacing = adding.values(rows).on_conflict_do_update(index_elements=["client", "user_id"], set_=fresh)
    connection.execute(replacing)


def _citizen(row: Row[Any], seal: Seal) -> Citizen:
    clear = seal.open(citizen_owner(row.client, row.user_id), DATA_PLACE, row.data)
    return Citizen(row.client, row.user_id, from_json(clear), {}, row.updated_at)


def _authenticator_row(kept: Authenticator, seal: Seal) -> dict[str, Any]:
    return {
        "client": kept.client,
        "user_id": kept.user,
        "secret": seal.close(citizen_owner(kept.client, kept.user), SECRET_PLACE, kept.secret.encode()),
        "recovery": write_json(kept.recovery),
        "created_at": kept.created_at,
        "confirmed_at": kept.confirmed_at,
        "last_step": kept.last_step,
    }


def _authenticator(row: Row[Any], seal: Seal) -> Authenticator:
    return Authenticator(
        client=row.client,
        user=row.user_id,
        secret=seal.open(citizen_owner(row.client, row.user_id), SECRET_PLACE, row.secret).decode(),
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        last_step=row.last_step,
        recovery=tuple(from_json(row.recovery)),
    )
