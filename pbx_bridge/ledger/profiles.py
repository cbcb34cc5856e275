"""How citizens wish to be called: devices, zone, language, contacts, consents. Sealed like identity data."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Row, bindparam, delete, select

from . import tables
from .access import Profile
from .citizens import put
from .forms import read_profile, write_profile
from .marks import citizen_owner
from .seal import Seal

PROFILE_PLACE = "profiles.data"

_OF_CITIZEN = (tables.profiles.c.client == bindparam("client"), tables.profiles.c.user_id == bindparam("user"))
_PROFILE = select(tables.profiles).where(*_OF_CITIZEN)
_DROP = delete(tables.profiles).where(*_OF_CITIZEN)


def get(connection: Connection, client: str, user: str, seal: Seal) -> Profile | None:
    """One citizen's."""
    row = _row(connection, client, user)
    return Profile(client, user, **read_profile(_clear(row, seal)), updated_at=row.updated_at) if row else None


def keep(connection: Connection, profile: Profile, seal: Seal) -> None:
    """In place of the citizen's present one. ValueError without `updated_at`."""
    if profile.updated_at is None:
        raise ValueError("a profile is kept with the time it was changed; give it updated_at")
    sealed = seal.close(citizen_owner(profile.client, profile.user), PROFILE_PLACE, write_profile(profile))
    whose = {"client": profile.client, "user_id": profile.user}
    put(connection, tables.profiles, [whose | {"data": sealed, "updated_at": profile.updated_at}])


def told(connection: Connection, client: str, user: str, seal: Seal) -> dict[str, Any] | None:
    """For the export: all of it in clear, as JSON values."""
    row = _row(connection, client, user)
    return {**from_json(_clear(row, seal)), "updated_at": row.updated_at} if row else None


def drop(connection: Connection, client: str, user: str) -> int:
    """Forget it; how many that were."""
    return connection.execute(_DROP, {"client": client, "user": user}).rowcount


def _row(connection: Connection, client: str, user: str) -> Row[Any] | None:
    return connection.execute(_PROFILE, {"client": client, "user": user}).one_or_none()


def _clear(row: Row[Any], seal: Seal) -> bytes:
    return seal.open(citizen_owner(row.client, row.user_id), PROFILE_PLACE, row.data)
