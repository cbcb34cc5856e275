"""The one way a run fails, whoever failed first."""

from __future__ import annotations

from workshop.phone import PhoneError
from workshop.ports import NoPorts
from workshop.prefix import PrefixError
from workshop.server import ServerFailed
from workshop.service import ServiceFailed
from workshop.sms import GatewayError
from workshop.trunk import TrunkError


class RunFailed(Exception):
    """The run cannot start or cannot go on. The text says what is wrong and what to do."""


#: Errors whose text is made for people.
SPOKEN = (RunFailed, PhoneError, TrunkError, ServerFailed, ServiceFailed, PrefixError, NoPorts, GatewayError)


def sentence(error: BaseException) -> str:
    """What to tell the person; empty when the error is a fault of ours and its trace is wanted."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, SPOKEN) else ""
