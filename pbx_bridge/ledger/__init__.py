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
    StillActive,
    TicketTaken,
    Unreadable,
)
from .ledger import Ledger
from .migrating import migrate
from .reads import BadCursor
from .recordings import KeptRecording
from .seal import BadKey, new_key
from .transaction import Transaction
from .values import (
    Anchor,
    AuditFilter,
    AuditLine,
    CallFilter,
    Change,
    Erased,
    Idempotency,
    NewEvent,
    Page,
    StoredEvent,
    StoredLine,
    Verified,
    Wish,
    Written,
)

__all__ = [
    "AlreadyScheduled", "Anchor", "AuditFilter", "AuditLine", "BadCursor", "BadKey", "CallFilter", "Change",
    "CitizenBusy", "Client", "Conflict", "Erased", "Idempotency", "KeptRecording", "KeyUsed", "Ledger", "LedgerError",
    "LedgerUnavailable", "NewEvent", "Page", "Refused", "Stale", "StillActive", "StoredEvent", "StoredLine",
    "TicketTaken", "Transaction", "Unreadable", "Verified", "Wish", "Written", "migrate", "new_key",
]  # fmt: skip
