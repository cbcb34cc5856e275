"""The ledger's first tables: calls, events, outbox, audit, idempotency, clients.

Changes: everything is new. Words and types are spelled out here, not imported: this revision must make the same
tables for ever, whatever the program says by then.
The previous release still runs on it: there is none.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

Utc = sa.DateTime(timezone=True)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

STATES = (
    "'answered', 'awaiting_code', 'dialing', 'ended', 'offered', 'on_hold', 'queued', 'requested', 'ringing', "
    "'scheduled', 'talking', 'transferring'"
)
OUTCOMES = (
    "'abandoned', 'busy', 'cancelled', 'completed', 'congestion', 'denied', 'expired', 'failed', 'invalid_number', "
    "'lost', 'machine', 'no_answer', 'queue_timeout', 'rejected', 'time_limit', 'unreachable'"
)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _calls()
    _events()
    _outbox()
    _audit()
    _idempotency()
    _clients()


def downgrade() -> None:
    for table in ("clients", "idempotency", "audit", "outbox", "events", "calls"):
        op.drop_table(table)


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", Serial, sa.Identity(), nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column(
            "call_id",
            sa.Text(),
            nullable=True,
            comment="no foreign key: the line outlives its call, and may be about none",
        ),
        sa.Column("verdict", sa.Text(), nullable=False, comment="taken or refused"),
        sa.Column("detail", Json, nullable=False),
        sa.CheckConstraint("verdict IN ('taken', 'refused')", name=op.f("ck_audit_verdict")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        comment="who did what, also when it was refused; lines are added, never changed",
        sqlite_autoincrement=True,
    )
    op.create_index("audit_of_call", "audit", ["call_id", "id"], unique=False)


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False, comment="what citizen and agent say to each other"),
        sa.Column("client", sa.Text(), nullable=False, comment="who asked: the portal's client id"),
        sa.Column("user_id", sa.Text(), nullable=False, comment="the portal's own id of the citizen"),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="written by the call machine only, never by hand"),
        sa.Column("outcome", sa.Text(), nullable=True, comment="how it ended; present exactly when it has"),
        sa.Column("cause_slug", sa.Text(), nullable=True, comment="copy of progress.cause.slug, for searching"),
        sa.Column("revision", sa.Integer(), nullable=False, comment="sequence of its last event"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="how many times a device was rung"),
        sa.Column("accepted_at", Utc, nullable=False),
        sa.Column("state_since", Utc, nullable=False),
        sa.Column("ended_at", Utc, nullable=True),
        sa.Column(
            "wake_at", Utc, nullable=True, comment="when silence itself becomes a fact; none only for ended calls"
        ),
        sa.Column("progress", Json, nullable=False, comment="the machine's other fields; nothing private"),
        sa.Column("sealed_request", sa.LargeBinary(), nullable=False, comment="request and terms, never changed"),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_calls_ended_has_time")),
        sa.CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name=op.f("ck_calls_ended_has_outcome")),
        sa.CheckConstraint("(state = 'ended') = (wake_at IS NULL)", name=op.f("ck_calls_silence_ends")),
        sa.CheckConstraint(f"outcome IN ({OUTCOMES})", name=op.f("ck_calls_outcome")),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_calls_state")),
        sa.CheckConstraint("revision > 0 AND attempt >= 0", name=op.f("ck_calls_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
        sa.UniqueConstraint("ticket", name=op.f("uq_calls_ticket")),
        comment="one row for each call, now",
    )
    op.create_index("calls_history", "calls", ["accepted_at", "id"], unique=False)
    op.create_index("calls_history_of_client", "calls", ["client", "accepted_at", "id"], unique=False)
    op.create_index("calls_history_of_service", "calls", ["service", "accepted_at", "id"], unique=False)
    op.create_index("calls_history_of_user", "calls", ["user_id", "accepted_at", "id"], unique=False)
    op.create_index("calls_living", "calls", ["accepted_at", "id"], unique=False, **_where("state <> 'ended'"))
    op.create_index(
        "calls_one_active", "calls", ["client", "user_id"], unique=True, **_where("state NOT IN ('ended', 'scheduled')")
    )
    op.create_index(
        "calls_one_scheduled", "calls", ["client", "user_id", "service"], unique=True, **_where("state = 'scheduled'")
    )
    op.create_index("calls_wake", "calls", ["wake_at", "id"], unique=False, **_where("wake_at IS NOT NULL"))


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "secret_hash", sa.Text(), nullable=False, comment="of a generated secret; the secret is kept nowhere"
        ),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("disabled_at", Utc, nullable=True),
        sa.Column("token_lifetime_s", sa.Integer(), nullable=False),
        sa.CheckConstraint("token_lifetime_s > 0", name=op.f("ck_clients_lifetime")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        comment="the programs that may ask",
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="from 1, without gaps"),
        sa.Column("id", sa.Text(), nullable=False, comment="sorts by time"),
        sa.Column("client", sa.Text(), nullable=False, comment="copy of calls.client, for its stream"),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("time", Utc, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="the published snapshot, sealed"),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_events_sequence")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_events_call_id")),
        sa.PrimaryKeyConstraint("call_id", "sequence", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
        comment="what was published: the history, the streams and the webhooks read these rows",
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="of the request body; another body is another request"
        ),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("created_at", Utc, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_idempotency_call_id")),
        sa.PrimaryKeyConstraint("client", "key", name=op.f("pk_idempotency")),
        comment="the answer to a repeated request is the first one's call",
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="from 1; wishes of one call go in this order"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, claimed: to do; done, dropped: over"),
        sa.Column("claimed_by", sa.Text(), nullable=True, comment="who has it in hand or had it last"),
        sa.Column("lease_until", Utc, nullable=True, comment="from then on others may take it"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how many times it was claimed"),
        sa.Column("undone", sa.Integer(), nullable=False, comment="up to this attempt nothing was done for sure"),
        sa.Column("not_before", Utc, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", Utc, nullable=False),
        sa.CheckConstraint(
            "state <> 'claimed' OR (claimed_by IS NOT NULL AND lease_until IS NOT NULL)", name=op.f("ck_outbox_claim")
        ),
        sa.CheckConstraint("state IN ('waiting', 'claimed', 'done', 'dropped')", name=op.f("ck_outbox_state")),
        sa.CheckConstraint("number > 0 AND attempts >= undone AND undone >= 0", name=op.f("ck_outbox_counts")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_outbox_call_id")),
        sa.PrimaryKeyConstraint("call_id", "number", name=op.f("pk_outbox")),
        comment="wishes to the outside world, written together with the fact they follow from",
    )
    op.create_index(
        "outbox_open", "outbox", ["call_id", "number"], unique=False, **_where("state IN ('claimed', 'waiting')")
    )
