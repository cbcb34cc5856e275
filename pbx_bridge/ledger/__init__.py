"""The memory: calls, their history, the wishes that follow, the audit, and the programs that may ask.

One transaction keeps a call's new state, its events, its wishes and its audit together. This room knows the pure
rooms and a database, and never decides what happens to a call.
"""

from .access import Client
from .errors import (
    AlreadyScheduled,
    CitizenBusy,
    Conflict,
    KeyUsed,
    LedgerError,
    LedgerUnavailable,
    Refused,
    Stale,
    TicketTaken,
    Unreadable,
)
from .ledger import Ledger
from .migrating import migrate
from .reads import BadCursor
from .seal import BadKey, new_key
from .transaction import Transaction
from .values import (
    AuditLine,
    CallFilter,
    Change,
    Idempotency,
    NewEvent,
    Page,
    StoredEvent,
    StoredLine,
    Wish,
    Written,
)

__all__ = [
    "AlreadyScheduled", "AuditLine", "BadCursor", "BadKey", "CallFilter", "Change", "CitizenBusy", "Client",
    "Conflict", "Idempotency", "KeyUsed", "Ledger", "LedgerError", "LedgerUnavailable", "NewEvent", "Page",
    "Refused", "Stale", "StoredEvent", "StoredLine", "TicketTaken", "Transaction", "Unreadable", "Wish",
    "Written", "migrate", "new_key",
]  # fmt: skip
