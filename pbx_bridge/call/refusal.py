"""The one error of the machine."""

from __future__ import annotations

from .model import Call


class NotNow(Exception):
    """The fact is true, but the call's state has no move for it. Nothing is changed; the fact is kept in the audit."""

    def __init__(self, call: Call, why: str) -> None:
        super().__init__(f"{call.id} is {call.state}: {why}")
        self.call = call
        self.why = why
