"""How an authenticator app's code is judged: the app's own, or a recovery code where the phone is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..codes.authenticator import DIGITS, check, recovery_hash, without
from ..ledger.access import Authenticator


class AppFactor:
    """`pepper` keys the hashes of recovery codes."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def __call__(self, known: Authenticator, typed: str, at: datetime) -> Authenticator | None:
        """The authenticator after the code was used up; None for a wrong one."""
        if len(typed) == DIGITS and typed.isascii() and typed.isdigit():
            step = check(known.secret, typed, at, known.last_step)
            return None if step is None else replace(known, last_step=step)
        left = without(known.recovery, recovery_hash(self._pepper, known.client, known.user, typed))
        return None if left is None else replace(known, recovery=left)
