"""The programs that may ask. Their secrets are generated, so a plain hash of them is kept, made by the caller."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from .access import Client
from .forms import write_json
from .tables import clients

_ALL = select(clients).order_by(clients.c.id)
_ONE = select(clients).where(clients.c.id == bindparam("client"))
_DISABLE = (
    update(clients)
    .where(clients.c.id == bindparam("client"), clients.c.disabled_at.is_(None))
    .values(disabled_at=bindparam("at"))
)


def add(connection: Connection, client: Client) -> None:
    """Raises Refused("pk_clients") when the id is taken."""
    row = {name: getattr(client, name) for name in Client.__dataclass_fields__ if name != "scopes"}
    connection.execute(insert(clients), row | {"scopes": write_json(sorted(client.scopes))})


def get(connection: Connection, client_id: str) -> Client | None:
    """The client, disabled or not."""
    row = connection.execute(_ONE, {"client": client_id}).one_or_none()
    return _client(row) if row else None


def all_(connection: Connection) -> list[Client]:
    """Every client, by id."""
    return [_client(row) for row in connection.execute(_ALL)]


def disable(connection: Connection, client_id: str, at: datetime) -> bool:
    """From `at` on it may not ask. False when there is no such client, or it was disabled before."""
    return connection.execute(_DISABLE, {"client": client_id, "at": at}).rowcount > 0


def _client(row: Row[Any]) -> Client:
    values = dict(row._mapping)
    return Client(**values | {"scopes": frozenset(from_json(values["scopes"]))})
