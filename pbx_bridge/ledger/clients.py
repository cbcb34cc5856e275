"""The programs that may ask, and their keys. Generated secrets are kept as a hash, which the caller makes; shared
keys for signatures are sealed, public ones in clear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, or_, select, update

from .access import SHARED, Client, ClientKey, KeyKind, Limits, Role, SecondStep, Vouching
from .forms import write_json
from .seal import Seal
from .tables import client_keys as keys
from .tables import clients

_KEY_COLUMNS = (
    keys.c.id.label("key_id"), keys.c.kind, keys.c.material, keys.c.sealed, keys.c.created_at.label("key_created_at"),
    keys.c.expires_at,
)  # fmt: skip
# One statement, for it is asked with every request.
_ALL = (
    select(clients, *_KEY_COLUMNS)
    .select_from(clients.outerjoin(keys, keys.c.client == clients.c.id))
    .order_by(clients.c.id, keys.c.created_at, keys.c.id)
)
_ONE = _ALL.where(clients.c.id == bindparam("client"))
_LOCK = select(clients.c.id).where(clients.c.id == bindparam("client")).with_for_update()
_FIXED = frozenset({"id", "created_at", "disabled_at"})
_CHANGE = (
    update(clients)
    .where(clients.c.id == bindparam("client"))
    .values(
        {column.name: bindparam(column.name, type_=column.type) for column in clients.c if column.name not in _FIXED}
    )
)
_DISABLE = (
    update(clients)
    .where(clients.c.id == bindparam("client"), clients.c.disabled_at.is_(None))
    .values(disabled_at=bindparam("at"))
)
_GIVE_UP = (
    update(clients)
    .where(
        clients.c.id == bindparam("client"),
        clients.c.callback_url == bindparam("url"),
        clients.c.callback_disabled_at.is_(None),
    )
    .values(callback_disabled_at=bindparam("at"))
)
_OUTLIVES = or_(keys.c.expires_at.is_(None), keys.c.expires_at > bindparam("at"))
_EXPIRE_OTHERS = (
    update(keys)
    .where(
        keys.c.client == bindparam("of_client"),
        keys.c.kind == bindparam("of_kind"),
        keys.c.id != bindparam("but"),
        _OUTLIVES,
    )
    .values(expires_at=bindparam("at"))
)
_DROP = (
    update(keys)
    .where(and_(keys.c.client == bindparam("of_client"), keys.c.id == bindparam("of_id")), _OUTLIVES)
    .values(expires_at=bindparam("at"))
)
_FORGET = delete(keys).where(keys.c.expires_at <= bindparam("at"))


def add(connection: Connection, client: Client, seal: Seal) -> None:
    """With its keys. Raises Refused("pk_clients") when the id is taken."""
    fixed = {name: getattr(client, name) for name in _FIXED}
    connection.execute(insert(clients), fixed | _changing(client))
    if client.keys:
        connection.execute(insert(keys), [_key_row(client.id, key, seal) for key in client.keys])


def get(connection: Connection, client_id: str, seal: Seal) -> Client | None:
    """The client, disabled or not, with all its keys."""
    return next(_clients(connection.execute(_ONE, {"client": client_id}).all(), seal), None)


def all_(connection: Connection, seal: Seal) -> list[Client]:
    """Every client, by id."""
    return list(_clients(connection.execute(_ALL).all(), seal))


def change(connection: Connection, client: Client) -> bool:
    """All that can be changed about it by its owner; keys and the time it was disabled stay. False when unknown."""
    return connection.execute(_CHANGE, {"client": client.id} | _changing(client)).rowcount > 0


def disable(connection: Connection, client_id: str, at: datetime) -> bool:
    """From `at` on it may not ask. False when there is no such client, or it was disabled before."""
    return connection.execute(_DISABLE, {"client": client_id, "at": at}).rowcount > 0


def give_up_address(connection: Connection, client_id: str, url: str, at: datetime) -> bool:
    """The program is told nothing at `url` from `at` on. False when it has another address meanwhile, or was before."""
    return connection.execute(_GIVE_UP, {"client": client_id, "url": url, "at": at}).rowcount > 0


def add_key(
    connection: Connection, client_id: str, key: ClientKey, others_expire_at: datetime | None, seal: Seal
) -> bool:
    """See `Ledger.add_key`."""
    if connection.execute(_LOCK, {"client": client_id}).first() is None:
        return False
    connection.execute(insert(keys), _key_row(client_id, key, seal))
    if others_expire_at is not None:
        others = {"of_client": client_id, "of_kind": key.kind.value, "but": key.id, "at": others_expire_at}
        connection.execute(_EXPIRE_OTHERS, others)
    return True


def drop_key(connection: Connection, client_id: str, key_id: str, at: datetime) -> bool:
    """It counts no more from `at` on. False when there is no such key, or it is over by then anyway."""
    return connection.execute(_DROP, {"of_client": client_id, "of_id": key_id, "at": at}).rowcount > 0


def forget_keys(connection: Connection, at: datetime) -> int:
    """Delete those that expired at or before `at`."""
    return connection.execute(_FORGET, {"at": at}).rowcount


def key_place(key_id: str) -> str:
    """The place that a shared key is sealed for; its owner is the client."""
    return f"client_keys.sealed {key_id}"


def _changing(client: Client) -> dict[str, Any]:
    vouching = client.vouching
    return {
        "name": client.name,
        "role": client.role.value,
        "scopes": write_json(sorted(client.scopes)),
        "token_lifetime_s": client.token_lifetime_s,
        "callback_url": client.callback_url,
        "callback_hosts": write_json(sorted(client.callback_hosts)) if client.callback_hosts else None,
        "callback_disabled_at": client.callback_disabled_at,
        "services": None if client.services is None else write_json(sorted(client.services)),
        "prefixes": None if client.prefixes is None else write_json(client.prefixes),
        "requests_per_minute": client.limits.requests_per_minute,
        "calls_per_hour": client.limits.calls_per_hour,
        "second_step": client.second_step.value,
        "vouching": vouching
        and write_json({"acr": sorted(vouching.acr), "amr": sorted(vouching.amr), "max_age_s": vouching.max_age_s}),
        "issuers": write_json(sorted(client.issuers)),
        "require_signature": client.require_signature,
    }


def _key_row(client_id: str, key: ClientKey, seal: Seal) -> dict[str, Any]:
    shared = key.kind in SHARED
    return {
        "client": client_id,
        "id": key.id,
        "kind": key.kind.value,
        "material": None if shared else key.material,
        "sealed": seal.close(client_id, key_place(key.id), key.material.encode()) if shared else None,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }


def _clients(rows: Sequence[Row[Any]], seal: Seal) -> Iterator[Client]:
    for _, group in groupby(rows, key=lambda row: row.id):
        same = list(group)
        yield _client(same[0], tuple(_key(row, seal) for row in same if row.key_id is not None))


def _client(row: Row[Any], keys_: tuple[ClientKey, ...]) -> Client:
    return Client(
        id=row.id,
        name=row.name,
        scopes=frozenset(from_json(row.scopes)),
        created_at=row.created_at,
        token_lifetime_s=row.token_lifetime_s,
        keys=keys_,
        disabled_at=row.disabled_at,
        role=Role(row.role),
        callback_url=row.callback_url,
        callback_hosts=frozenset() if row.callback_hosts is None else frozenset(from_json(row.callback_hosts)),
        callback_disabled_at=row.callback_disabled_at,
        services=None if row.services is None else frozenset(from_json(row.services)),
        prefixes=None if row.prefixes is None else tuple(from_json(row.prefixes)),
        limits=Limits(row.requests_per_minute, row.calls_per_hour),
        second_step=SecondStep(row.second_step),
        vouching=None if row.vouching is None else _vouching(from_json(row.vouching)),
        issuers=frozenset(from_json(row.issuers)),
        require_signature=row.require_signature,
    )


def _vouching(stored: dict[str, Any]) -> Vouching:
    return Vouching(frozenset(stored["acr"]), frozenset(stored["amr"]), stored["max_age_s"])


def _key(row: Row[Any], seal: Seal) -> ClientKey:
    sealed = row.sealed
    material = row.material if sealed is None else seal.open(row.id, key_place(row.key_id), sealed).decode()
    return ClientKey(row.key_id, KeyKind(row.kind), material, row.key_created_at, row.expires_at)
