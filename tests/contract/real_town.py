"""The town with a real Asterisk, telephones that are processes, and a trunk that is sipp."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from pbx_bridge.asterisk.act import Trunk as Way
from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.ari import Ari
from pbx_bridge.asterisk.exchange import Exchange
from pbx_bridge.conductor.ports import Incoming, Reception
from tests.contract.town import ANNA, BORIS, DIRECTORY, OTHER, PATIENCE_S, QUICK, QUICK_TIMES
from tests.contract.wire import Wires
from workshop.digits import heard_in
from workshop.phone import Phone
from workshop.prefix import Prefix
from workshop.server import AsteriskServer
from workshop.trunk import Trunk

#: Who can have a telephone here: Asterisk wants to know them before it starts.
AGENTS = ("ann", "bob", "eve")
LINES = {ANNA: "line-anna", BORIS: "line-boris"}
SIP_CITIZENS = ("alice", "switched-off")
PASSWORD = "a-password-for-tests"

AGENT = """
[{name}](agent)
auth = {name}
aors = {name}
[{name}](login)
username = {name}
password = {password}
[{name}](place)
"""
#: A citizen's mobile behind an operator of its own, who writes numbers without the plus sign.
LINE = AGENT.replace("(agent)", "(trunk)\ncallerid = <{number}>")
OPERATOR = """
[operator](trunk)
aors = operator
[operator](place)
contact = sip:127.0.0.1:{port}
"""
QUEUE = """
[{name}](desk)
timeout = {timeout_s}
retry = {retry_s}
wrapuptime = {wrapup_s}
"""


class RealPerson:
    """A telephone that rings until the test tells it what to do."""

    def __init__(self, phone: Phone, server: AsteriskServer, prompts: Path) -> None:
        self._phone, self._server, self._prompts = phone, server, prompts

    async def rings(self) -> None:
        await self._phone.rings(PATIENCE_S)

    async def answers(self) -> None:
        await self._phone.answer()
        await self._phone.talks()

    async def declines(self, sip: int = 603) -> None:
        await self._phone.decline(sip)

    async def hangs_up(self) -> None:
        await self._phone.hang_up()

    async def presses(self, keys: str) -> None:
        await self._phone.dtmf(keys)

    async def calls(self, number: str) -> None:
        await self._phone.call(number)

    async def answered(self) -> None:
        await self._phone.talks()

    async def hears(self, hz: int) -> None:
        await self._phone.hears(hz)

    @property
    def rung_count(self) -> int:
        return self._phone.rung_count

    @property
    def last_code(self) -> int | None:
        return self._phone.calls[-1].code

    async def holds(self, held: bool = True) -> None:
        await (self._phone.hold() if held else self._phone.unhold())

    async def hears_the_end(self) -> None:
        while self._phone.live_calls:
            await self._phone.ended()

    async def hears_digits(self) -> str:
        recording = self._server.folder.parent / f"{self._phone.name}.wav"
        await self._phone.records(recording, 3 * PATIENCE_S)
        return "".join(each.digit for each in heard_in(recording, self._prompts))

    async def leaves(self) -> None:
        await self._phone.stop()

    async def pauses(self, paused: bool = True) -> None:
        await self._server.cli(f"queue {'pause' if paused else 'unpause'} member PJSIP/{self._phone.name}")


class RealTown:
    """See town.Town. `open` it, and it is gone with its stack."""

    def __init__(self, prefix: Prefix, folder: Path, stack: AsyncExitStack, prompts: Path | None = None) -> None:
        """Without `prompts` (a folder for each language) nobody has to wait for the end of a sentence: what is missing
        is left out."""
        self._prompts = prompts or folder / "no-prompts"
        self._prefix, self._folder, self._stack = prefix, folder, stack
        self._trunk = Trunk(prefix, folder / "trunk")
        self.server: AsteriskServer
        self.exchange: Exchange

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def open(self) -> None:
        stack = self._stack
        for language in ("ru", "en"):
            (self._prompts / language).mkdir(parents=True, exist_ok=True)
        await stack.enter_async_context(self._trunk)
        self.server = server = AsteriskServer(
            self._prefix,
            self._folder / "asterisk",
            prompts=self._prompts,
            extra={"pjsip.d/town.conf": self._pjsip(), "queues.d/town.conf": _queues()},
        )
        stack.callback(server.close)
        stack.push_async_callback(server.stop)
        stack.callback(server.kill)
        await server.start()
        self._wires = await stack.enter_async_context(Wires({"ari": server.ports.http, "ami": server.ports.ami}))
        ports = self._wires.ports
        self._ari = Ari(f"http://127.0.0.1:{ports['ari']}", server.ari_user, server.ari_password, "pbx-bridge")
        self.ami = ami = Ami("127.0.0.1", ports["ami"], server.ami_user, server.ami_password)
        ways = [Way("+7900", "operator"), *(Way(number, name) for number, name in LINES.items())]
        self.exchange = Exchange(self._ari, ami, ways, self.now)
        stack.push_async_callback(self.exchange.close)

    def _pjsip(self) -> str:
        names = [(AGENT, name, "") for name in (*AGENTS, *(f"citizen-{each}" for each in SIP_CITIZENS))]
        names += [(LINE, name, number[1:]) for number, name in LINES.items()]
        people = "".join(text.format(name=name, number=number, password=PASSWORD) for text, name, number in names)
        return people + OPERATOR.format(port=self._trunk.port)

    async def _phone(self, name: str) -> RealPerson:
        registrar = f"127.0.0.1:{self.server.ports.sip}"
        phone = Phone(name, password=PASSWORD, registrar=registrar, catchall=True, behaviour="ring")
        await phone.start()
        self._stack.push_async_callback(phone.stop)
        return RealPerson(phone, self.server, self._prefix.data / "sounds" / "ru")

    async def citizen(self, number: str = ANNA) -> RealPerson:
        return await self._phone(LINES[number])

    async def sip_citizen(self, address: str) -> RealPerson:
        return await self._phone(f"citizen-{address}")

    async def refusing_number(self, sip: int) -> str:
        return f"+79000000{sip}"

    async def silent_number(self) -> str:
        return "+79000000100"

    async def unreachable_number(self) -> str:
        # His line is configured, and nobody has registered there.
        return BORIS

    async def agent(self, name: str, queue: str = QUICK) -> RealPerson:
        person = await self._phone(name)
        await self.server.cli(f"queue add member PJSIP/{name} to {queue} penalty 0 as {name}")
        await _until(lambda: self._is_free(name, queue))
        return person

    async def receives(self, answer: Callable[[Incoming], Awaitable[Reception | None]]) -> None:
        await self._stack.enter_async_context(self.exchange.receiving(answer, "127.0.0.1", 0))
        await self.exchange.mirror(DIRECTORY, self.now())

    async def _is_free(self, name: str, queue: str) -> bool:
        shown = await self.server.cli(f"queue show {queue}")
        return any(line.split()[:1] == [name] and "(Not in use)" in line for line in shown.splitlines())

    def lose_the_answer_to_dial(self, *, done: bool) -> None:
        self._wires.break_at(b"POST /ari/channels/", after_the_answer=done)

    def lose_the_answer_to_say_code(self, *, done: bool) -> None:
        self.lose_the_answer_to_dial(done=done)  # one and the same request

    def drop(self, connection: str) -> None:
        self._wires.drop(connection)

    async def cut(self) -> None:
        await self._wires.cut()

    async def mend(self) -> None:
        await self._wires.mend()

    async def writes_to_disk(self, leg: str) -> None:
        file = self.server.folder / "lib" / "astdb.sqlite3"

        async def is_there() -> bool:
            with closing(sqlite3.connect(file)) as database:
                rows = database.execute("SELECT 1 FROM astdb WHERE key LIKE ?", (f"%/{leg}",))
                return rows.fetchone() is not None

        await _until(is_there)

    async def crash(self) -> None:
        self.server.kill()
        await self.server.wait()
        await self.server.start()


def _queues() -> str:
    return "".join(QUEUE.format(name=name, **QUICK_TIMES) for name in (QUICK, OTHER))


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await true():  # noqa: ASYNC110 - the command line has no events
            await asyncio.sleep(0.01)
