"""The town with the fake exchange, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime

from pbx_bridge.asterisk.agi import Answer
from pbx_bridge.asterisk.fake import ASTDB_S, FakeExchange
from pbx_bridge.asterisk.fake_people import Agent, Citizen, Person
from tests.contract.town import ANNA, BORIS, DIRECTORY, OTHER, PATIENCE_S, QUICK, QUICK_TIMES

BOOT_S = 2.0
#: A key is not pressed in no time.
KEY_S = 0.1


class FakePerson:
    """A fake person who does nothing by itself."""

    def __init__(self, person: Person, exchange: FakeExchange) -> None:
        self._person, self._exchange = person, exchange
        self._heard_rings = 0

    async def rings(self) -> None:
        await self._until("ring", lambda: self._person.rung > self._heard_rings)
        self._heard_rings += 1

    async def answers(self) -> None:
        self._person.answer()

    async def declines(self, sip: int = 603) -> None:
        self._person.decline(sip)

    async def hangs_up(self) -> None:
        self._person.hang_up()

    async def presses(self, keys: str) -> None:
        for key in keys:
            await asyncio.sleep(KEY_S)
            self._person.press(key)

    async def calls(self, number: str) -> None:
        self._exchange.incoming(self._person.name, number)

    async def answered(self) -> None:
        await self._until("talk", lambda: self._person.talk is not None)

    async def holds(self, held: bool = True) -> None:
        self._person.hold(held)

    async def hears_the_end(self) -> None:
        await self._until("be left", lambda: self._person.talk is None)

    async def hears_digits(self) -> str:
        assert isinstance(self._person, Citizen)
        await self._until("be left", lambda: self._person.talk is None, 3 * PATIENCE_S)
        return "".join(self._person.heard)

    async def leaves(self) -> None:
        assert isinstance(self._person, Agent)
        self._person.log_out()

    async def pauses(self, paused: bool = True) -> None:
        assert isinstance(self._person, Agent)
        self._person.pause(paused)

    async def _until(self, what: str, true: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not true():  # noqa: ASYNC110 - virtual time passes at once
                    await asyncio.sleep(0.001)
        except TimeoutError:
            raise AssertionError(f"{self._person} was to {what}") from None


class FakeTown:
    """See town.Town."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.exchange = FakeExchange(clock)
        self.now = clock
        self._stack = AsyncExitStack()
        for name in (QUICK, OTHER):
            self.exchange.queue(name, **QUICK_TIMES)

    async def citizen(self, number: str = ANNA) -> FakePerson:
        return FakePerson(self.exchange.citizen(number, answers=False, presses=""), self.exchange)

    async def sip_citizen(self, address: str) -> FakePerson:
        return FakePerson(self.exchange.citizen(address, answers=False, presses=""), self.exchange)

    async def refusing_number(self, sip: int) -> str:
        number = f"+79000000{sip}"
        self.exchange.citizen(number, refuses=sip)
        return number

    async def silent_number(self) -> str:
        self.exchange.citizen("+79000000100", silent=True)
        return "+79000000100"

    async def unreachable_number(self) -> str:
        self.exchange.trunk_down = True
        return BORIS

    async def agent(self, name: str, queue: str = QUICK) -> FakePerson:
        return FakePerson(self.exchange.agent(name, queue, answers=False), self.exchange)

    async def receives(self, answer: Answer) -> None:
        await self._stack.enter_async_context(self.exchange.receiving(answer))
        await self.exchange.mirror(DIRECTORY, self.now())

    def lose_the_answer_to_dial(self, *, done: bool) -> None:
        self.exchange.lose_reply("dial", done=done)

    def lose_the_answer_to_say_code(self, *, done: bool) -> None:
        self.exchange.lose_reply("say_code", done=done)

    def drop(self, connection: str) -> None:
        self.exchange.close_line()

    async def cut(self) -> None:
        self.exchange.cut()

    async def mend(self) -> None:
        self.exchange.mend()

    async def writes_to_disk(self, leg: str) -> None:
        await asyncio.sleep(ASTDB_S)

    async def crash(self) -> None:
        self.exchange.crash(BOOT_S)
        await asyncio.sleep(BOOT_S)
