"""Brings one-time codes to citizens: as a text message, or read aloud over the telephone.

A code is computed when it is sent, so a message that is repeated after a crash says the same; and a telephone that
may have rung already is not rung a second time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from ..call import events as e
from ..call.model import By, Call, Channel, code_leg_id
from ..call.recovery import Picture, may_dial
from ..call.states import State
from ..codes.code import Bond, Codes
from ..ledger import Ledger
from .ports import (
    AlreadyDialled,
    CodeMessage,
    CodeOrder,
    DialRefused,
    Messenger,
    NotDelivered,
    OutOfReach,
    Telephony,
    Unanswered,
)

log = structlog.get_logger(__name__)

Look = Callable[[datetime], Awaitable[Picture]]


class Speechless:
    """An installation that sends no text messages."""

    async def send_code(self, message: CodeMessage) -> None:
        """Always NotDelivered."""
        raise NotDelivered("no gateway for text messages is configured: set [sms] url")


class Herald:
    """Sends codes. `ring_s` is how long a telephone rings that shall hear one."""

    def __init__(
        self, ledger: Ledger, telephony: Telephony, messenger: Messenger, codes: Codes, ring_s: int = 30
    ) -> None:
        self._ledger = ledger
        self._telephony = telephony
        self._messenger = messenger
        self._codes = codes
        self._ring_s = ring_s

    async def send(self, call_id: str, number: int, *, repeated: bool, look: Look | None) -> e.Event | None:
        """Send code `number` of the call; gives what came of it, None when nobody wants that code any more. Raises
        OutOfReach when it must be tried again; `repeated`: an earlier try may have got through."""
        call = await self._ledger.call(call_id)
        step = call and call.confirmation
        if not call or not step or step.by is not By.CODE or step.number != number or step.sent_at:
            return None
        if call.state not in (State.REQUESTED, State.AWAITING_CODE):
            return None
        if call.request.phone is None:
            return e.CodeNotSent(number, "no verified phone is known")
        try:
            if step.channel is Channel.VOICE:
                await self._say(call, number, repeated=repeated, look=look)
            elif step.channel is Channel.SMS:
                await self._write(call, number)
            else:
                return None  # meanwhile the app was chosen
        except NotDelivered as error:
            log.warning("a code was not delivered", call=call_id, why=str(error))
            return e.CodeNotSent(number, str(error))
        except DialRefused as refusal:
            log.warning("a code was not delivered", call=call_id, why=refusal.cause.slug)
            return e.CodeNotSent(number, refusal.cause.slug)
        return e.CodeSent(number)

    async def _write(self, call: Call, number: int) -> None:
        request = call.request
        assert request.phone
        message = CodeMessage(request.phone, self._code(call, number), request.locale, f"{call.id}.{number}")
        await self._messenger.send_code(message)

    async def _say(self, call: Call, number: int, *, repeated: bool, look: Look | None) -> None:
        request, leg = call.request, code_leg_id(call.id, number)
        assert request.phone
        assert call.confirmation
        asked_at = call.confirmation.asked_at or call.accepted_at
        if repeated:
            if look is None:
                raise OutOfReach("Asterisk cannot be looked at yet")
            if not may_dial(leg, asked_at, await look(asked_at)):
                return
        order = CodeOrder(leg, request.phone, self._code(call, number), request.locale, self._ring_s)
        try:
            await self._telephony.say_code(order)
        except (AlreadyDialled, Unanswered):
            # It rings, or may: then it is not tried again. Who hears nothing asks for another code.
            log.info("the code may have been read before", call=call.id)

    def _code(self, call: Call, number: int) -> str:
        request = call.request
        assert request.phone
        return self._codes.code(Bond(call.id, request.client, request.user, request.phone), number)
