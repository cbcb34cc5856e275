"""The service's own keys, tokens that are dead before their time, and nonces of signatures that were taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, delete, insert, select, text

from .access import Revocation, SigningKey
from .marks import Marks
from .seal import Seal
from .tables import nonces, revocations, signing_keys

SIGNING_PLACE = "signing_keys.sealed"
REVOKED_PLACE = "revocations.sealed_user"

_SIGNING = (
    select(signing_keys)
    .where(signing_keys.c.purpose == bindparam("purpose"), signing_keys.c.valid_until > bindparam("at"))
    .order_by(signing_keys.c.created_at.desc(), signing_keys.c.id.desc())
)
_REVOKE = insert(revocations).returning(revocations.c.id)
_REVOKED = (
    select(revocations)
    .where(revocations.c.id > bindparam("after"), revocations.c.until > bindparam("at"))
    .order_by(revocations.c.id)
)
_REVOKED_OF_CITIZEN = (
    select(revocations.c.at, revocations.c.until)
    .where(revocations.c.mark == bindparam("mark"), text("mark IS NOT NULL"))
    .order_by(revocations.c.id)
)
# Any number will do, but another than that of the migrations (migrating.py), and the same in every release.
_LOCK = text("SELECT pg_advisory_xact_lock(7225)")
_PAST = tuple(
    delete(table).where(column <= bindparam("at"))
    for table, column in (
        (nonces, nonces.c.until),
        (revocations, revocations.c.until),
        (signing_keys, signing_keys.c.valid_until),
    )
)


def signing(connection: Connection, purpose: str, at: datetime, seal: Seal) -> list[SigningKey]:
    """Those that are still believed at that moment, newest first."""
    return [_signing_key(row, seal) for row in connection.execute(_SIGNING, {"purpose": purpose, "at": at})]


def add_signing(connection: Connection, key: SigningKey, seal: Seal) -> None:
    """Raises Refused when the id is taken."""
    row = {name: getattr(key, name) for name in ("id", "purpose", "created_at", "signs_until", "valid_until")}
    connection.execute(insert(signing_keys), row | {"sealed": seal.close(key.id, SIGNING_PLACE, key.private)})


def revoke(connection: Connection, revocation: Revocation, seal: Seal, marks: Marks) -> int:
    """Returns its id. Two processes on PostgreSQL take turns until their commit: otherwise the greater id could be
    seen first, and who asks for what came after it would never hear of the other."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    client, user = revocation.client, revocation.citizen
    row: dict[str, Any] = {"client": client, "token_id": revocation.token_id, "mark": None, "sealed_user": None}
    row |= {"at": revocation.at, "until": revocation.until}
    if user is not None:
        mark = marks.citizen(client, user)
        row |= {"mark": mark, "sealed_user": seal.close(mark, REVOKED_PLACE, user.encode())}
    return int(connection.execute(_REVOKE, row).scalar_one())


def revoked(connection: Connection, after: int, at: datetime, seal: Seal) -> list[Revocation]:
    """Those with a greater id that still matter, in order."""
    return [_revocation(row, seal) for row in connection.execute(_REVOKED, {"after": after, "at": at})]


def revoked_of_citizen(connection: Connection, mark: str) -> list[dict[str, datetime]]:
    """When a citizen's tokens were revoked, and until when that is remembered."""
    return [dict(row._mapping) for row in connection.execute(_REVOKED_OF_CITIZEN, {"mark": mark})]


def remember(
    connection: Connection, pairs: Collection[tuple[str, str]], at: datetime, until: datetime
) -> frozenset[tuple[str, str]]:
    """See `Ledger.remember_nonces`. One statement decides: it takes what is new or over, and tells what it took."""
    given = Counter(pairs)
    if not given:
        return frozenset()
    values: dict[str, Any] = {"at": at, "until": until}
    # In one order, so that two processes never wait for each other in a ring.
    for place, (key_id, nonce) in enumerate(sorted(given)):
        values |= {f"key{place}": key_id, f"nonce{place}": nonce}
    taken = {(row.key_id, row.nonce) for row in connection.execute(_taking(len(given)), values)}
    return frozenset(pair for pair, times in given.items() if times > 1 or pair not in taken)


@lru_cache(maxsize=256)
def _taking(count: int) -> TextClause:
    """Both databases understand it. As text, since a statement with many rows is compiled anew each time, and that
    takes four times as long as all the rest."""
    rows = ", ".join(f"(:key{place}, :nonce{place}, :until)" for place in range(count))
    words = (
        f"INSERT INTO nonces (key_id, nonce, until) VALUES {rows} "  # noqa: S608  numbers only
        "ON CONFLICT (key_id, nonce) DO UPDATE SET until = excluded.until WHERE nonces.until <= :at "
        "RETURNING key_id, nonce"
    )
    kind = nonces.c.until.type
    return text(words).bindparams(bindparam("at", type_=kind), bindparam("until", type_=kind))


def forget(connection: Connection, at: datetime) -> int:
    """Delete what means nothing any more at that moment."""
    return sum(connection.execute(statement, {"at": at}).rowcount for statement in _PAST)


def _signing_key(row: Row[Any], seal: Seal) -> SigningKey:
    return SigningKey(
        id=row.id,
        purpose=row.purpose,
        private=seal.open(row.id, SIGNING_PLACE, row.sealed),
        created_at=row.created_at,
        signs_until=row.signs_until,
        valid_until=row.valid_until,
    )


def _revocation(row: Row[Any], seal: Seal) -> Revocation:
    user = row.sealed_user and seal.open(row.mark, REVOKED_PLACE, row.sealed_user).decode()
    return Revocation(row.client, row.at, row.until, row.token_id, user, row.id)
