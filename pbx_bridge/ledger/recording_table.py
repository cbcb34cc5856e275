"""The table of recordings: one row for each sealed file, and what is left of it when the file is gone.

The file's own key stands here, sealed. A row that has lost it has made its file unreadable, wherever copies of it lie.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text

from .columns import Utc
from .schema import metadata, partial

#: Spelled once: both databases use a partial index only for a query that repeats its condition.
IS_KEPT = "state = 'kept'"
IS_DOOMED = "state = 'doomed'"

recordings = Table(
    "recordings",
    metadata,
    Column("id", Text, primary_key=True, comment="made of its call and the moment it began; names the file"),
    Column("call_id", Text, ForeignKey("calls.id"), nullable=False),
    Column("service", Text, nullable=False),
    Column("state", Text, nullable=False, comment="kept; doomed: its file may still be there; gone"),
    Column("began_at", Utc, nullable=False),
    Column("length_ms", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False, comment="bytes, before it was sealed"),
    Column("sha256", Text, nullable=False, comment="of the sound, before it was sealed"),
    Column("sha256_sealed", Text, nullable=False, comment="of the file"),
    Column("sealed_key", LargeBinary, comment="the file's own key; none: nobody can hear it any more"),
    Column("consent_at", Utc, nullable=False, comment="when the citizen agreed"),
    Column("consent_how", Text, nullable=False, comment="request or profile"),
    Column("consent_text", Text, comment="the version of the text; none after erasure"),
    Column("kept_at", Utc, nullable=False),
    Column("keep_until", Utc, nullable=False),
    Column("doomed_at", Utc),
    Column("why", Text, comment="what ended it: retention, erasure, or who ordered it"),
    CheckConstraint("state IN ('doomed', 'gone', 'kept')", name="state"),
    CheckConstraint("(state = 'kept') = (sealed_key IS NOT NULL)", name="readable"),
    CheckConstraint("(state = 'kept') = (doomed_at IS NULL)", name="doomed"),
    CheckConstraint("length_ms >= 0 AND size >= 0", name="sizes"),
    Index("recordings_of_call", "call_id", "began_at"),
    partial("recordings_due", "keep_until", where=IS_KEPT),
    partial("recordings_doomed", "id", where=IS_DOOMED),
    comment="sound that is kept with the citizen's consent",
)
