"""What happened, told to others: webhooks and their outbox, and the history by every filter.

Changes: programs get hosts for calls' own addresses, a time at which their address was given up, and webhook secrets
as keys of a new kind; a new table for deliveries; a program's events are found by an index. Words and types are spelled
out here, not imported.
On the way down webhook secrets and deliveries are lost.
The previous release still runs on it: yes, as long as no program has a webhook secret, of which it knows nothing.
Events that it writes are told to nobody.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

Utc = sa.DateTime(timezone=True)
Json = sa.JSON().with_variant(JSONB(), "postgresql")
OWED = "state IN ('claimed', 'waiting')"


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _webhooks()
    _recordings()
    _history()
    _streams()


def downgrade() -> None:
    _no_streams()
    _no_history()
    op.drop_table("recordings")
    _no_webhooks()


def _webhooks() -> None:
    hosts = "hosts that a call's own address may have besides; none: none"
    op.add_column("clients", sa.Column("callback_hosts", Json, nullable=True, comment=hosts))
    gone = "when its address said that it is gone (410)"
    op.add_column("clients", sa.Column("callback_disabled_at", Utc, nullable=True, comment=gone))
    _client_keys("'hmac', 'public', 'secret', 'webhook'", "kind IN ('hmac', 'webhook')")
    _deliveries()


def _no_webhooks() -> None:
    op.drop_table("deliveries")
    op.execute("DELETE FROM client_keys WHERE kind = 'webhook'")
    _client_keys("'hmac', 'public', 'secret'", "kind = 'hmac'")
    op.drop_column("clients", "callback_disabled_at")
    op.drop_column("clients", "callback_hosts")


def _client_keys(kinds: str, shared: str) -> None:
    """Made anew: SQLite cannot change a constraint."""
    op.execute("CREATE TABLE client_keys_before AS SELECT * FROM client_keys")
    op.drop_table("client_keys")
    op.create_table(
        "client_keys",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=True, comment="the hash of a secret, or a public JWK"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="a shared key"),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("expires_at", Utc, nullable=True),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f("ck_client_keys_kind")),
        sa.CheckConstraint(f"(material IS NULL) = ({shared})", name=op.f("ck_client_keys_material")),
        sa.CheckConstraint(f"(sealed IS NOT NULL) = ({shared})", name=op.f("ck_client_keys_sealed")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_client_keys_client")),
        sa.PrimaryKeyConstraint("client", "id", name=op.f("pk_client_keys")),
        comment="what the programs prove themselves with",
    )
    columns = "client, id, kind, material, sealed, created_at, expires_at"
    op.execute(f"INSERT INTO client_keys ({columns}) SELECT {columns} FROM client_keys_before")  # noqa: S608
    op.drop_table("client_keys_before")


def _deliveries() -> None:
    target = "host of the call's own address; empty: the program's address"
    begun = "when the schedule began: at first, or with the last replay"
    not_before = "of the next try; while it is claimed, when others may take it"
    op.create_table(
        "deliveries",
        sa.Column("event_id", sa.Text(), nullable=False, comment="of the event; also its webhook-id"),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="those of one call go in this order"),
        sa.Column("client", sa.Text(), nullable=False, comment="the program that shall get it"),
        sa.Column("target", sa.Text(), nullable=False, comment=target),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="waiting, claimed: to do; delivered, dead, dropped: over"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how many times it was claimed"),
        sa.Column("spent", sa.Integer(), nullable=False, comment="attempts that the schedule does not count"),
        sa.Column("begun_at", Utc, nullable=False, comment=begun),
        sa.Column("not_before", Utc, nullable=False, comment=not_before),
        sa.Column("claimed_by", sa.Text(), nullable=True, comment="who has it in hand or had it last"),
        sa.Column("last_status", sa.Integer(), nullable=True, comment="of the last answer; none: there was no answer"),
        sa.Column("last_error", sa.Text(), nullable=True, comment="why the last try failed, in words of ours"),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("settled_at", Utc, nullable=True, comment="when it was over"),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'delivered', 'dead', 'dropped')", name=op.f("ck_deliveries_state")
        ),
        sa.CheckConstraint("state <> 'claimed' OR claimed_by IS NOT NULL", name=op.f("ck_deliveries_claim")),
        sa.CheckConstraint(f"({OWED}) = (settled_at IS NULL)", name=op.f("ck_deliveries_settled")),
        sa.CheckConstraint("sequence > 0 AND attempts >= spent AND spent >= 0", name=op.f("ck_deliveries_counts")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_deliveries_call_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("call_id", "sequence", name=op.f("uq_deliveries_call_id")),
        comment="events that programs are told by webhook, written together with the event",
    )
    op.create_index("deliveries_of_client", "deliveries", ["client", "event_id"])
    owed = ["client", "target", "not_before", "event_id"]
    op.create_index("deliveries_owed", "deliveries", owed, **_where(OWED))
    op.create_index("deliveries_dead", "deliveries", ["client", "event_id"], **_where("state = 'dead'"))


def _recordings() -> None:
    named = "made of its call and the moment it began; names the file"
    key = "the file's own key; none: nobody can hear it any more"
    text = "the version of the text; none after erasure"
    op.create_table(
        "recordings",
        sa.Column("id", sa.Text(), nullable=False, comment=named),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="kept; doomed: its file may still be there; gone"),
        sa.Column("began_at", Utc, nullable=False),
        sa.Column("length_ms", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes, before it was sealed"),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the sound, before it was sealed"),
        sa.Column("sha256_sealed", sa.Text(), nullable=False, comment="of the file"),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True, comment=key),
        sa.Column("consent_at", Utc, nullable=False, comment="when the citizen agreed"),
        sa.Column("consent_how", sa.Text(), nullable=False, comment="request or profile"),
        sa.Column("consent_text", sa.Text(), nullable=True, comment=text),
        sa.Column("kept_at", Utc, nullable=False),
        sa.Column("keep_until", Utc, nullable=False),
        sa.Column("doomed_at", Utc, nullable=True),
        sa.Column("why", sa.Text(), nullable=True, comment="what ended it: retention, erasure, or who ordered it"),
        sa.CheckConstraint("state IN ('doomed', 'gone', 'kept')", name=op.f("ck_recordings_state")),
        sa.CheckConstraint("(state = 'kept') = (sealed_key IS NOT NULL)", name=op.f("ck_recordings_readable")),
        sa.CheckConstraint("(state = 'kept') = (doomed_at IS NULL)", name=op.f("ck_recordings_doomed")),
        sa.CheckConstraint("length_ms >= 0 AND size >= 0", name=op.f("ck_recordings_sizes")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_recordings_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
        comment="sound that is kept with the citizen's consent",
    )
    op.create_index("recordings_of_call", "recordings", ["call_id", "began_at"])
    op.create_index("recordings_due", "recordings", ["keep_until"], **_where("state = 'kept'"))
    op.create_index("recordings_doomed", "recordings", ["id"], **_where("state = 'doomed'"))


#: Name, columns, condition: what finds calls by each filter, newest first; and what is too old to tell who it was.
HISTORY = (
    ("calls_history_of_queue", ("queue",), None),
    ("calls_history_of_number", ("number_mark",), "number_mark IS NOT NULL"),
    ("calls_history_of_outcome", ("outcome",), "outcome IS NOT NULL"),
    ("calls_history_of_cause", ("cause_slug",), "cause_slug IS NOT NULL"),
    ("calls_history_of_client_by_outcome", ("client", "outcome"), "outcome IS NOT NULL"),
    ("calls_history_of_client_by_cause", ("client", "cause_slug"), "cause_slug IS NOT NULL"),
    ("calls_history_inbound", (), "direction = 'inbound'"),
    ("calls_telling", (), "state = 'ended' AND nameless = false"),
)


def _history() -> None:
    comment = "who it was is taken out for good"
    op.add_column(
        "calls", sa.Column("nameless", sa.Boolean(), server_default=sa.false(), nullable=False, comment=comment)
    )
    op.execute("UPDATE calls SET nameless = true WHERE user_id LIKE 'erased:%'")
    op.drop_index("calls_of_number", "calls")
    for name, columns, condition in HISTORY:
        op.create_index(name, "calls", [*columns, "accepted_at", "id"], **(_where(condition) if condition else {}))


def _no_history() -> None:
    for name, _, _ in HISTORY:
        op.drop_index(name, "calls")
    op.create_index("calls_of_number", "calls", ["number_mark", "id"], **_where("number_mark IS NOT NULL"))
    op.drop_column("calls", "nameless")


def _streams() -> None:
    op.create_index("events_of_client", "events", ["client", "id"])


def _no_streams() -> None:
    op.drop_index("events_of_client", "events")
