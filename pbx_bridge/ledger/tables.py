"""The tables: what is remembered, in which words, and what the database itself refuses.

The constraints are the law for every process that writes here; no code checks first and writes later. Revisions
in migrations/ must arrive at exactly this; a test compares the two on both databases.
Clear columns hold what is searched or counted: ids, states, times. What a citizen told us is sealed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ..call.states import ACTIVE, Outcome, State

#: The revisions that this program knows, oldest first; the last one is what it needs.
REVISIONS = ("0001",)


class Utc(TypeDecorator[datetime]):
    """A moment, UTC. Refuses naive times, and gives back aware ones though SQLite drops the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored; give it one (UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is UTC:
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: JSON that is already text: the rooms' own codecs make and read it (see engines.py), the database can look inside.
Json = JSON().with_variant(JSONB(), "postgresql")
#: A number the database counts up.
Serial = BigInteger().with_variant(Integer(), "sqlite")


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


#: Spelled once: both databases use a partial index only for a query that repeats its condition.
IS_ACTIVE = f"state NOT IN ({_words(set(State) - ACTIVE)})"
IS_SCHEDULED = "state = 'scheduled'"
IS_LIVING = "state <> 'ended'"
IS_OPEN = "state IN ('claimed', 'waiting')"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("ticket", Text, nullable=False, comment="what citizen and agent say to each other"),
    Column("client", Text, nullable=False, comment="who asked: the portal's client id"),
    Column("user_id", Text, nullable=False, comment="the portal's own id of the citizen"),
    Column("service", Text, nullable=False),
    Column("state", Text, nullable=False, comment="written by the call machine only, never by hand"),
    Column("outcome", Text, comment="how it ended; present exactly when it has"),
    Column("cause_slug", Text, comment="copy of progress.cause.slug, for searching"),
    Column("revision", Integer, nullable=False, comment="sequence of its last event"),
    Column("attempt", Integer, nullable=False, comment="how many times a device was rung"),
    Column("accepted_at", Utc, nullable=False),
    Column("state_since", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("wake_at", Utc, comment="when silence itself becomes a fact; none only for ended calls"),
    Column("progress", Json, nullable=False, comment="the machine's other fields; nothing private"),
    Column("sealed_request", LargeBinary, nullable=False, comment="request and terms, never changed"),
    UniqueConstraint("ticket"),
    CheckConstraint(f"state IN ({_words(State)})", name="state"),
    CheckConstraint(f"outcome IN ({_words(Outcome)})", name="outcome"),
    CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name="ended_has_outcome"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_has_time"),
    CheckConstraint("(state = 'ended') = (wake_at IS NULL)", name="silence_ends"),
    CheckConstraint("revision > 0 AND attempt >= 0", name="counts"),
    _partial("calls_one_active", "client", "user_id", where=IS_ACTIVE, unique=True),
    _partial("calls_one_scheduled", "client", "user_id", "service", where=IS_SCHEDULED, unique=True),
    _partial("calls_wake", "wake_at", "id", where="wake_at IS NOT NULL"),
    Index("calls_history", "accepted_at", "id"),
    Index("calls_history_of_client", "client", "accepted_at", "id"),
    Index("calls_history_of_service", "service", "accepted_at", "id"),
    Index("calls_history_of_user", "user_id", "accepted_at", "id"),
    _partial("calls_living", "accepted_at", "id", where=IS_LIVING),
    comment="one row for each call, now",
)

events = Table(
    "events",
    metadata,
    Column("call_id", Text, ForeignKey("calls.id"), nullable=False),
    Column("sequence", Integer, nullable=False, comment="from 1, without gaps"),
    Column("id", Text, nullable=False, comment="sorts by time"),
    Column("client", Text, nullable=False, comment="copy of calls.client, for its stream"),
    Column("type", Text, nullable=False),
    Column("time", Utc, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="the published snapshot, sealed"),
    PrimaryKeyConstraint("call_id", "sequence"),
    UniqueConstraint("id"),
    CheckConstraint("sequence > 0", name="sequence"),
    comment="what was published: the history, the streams and the webhooks read these rows",
)

outbox = Table(
    "outbox",
    metadata,
    Column("call_id", Text, ForeignKey("calls.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="from 1; wishes of one call go in this order"),
    Column("kind", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("state", Text, nullable=False, comment="waiting, claimed: to do; done, dropped: over"),
    Column("claimed_by", Text, comment="who has it in hand or had it last"),
    Column("lease_until", Utc, comment="from then on others may take it"),
    Column("attempts", Integer, nullable=False, comment="how many times it was claimed"),
    Column("undone", Integer, nullable=False, comment="up to this attempt nothing was done for sure"),
    Column("not_before", Utc, nullable=False),
    Column("last_error", Text),
    Column("created_at", Utc, nullable=False),
    CheckConstraint("state IN ('waiting', 'claimed', 'done', 'dropped')", name="state"),
    CheckConstraint("state <> 'claimed' OR (claimed_by IS NOT NULL AND lease_until IS NOT NULL)", name="claim"),
    PrimaryKeyConstraint("call_id", "number"),
    CheckConstraint("number > 0 AND attempts >= undone AND undone >= 0", name="counts"),
    _partial("outbox_open", "call_id", "number", where=IS_OPEN),
    comment="wishes to the outside world, written together with the fact they follow from",
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, Identity(), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("call_id", Text, comment="no foreign key: the line outlives its call, and may be about none"),
    Column("verdict", Text, nullable=False, comment="taken or refused"),
    Column("detail", Json, nullable=False),
    CheckConstraint("verdict IN ('taken', 'refused')", name="verdict"),
    Index("audit_of_call", "call_id", "id"),
    sqlite_autoincrement=True,
    comment="who did what, also when it was refused; lines are added, never changed",
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("client", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="of the request body; another body is another request"),
    Column("call_id", Text, ForeignKey("calls.id"), nullable=False),
    Column("created_at", Utc, nullable=False),
    PrimaryKeyConstraint("client", "key"),
    comment="the answer to a repeated request is the first one's call",
)

clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_hash", Text, nullable=False, comment="of a generated secret; the secret is kept nowhere"),
    Column("scopes", Json, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("disabled_at", Utc),
    Column("token_lifetime_s", Integer, nullable=False),
    CheckConstraint("token_lifetime_s > 0", name="lifetime"),
    comment="the programs that may ask",
)
