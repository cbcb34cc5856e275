"""Authenticator apps of citizens: what enrolling one and confirming it does to what is kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime

from aiohttp import web

from ..codes.authenticator import check, new_recovery_codes, new_secret, recovery_hash
from ..ledger.access import Authenticator
from .citizens import Whose

#: Wrong codes after which an enrolment is over.
TRIES = 5
#: Enrolments whose wrong codes are remembered; the oldest is forgotten, and a service that begins anew knows none.
#: That is no door: who confirms was shown the secret a moment ago and has nothing to guess.
_REMEMBERED = 10_000


class Enrolments:
    """How many wrong codes each enrolment that is not confirmed has seen."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[Whose, int] = OrderedDict()

    def begin(self, citizen: Whose) -> None:
        """Count anew."""
        self._wrong.pop(citizen, None)

    def missed(self, citizen: Whose) -> int:
        """One more wrong code; how many tries are left."""
        wrong = self._wrong.pop(citizen, 0) + 1
        self._wrong[citizen] = wrong
        if len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)
        return max(0, TRIES - wrong)


ENROLMENTS: web.AppKey[Enrolments] = web.AppKey("enrolments", Enrolments)


def enrolled(citizen: Whose, at: datetime) -> Authenticator:
    """A fresh one. Its codes count once it is confirmed."""
    return Authenticator(*citizen, secret=new_secret(), created_at=at)


def confirmed(
    known: Authenticator, code: str, at: datetime, pepper: bytes
) -> tuple[Authenticator, tuple[str, ...]] | None:
    """The authenticator once its app has shown a right code, and the recovery codes in clear; None for a wrong one.

    That code is used up then: it does not confirm a call as well.
    """
    step = check(known.secret, code, at, known.last_step)
    if step is None:
        return None
    codes = new_recovery_codes()
    hashes = tuple(recovery_hash(pepper, known.client, known.user, each) for each in codes)
    return replace(known, confirmed_at=at, last_step=step, recovery=hashes), codes
