"""The tables: what is remembered, in which words, and what the database itself refuses.

The constraints are the law for every process that writes here; no code checks first and writes later. Revisions
in migrations/ must arrive at exactly this; a test compares the two on both databases.
Clear columns hold what is searched or counted: ids, states, times. What a citizen told us is sealed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from ..call.states import ACTIVE, Outcome, State
from .access import KeyKind, Role, SecondStep, TryKind
from .columns import Json, MaybeJson, Serial, Utc
from .delivery_table import deliveries as deliveries
from .recording_table import recordings as recordings
from .schema import metadata as metadata
from .schema import partial, words

#: The revisions that this program knows, oldest first; the last one is what it needs.
REVISIONS = ("0001", "0002", "0003", "0004")


#: Spelled once: both databases use a partial index only for a query that repeats its condition.
IS_ACTIVE = f"state NOT IN ({words(set(State) - ACTIVE)})"
IS_SCHEDULED = "state = 'scheduled'"
IS_LIVING = "state <> 'ended'"
IS_AWAITED = "wake_at IS NOT NULL AND state <> 'scheduled'"
IS_OPEN = "state IN ('claimed', 'waiting')"
HAS_OUTCOME = "outcome IS NOT NULL"
HAS_CAUSE = "cause_slug IS NOT NULL"
HAS_NUMBER = "number_mark IS NOT NULL"
IS_INBOUND = "direction = 'inbound'"
#: Ended, and it still tells who the citizen was: what retention looks for.
IS_TELLING = "state = 'ended' AND nameless = false"

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
    Column("sealed_request", LargeBinary, nullable=False, comment="request and terms; only erasure changes them"),
    Column("number_mark", Text, comment="blind mark of the citizen's number; none after erasure, or without a number"),
    Column("direction", Text, nullable=False, server_default="outbound", comment="who dialled first"),
    Column("queue", Text, comment="it is meant for this one now; none: not written since there is this column"),
    Column("callback", Boolean, nullable=False, server_default=false(), comment="copy of the machine's, for counting"),
    Column("nameless", Boolean, nullable=False, server_default=false(), comment="who it was is taken out for good"),
    UniqueConstraint("ticket"),
    CheckConstraint(f"state IN ({words(State)})", name="state"),
    CheckConstraint(f"outcome IN ({words(Outcome)})", name="outcome"),
    CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name="ended_has_outcome"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_has_time"),
    CheckConstraint("(state = 'ended') = (wake_at IS NULL)", name="silence_ends"),
    CheckConstraint("revision > 0 AND attempt >= 0", name="counts"),
    partial("calls_one_active", "client", "user_id", where=IS_ACTIVE, unique=True),
    partial("calls_one_scheduled", "client", "user_id", "service", where=IS_SCHEDULED, unique=True),
    partial("calls_wake", "wake_at", "id", where=IS_AWAITED),
    partial("calls_scheduled", "id", where=IS_SCHEDULED),
    partial("calls_scheduled_wake", "wake_at", where=IS_SCHEDULED),
    partial("calls_backlog", "queue", "accepted_at", "id", "wake_at", where=IS_SCHEDULED),
    Index("calls_history", "accepted_at", "id"),
    Index("calls_history_of_client", "client", "accepted_at", "id"),
    Index("calls_history_of_service", "service", "accepted_at", "id"),
    Index("calls_history_of_user", "user_id", "accepted_at", "id"),
    Index("calls_history_of_queue", "queue", "accepted_at", "id"),
    partial("calls_history_of_number", "number_mark", "accepted_at", "id", where=HAS_NUMBER),
    partial("calls_history_of_outcome", "outcome", "accepted_at", "id", where=HAS_OUTCOME),
    partial("calls_history_of_cause", "cause_slug", "accepted_at", "id", where=HAS_CAUSE),
    partial("calls_history_of_client_by_outcome", "client", "outcome", "accepted_at", "id", where=HAS_OUTCOME),
    partial("calls_history_of_client_by_cause", "client", "cause_slug", "accepted_at", "id", where=HAS_CAUSE),
    partial("calls_history_inbound", "accepted_at", "id", where=IS_INBOUND),
    partial("calls_telling", "accepted_at", "id", where=IS_TELLING),
    partial("calls_living", "accepted_at", "id", where=IS_LIVING),
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
    Index("events_of_client", "client", "id"),
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
    partial("outbox_open", "call_id", "number", where=IS_OPEN),
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
    Column("mark", Text, comment="blind mark of the citizen whose data it is about"),
    Column("chain", Text, comment="binds the line to all before it; none: written before there was a chain"),
    CheckConstraint("verdict IN ('taken', 'refused')", name="verdict"),
    Index("audit_of_call", "call_id", "id"),
    partial("audit_of_mark", "mark", "id", where="mark IS NOT NULL"),
    Index("audit_of_actor", "actor", "id"),
    Index("audit_of_time", "at", "id"),
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
    Index("idempotency_of_call", "call_id"),
    comment="the answer to a repeated request is the first one's call",
)

clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("disabled_at", Utc),
    Column("token_lifetime_s", Integer, nullable=False),
    Column("callback_url", Text),
    Column("callback_hosts", MaybeJson, comment="hosts that a call's own address may have besides; none: none"),
    Column("callback_disabled_at", Utc, comment="when its address said that it is gone (410)"),
    Column("services", MaybeJson, comment="it may call these only; none: all"),
    Column("prefixes", MaybeJson, comment="only numbers that begin so may be rung; none: all the operator allows"),
    Column("requests_per_minute", Integer, comment="none: as the operator's settings say"),
    Column("calls_per_hour", Integer, comment="none: as the operator's settings say"),
    Column("second_step", Text, nullable=False, comment="what must follow a request before anything rings"),
    Column("vouching", MaybeJson, comment="when a citizen's own token spares the code; none: never"),
    Column("issuers", Json, nullable=False, comment="whose citizens it may speak for"),
    Column("require_signature", Boolean, nullable=False),
    CheckConstraint("token_lifetime_s > 0", name="lifetime"),
    CheckConstraint(f"role IN ({words(set(Role) - {Role.CITIZEN})})", name="role"),
    CheckConstraint(f"second_step IN ({words(SecondStep)})", name="second_step"),
    CheckConstraint("requests_per_minute > 0 AND calls_per_hour > 0", name="limits"),
    comment="the programs that may ask",
)

client_keys = Table(
    "client_keys",
    metadata,
    Column("client", Text, ForeignKey("clients.id"), nullable=False),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("material", Text, comment="the hash of a secret, or a public JWK"),
    Column("sealed", LargeBinary, comment="a shared key"),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),
    PrimaryKeyConstraint("client", "id"),
    CheckConstraint(f"kind IN ({words(KeyKind)})", name="kind"),
    CheckConstraint("(material IS NULL) = (kind IN ('hmac', 'webhook'))", name="material"),
    CheckConstraint("(sealed IS NOT NULL) = (kind IN ('hmac', 'webhook'))", name="sealed"),
    comment="what the programs prove themselves with",
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="the private key"),
    Column("created_at", Utc, nullable=False),
    Column("signs_until", Utc, nullable=False),
    Column("valid_until", Utc, nullable=False),
    CheckConstraint("purpose IN ('response', 'token')", name="purpose"),
    CheckConstraint("signs_until <= valid_until", name="times"),
    comment="the service's own keys, of all its processes",
)

revocations = Table(
    "revocations",
    metadata,
    Column("id", Serial, Identity(), primary_key=True, comment="never used twice; they appear in its order"),
    Column("client", Text, nullable=False),
    Column("token_id", Text, comment="this token only"),
    Column("mark", Text, comment="blind mark of the citizen whose tokens these are"),
    Column("sealed_user", LargeBinary, comment="the same citizen, for those who hold the key"),
    Column("at", Utc, nullable=False),
    Column("until", Utc, nullable=False, comment="no such token can be alive then"),
    CheckConstraint("(mark IS NULL) = (sealed_user IS NULL)", name="citizen"),
    partial("revocations_of_mark", "mark", where="mark IS NOT NULL"),
    sqlite_autoincrement=True,
    comment="tokens that are dead before their time",
)

nonces = Table(
    "nonces",
    metadata,
    Column("key_id", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("until", Utc, nullable=False, comment="an older signature is refused for its age"),
    PrimaryKeyConstraint("key_id", "nonce"),
    Index("nonces_past", "until"),
    comment="of signatures that were taken: none counts twice",
)

citizens = Table(
    "citizens",
    metadata,
    Column("client", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="what the portal supplied, sealed"),
    Column("updated_at", Utc, nullable=False),
    PrimaryKeyConstraint("client", "user_id"),
    comment="identity data of a portal's citizens",
)

citizen_marks = Table(
    "citizen_marks",
    metadata,
    Column("client", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("mark", Text, nullable=False, comment="blind mark of client and value: no portal finds another's citizens"),
    PrimaryKeyConstraint("client", "user_id", "kind"),
    ForeignKeyConstraint(["client", "user_id"], ["citizens.client", "citizens.user_id"]),
    Index("citizen_marks_found", "mark"),
    comment="what a citizen can be found by",
)

profiles = Table(
    "profiles",
    metadata,
    Column("client", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="devices, zone, language, contacts, consents: sealed"),
    Column("updated_at", Utc, nullable=False),
    PrimaryKeyConstraint("client", "user_id"),
    comment="how citizens wish to be called",
)

authenticators = Table(
    "authenticators",
    metadata,
    Column("client", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False, comment="sealed"),
    Column("recovery", Json, nullable=False, comment="hashes of recovery codes that are still unused"),
    Column("created_at", Utc, nullable=False),
    Column("confirmed_at", Utc),
    Column("last_step", BigInteger, nullable=False, comment="the last time step whose code was used"),
    PrimaryKeyConstraint("client", "user_id"),
    CheckConstraint("last_step >= 0", name="last_step"),
    comment="citizens' authenticator apps",
)

tries = Table(
    "tries",
    metadata,
    Column("id", Serial, Identity(), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("kind", Text, nullable=False),
    Column("citizen", Text, nullable=False, comment="blind mark of client and user"),
    Column("number", Text, comment="blind mark of the number"),
    CheckConstraint(f"kind IN ({words(TryKind)})", name="kind"),
    Index("tries_of_citizen", "citizen", "at"),
    partial("tries_of_number", "number", "at", where="number IS NOT NULL"),
    Index("tries_past", "at"),
    sqlite_autoincrement=True,
    comment="what limits count, for a day",
)

learned = Table(
    "learned",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("handle_total", Double, nullable=False, comment="seconds"),
    Column("handle_weight", Double, nullable=False, comment="calls"),
    Column("abandon_total", Double, nullable=False, comment="people who gave up"),
    Column("abandon_weight", Double, nullable=False, comment="seconds of waiting"),
    Column("updated_at", Utc, nullable=False),
    comment="what each queue's own calls have taught; older ones fade",
)

held = Table(
    "held",
    metadata,
    Column("queue", Text, nullable=False),
    Column("hour", Utc, nullable=False, comment="the full hour in which the promises were made"),
    Column("within", BigInteger, nullable=False, comment="answered in time"),
    Column("late", BigInteger, nullable=False, comment="still waiting when the promised time was over"),
    Column("unproven", BigInteger, nullable=False, comment="gave up before"),
    Column("answered", BigInteger, nullable=False),
    Column("error_ms", BigInteger, nullable=False, comment="by how much the likely wait was wrong, summed"),
    Column("bias_ms", BigInteger, nullable=False, comment="by how much it was too short, summed"),
    PrimaryKeyConstraint("queue", "hour"),
    Index("held_of_hour", "hour"),
    comment="how promises of a wait held",
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False, comment="there is one row"),
    Column("id", BigInteger, nullable=False, comment="of the last line"),
    Column("chain", Text, nullable=False, comment="of the last line; empty before the first that has one"),
    Column("proof", Text, comment="that we wrote this row; none before the first line that has a chain"),
    CheckConstraint("one = 1", name="one"),
    comment="the end of the audit chain; writers of lines wait for each other here",
)
