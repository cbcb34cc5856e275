"""The table of deliveries: one row for each event that a program is to be told by webhook.

It holds nothing private: no address, no word of the event. Both are read when they are sent.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from .columns import Utc
from .schema import metadata, partial

#: Spelled once: both databases use a partial index only for a query that repeats its condition.
IS_OWED = "state IN ('claimed', 'waiting')"
IS_DEAD = "state = 'dead'"

deliveries = Table(
    "deliveries",
    metadata,
    Column("event_id", Text, primary_key=True, comment="of the event; also its webhook-id"),
    Column("call_id", Text, ForeignKey("calls.id"), nullable=False),
    Column("sequence", Integer, nullable=False, comment="those of one call go in this order"),
    Column("client", Text, nullable=False, comment="the program that shall get it"),
    Column("target", Text, nullable=False, comment="host of the call's own address; empty: the program's address"),
    Column("state", Text, nullable=False, comment="waiting, claimed: to do; delivered, dead, dropped: over"),
    Column("attempts", Integer, nullable=False, comment="how many times it was claimed"),
    Column("spent", Integer, nullable=False, comment="attempts that the schedule does not count"),
    Column("begun_at", Utc, nullable=False, comment="when the schedule began: at first, or with the last replay"),
    Column("not_before", Utc, nullable=False, comment="of the next try; while it is claimed, when others may take it"),
    Column("claimed_by", Text, comment="who has it in hand or had it last"),
    Column("last_status", Integer, comment="of the last answer; none: there was no answer"),
    Column("last_error", Text, comment="why the last try failed, in words of ours"),
    Column("created_at", Utc, nullable=False),
    Column("settled_at", Utc, comment="when it was over"),
    UniqueConstraint("call_id", "sequence"),
    CheckConstraint("state IN ('waiting', 'claimed', 'delivered', 'dead', 'dropped')", name="state"),
    CheckConstraint("state <> 'claimed' OR claimed_by IS NOT NULL", name="claim"),
    CheckConstraint("(state IN ('claimed', 'waiting')) = (settled_at IS NULL)", name="settled"),
    CheckConstraint("sequence > 0 AND attempts >= spent AND spent >= 0", name="counts"),
    Index("deliveries_of_client", "client", "event_id"),
    partial("deliveries_owed", "client", "target", "not_before", "event_id", where=IS_OWED),
    partial("deliveries_dead", "client", "event_id", where=IS_DEAD),
    comment="events that programs are told by webhook, written together with the event",
)
