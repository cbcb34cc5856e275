"""The loop at work: a conductor, a real ledger on SQLite, a fake exchange with people, and virtual time.

    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=60)
    end = await service.end(await service.call(ANNA))
    assert end.outcome == "completed"

`start` and `stop` are the service's lives: a stop writes nothing, as kill -9 would not; what is committed is there
for the next life, on the same ledger and the same exchange.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pbx_bridge.asterisk.fake import FakeExchange
from pbx_bridge.call.model import Call, Confirmation, Device, DeviceKind, Opening, Request, Terms, Why
from pbx_bridge.call.states import State
from pbx_bridge.codes.code import Codes
from pbx_bridge.codes.tries import Rules
from pbx_bridge.conductor.conductor import Conductor, SecondStep
from pbx_bridge.conductor.counsel import Counsel
from pbx_bridge.conductor.factor import AppFactor
from pbx_bridge.conductor.jobs import Wanted
from pbx_bridge.conductor.ports import CodeMessage, NotDelivered, OutOfReach
from pbx_bridge.directory.service import Directory
from pbx_bridge.ledger import Ledger, LedgerUnavailable, Transaction
from pbx_bridge.phone import Phone
from tests.ending import Ending, check_laws, path
from tests.virtual_time import VirtualTime

PEPPER = b"a pepper for tests, and only for tests"
ANNA, BORIS, VERA = "+79161111111", "+79162222222", "+79163333333"
#: Short enough to be read in a test, in an order that no test confuses: ring, queue, limit.
TERMS = Terms(ring_s=30, queue_s=300, time_limit_s=1800, grace_s=10)
#: Before this, in virtual time, every call has ended.
PATIENCE_S = 4 * 3600.0

_lives = itertools.count(1)
_keys = itertools.count(1)


def mobile(number: str) -> Device:
    """A citizen's mobile telephone."""
    return Device(DeviceKind.MOBILE, phone=Phone(number))


def wanted(
    number: str = ANNA,
    *,
    user: str | None = None,
    key: str | None = None,
    body: str = "the body",
    terms: Terms = TERMS,
    devices: Sequence[Device] | None = None,
    service: str = "support",
    queue: str = "support",
    confirmation: Confirmation | None = None,
    zone: str = "Europe/Moscow",
    when: datetime | None = None,
) -> Wanted:
    """What the portal asks for; every number belongs to a citizen of its own unless `user` says who."""
    request = Request(
        client="portal",
        user=user or f"user-of-{number[-4:]}",
        service=service,
        queue=queue,
        devices=tuple(devices if devices is not None else [mobile(number)]),
        phone=Phone(number),
        time_zone=zone,
    )
    return Wanted("portal", key or f"key-{next(_keys)}", body, request, terms, "client:portal", confirmation, when)


@dataclass
class Post:
    """Carries text messages to people who keep them. It can be away, or refuse."""

    messages: list[CodeMessage] = field(default_factory=list)
    away: bool = False
    refuses: bool = False

    async def send_code(self, message: CodeMessage) -> None:
        """Into the citizen's hand."""
        if self.away:
            raise OutOfReach("the gateway is away")
        if self.refuses:
            raise NotDelivered("the gateway does not take this number")
        self.messages.append(message)

    @property
    def code(self) -> str:
        """What the last message says."""
        return self.messages[-1].code


@dataclass
class House:
    """One service on one ledger and one exchange."""

    ledger: Ledger
    file: Path
    fake: FakeExchange
    time: VirtualTime
    opening: Any = None
    """The hours, in short: `closed_until`. None: what the directory says."""
    directory: Directory = field(default_factory=lambda: Directory({}))
    post: Post = field(default_factory=Post)
    rules: Rules = field(default_factory=Rules)
    conductor: Conductor = field(init=False)
    _task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._made()

    def _made(self) -> None:
        self.conductor = Conductor(
            self.ledger,
            self.fake,
            self.time,
            f"life-{next(_lives)}",
            Hours(self),
            second=SecondStep(Codes(PEPPER), self.post, self.rules, AppFactor(PEPPER)),
        )

    # Its lives.

    async def start(self) -> None:
        """A new life. Returns when it hears Asterisk and has compared every call with it."""
        self.start_deaf()
        await self.hears()
        await self.fake.mirror(self.directory, self.time())

    def start_deaf(self) -> None:
        """A new life. Returns at once."""
        self._made()
        self._task = asyncio.create_task(self._run(), name="conductor")

    async def _run(self) -> None:
        async with self.fake.receiving(self.conductor.receive):
            await self.conductor.run()

    async def hears(self) -> None:
        """Wait until it hears Asterisk (again)."""
        async with asyncio.timeout(60):
            while self.conductor.health()["asterisk"]:  # noqa: ASYNC110 - virtual time passes at once
                await asyncio.sleep(0.01)

    async def is_deaf(self) -> None:
        """Wait until it knows that it hears nothing."""
        async with asyncio.timeout(60):
            while not self.conductor.health()["asterisk"]:  # noqa: ASYNC110 - virtual time passes at once
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """The end of this life, in the middle of whatever it does. Raises what it died of."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def works(self, seconds: float) -> None:
        """Let time pass; whatever the service died of meanwhile is raised."""
        await self.time.advance(seconds)
        if self._task and self._task.done():
            self._task.result()

    async def restart(self) -> None:
        """Stopped, and at once there again."""
        await self.stop()
        await self.start()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """The service is not there inside."""
        await self.stop()
        yield
        await self.start()

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[None]:
        """The connection to Asterisk is broken inside, and whole and understood afterwards."""
        self.fake.cut()
        await self.is_deaf()
        yield
        self.fake.mend()
        await self.hears()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Somebody else writes to the database inside, and nobody can."""
        other = sqlite3.connect(self.file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()

    def lose_the_next_commit(self, *, kept: bool) -> None:
        """The database is away during the next commit; `kept`: it was done, and only the answer got lost."""
        transaction = self.ledger.transaction

        @asynccontextmanager
        async def broken() -> AsyncIterator[Transaction]:
            self.ledger.transaction = transaction  # type: ignore[method-assign]
            if not kept:
                raise LedgerUnavailable("the database went away", retryable=True)
            async with transaction() as tx:
                yield tx
            raise LedgerUnavailable("the database went away during a commit", retryable=True)

        self.ledger.transaction = broken  # type: ignore[method-assign]

    # Calls.

    async def call(self, number: str = ANNA, **words: Any) -> str:
        """Ask for a call; its id."""
        return (await self.conductor.open(wanted(number, **words))).call_id

    async def dials_in(self, number: str, dialled: str) -> str:
        """Somebody dials a public number; their leg."""
        if self._task:
            await self.fake.mirror(self.directory, self.time())
        leg = self.fake.incoming(number, dialled)
        assert leg
        await self.time.advance(0.1)
        return leg

    async def until(self, call_id: str, *states: State, within_s: float = PATIENCE_S) -> Call:
        """The call, once it is in one of the states. AssertionError with its path when it never is."""
        try:
            async with asyncio.timeout(within_s):
                with self.conductor.hub.watch(call_id) as watch:
                    while (call := await self.present(call_id)).state not in states:
                        assert call.state is not State.ENDED, f"it ended: {await self.path(call_id)}, {call.cause}"
                        await watch.changed(call.revision)
                    return call
        except TimeoutError:
            raise AssertionError(f"never in {states}: {await self.path(call_id)}") from None

    async def present(self, call_id: str) -> Call:
        """The call as it stands."""
        call = await self.ledger.call(call_id)
        assert call
        return call

    async def end(self, call_id: str) -> Ending:
        """How it ended; the laws of every history are checked, and that no leg of it is left."""
        await self.until(call_id, State.ENDED)
        assert not [leg for leg in self.fake.living if call_id in leg]
        return Ending(await self.history(call_id))

    async def history(self, call_id: str) -> list[dict[str, Any]]:
        """All events so far, as they are published."""
        events = [asdict(each) | {"time": each.time.isoformat()} for each in await self.ledger.events(call_id)]
        check_laws(events)
        return events

    async def path(self, call_id: str) -> str:
        """Its states so far."""
        return path(await self.history(call_id))

    async def audit(self, call_id: str) -> list[tuple[str, str, str]]:
        """Who said what, and whether it was taken."""
        lines = await self.ledger.audit(call_id)
        return [(each.line.actor, each.line.action, each.line.verdict) for each in lines]

    async def unsettled(self) -> list[str]:
        """Wishes that are still open, by their kind."""
        return [type(wish.command).__name__ for wish in await self.ledger.open_wishes()]


class Hours(Counsel):
    """What the desk says, unless the test says it."""

    def __init__(self, house: House) -> None:
        super().__init__(lambda: house.directory)
        self._house = house

    def admit(self, request: Request, at: datetime) -> Opening:
        return self._house.opening(request, at) if self._house.opening else super().admit(request, at)

    def call_back(self, call: Call, at: datetime) -> Opening:
        if not (self._house.opening and call.reason and call.reason.why is Why.CLOSED and call.scheduled_for):
            return super().call_back(call, at)
        return Opening(call.scheduled_for <= at, max(call.scheduled_for, at))


def closed_until(at: datetime) -> Any:
    """Hours that open only then."""
    return lambda request, now: Opening(now >= at, None if now >= at else at)
