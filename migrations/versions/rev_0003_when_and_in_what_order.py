"""When and in what order: the backlog by queue, what queues learn, how promises held, citizens' profiles.

Changes: calls get a direction, their queue and whether they are callbacks; alarms and the backlog get indexes of their
own; new tables for the rest. The queue of old rows is sealed: the program fills it in for those that are scheduled
(ledger/backlog.py). Words and types are spelled out here, not imported.
On the way down what queues learned, how promises held, and profiles are lost.
The previous release still runs on it: yes, new columns have defaults or may be empty; what it schedules gets its queue
when this release counts the backlog.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Utc = sa.DateTime(timezone=True)
SCHEDULED = "state = 'scheduled'"


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _calls()
    _learned()
    _held()
    _profiles()


def downgrade() -> None:
    for table in ("profiles", "held", "learned"):
        op.drop_table(table)
    for index in ("calls_backlog", "calls_scheduled_wake", "calls_scheduled", "calls_wake"):
        op.drop_index(index, "calls")
    op.create_index("calls_wake", "calls", ["wake_at", "id"], **_where("wake_at IS NOT NULL"))
    for column in ("callback", "queue", "direction"):
        op.drop_column("calls", column)


def _calls() -> None:
    direction = sa.Column(
        "direction", sa.Text(), server_default="outbound", nullable=False, comment="who dialled first"
    )
    op.add_column("calls", direction)
    comment = "it is meant for this one now; none: not written since there is this column"
    op.add_column("calls", sa.Column("queue", sa.Text(), nullable=True, comment=comment))
    comment = "copy of the machine's, for counting"
    op.add_column(
        "calls", sa.Column("callback", sa.Boolean(), server_default=sa.false(), nullable=False, comment=comment)
    )
    op.drop_index("calls_wake", "calls")
    op.create_index("calls_wake", "calls", ["wake_at", "id"], **_where("wake_at IS NOT NULL AND state <> 'scheduled'"))
    op.create_index("calls_scheduled", "calls", ["id"], **_where(SCHEDULED))
    op.create_index("calls_scheduled_wake", "calls", ["wake_at"], **_where(SCHEDULED))
    op.create_index("calls_backlog", "calls", ["queue", "accepted_at", "id", "wake_at"], **_where(SCHEDULED))


def _learned() -> None:
    op.create_table(
        "learned",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("handle_total", sa.Double(), nullable=False, comment="seconds"),
        sa.Column("handle_weight", sa.Double(), nullable=False, comment="calls"),
        sa.Column("abandon_total", sa.Double(), nullable=False, comment="people who gave up"),
        sa.Column("abandon_weight", sa.Double(), nullable=False, comment="seconds of waiting"),
        sa.Column("updated_at", Utc, nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_learned")),
        comment="what each queue's own calls have taught; older ones fade",
    )


def _held() -> None:
    hour = "the full hour in which the promises were made"
    late = "still waiting when the promised time was over"
    error = "by how much the likely wait was wrong, summed"
    bias = "by how much it was too short, summed"
    op.create_table(
        "held",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("hour", Utc, nullable=False, comment=hour),
        sa.Column("within", sa.BigInteger(), nullable=False, comment="answered in time"),
        sa.Column("late", sa.BigInteger(), nullable=False, comment=late),
        sa.Column("unproven", sa.BigInteger(), nullable=False, comment="gave up before"),
        sa.Column("answered", sa.BigInteger(), nullable=False),
        sa.Column("error_ms", sa.BigInteger(), nullable=False, comment=error),
        sa.Column("bias_ms", sa.BigInteger(), nullable=False, comment=bias),
        sa.PrimaryKeyConstraint("queue", "hour", name=op.f("pk_held")),
        comment="how promises of a wait held",
    )
    op.create_index("held_of_hour", "held", ["hour"])


def _profiles() -> None:
    data = "devices, zone, language, contacts, consents: sealed"
    op.create_table(
        "profiles",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment=data),
        sa.Column("updated_at", Utc, nullable=False),
        sa.PrimaryKeyConstraint("client", "user_id", name=op.f("pk_profiles")),
        comment="how citizens wish to be called",
    )
