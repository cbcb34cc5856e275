"""What can go wrong with the memory, in words. Database drivers' own exceptions never leave this room."""

from __future__ import annotations


class LedgerError(Exception):
    """Anything the ledger has to say no to."""


class LedgerUnavailable(LedgerError):
    """The database cannot be used now. The message says what is wrong and what to do.

    `retryable` tells whether the same attempt may succeed by itself a moment later. When it broke during a
    commit, whether the transaction was kept is not known: look before writing again.
    """

    def __init__(self, sentence: str, *, retryable: bool = False) -> None:
        super().__init__(sentence)
        self.retryable = retryable


class NewerTables(LedgerUnavailable):
    """The tables belong to a newer release."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the tables are at revision {revision}, newer than this program; run the release they were made for"
        )


class Unreadable(LedgerError):
    """A sealed value cannot be opened: its key is not among the given ones, or the value was tampered with."""


class Conflict(LedgerError):
    """A constraint of the database refused a transaction; nothing of it was kept.

    `call_id` is the call that is there already, `refused` the call whose change was refused. When both were in
    the same `write`, neither is stored: write again without the refused one.
    """

    def __init__(self, refused: str, call_id: str, what: str) -> None:
        super().__init__(f"call {refused} was refused: {what}")
        self.refused = refused
        self.call_id = call_id


class KeyUsed(Conflict):
    """The client has used this idempotency key before; `call_id` is the call it made, `fingerprint` of its body."""

    def __init__(self, refused: str, call_id: str, fingerprint: str) -> None:
        super().__init__(refused, call_id, f"its idempotency key was used for call {call_id}")
        self.fingerprint = fingerprint


class CitizenBusy(Conflict):
    """The citizen has an active call already."""

    def __init__(self, refused: str, call_id: str) -> None:
        super().__init__(refused, call_id, f"the citizen has call {call_id} going on; end it first")


class AlreadyScheduled(Conflict):
    """The citizen has a scheduled call to this service already."""

    def __init__(self, refused: str, call_id: str) -> None:
        super().__init__(refused, call_id, f"call {call_id} to the same service is scheduled; cancel it first")


class TicketTaken(Conflict):
    """Another call has this ticket; draw another one."""

    def __init__(self, refused: str, call_id: str) -> None:
        super().__init__(refused, call_id, f"its ticket belongs to call {call_id}; draw another")


class Stale(Conflict):
    """The call has changed (or vanished) since it was loaded, or a new one is there already; load it again."""

    def __init__(self, refused: str) -> None:
        super().__init__(refused, refused, "it was changed by somebody else meanwhile; load it again")


class StillActive(LedgerError):
    """The citizen cannot be erased while a call of theirs has not ended; `call_id` is one such call."""

    def __init__(self, call_id: str) -> None:
        super().__init__(f"call {call_id} has not ended; end it first, then erase its citizen")
        self.call_id = call_id


class Refused(LedgerError):
    """A constraint said no. Outside this room it means a mistake of ours: no citizen can cause it."""

    def __init__(self, constraint: str) -> None:
        super().__init__(f"the database refused a row by its rule {constraint!r}")
        self.constraint = constraint
