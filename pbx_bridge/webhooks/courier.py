"""The loop that tells programs of their calls.

In each round one transaction keeps what became of tries and claims what comes next; between rounds the tries are under
way. Whatever dies in between, a claim runs out by itself and the event is sent again with the same webhook-id.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydantic_core import to_json

from ..conductor.ports import Clock
from ..ledger import AuditLine, Client, LedgerUnavailable
from ..ledger.envelope import envelope
from ..ledger.postings import Arrears, Lane, Owed, Posting, Settled
from .answer import Heard, Verdict
from .lanes import Lanes
from .receiver import Drop, Hold, Receiver, receiver_of
from .schedule import next_try
from .tally import Tally

log = structlog.get_logger(__name__)

#: Seconds that a claim lasts: longer than any try.
LEASE_S = 45.0
#: Seconds between two looks at all that is owed: what another process has written is found by them.
LOOK_S = 5.0
#: Seconds that what is known of a program counts.
KNOWN_S = 1.0
#: Seconds between two tries of a database that does not answer.
PATIENCE_S = 1.0
#: Seconds for the last transaction when the service stops.
LAST_S = 2.0


class Ledger(Protocol):
    """The memory, as this room needs it. Every method may raise LedgerUnavailable."""

    async def client(self, client_id: str) -> Client | None: ...
    async def deliver(
        self,
        settled: Sequence[Settled],
        wanted: Sequence[tuple[Lane, int]],
        at: datetime,
        *,
        owner: str,
        lease_s: float,
    ) -> list[Posting]: ...
    async def lanes(self) -> Mapping[Lane, datetime]: ...
    async def take_back(self, is_dead: Callable[[str], bool], at: datetime) -> int: ...
    async def drop_lane(self, lane: Lane, why: str, at: datetime) -> int: ...
    async def give_up_address(self, client: str, url: str, line: AuditLine) -> bool: ...
    async def arrears(self) -> Arrears: ...


class Post(Protocol):
    """What carries a message."""

    async def send(self, url: str, event_id: str, body: bytes, secrets: Sequence[str], at: datetime) -> Heard: ...


class Courier:
    """Start it with `run`; `wake` it after a commit."""

    def __init__(
        self,
        ledger: Ledger,
        post: Post,
        clock: Clock,
        owner: str,
        node: str,
        *,
        lease_s: float = LEASE_S,
        pace_s: float = 0.0,
        look_s: float = LOOK_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`node` names this installation in events. `pace_s` lies between two transactions at least, so that those of
        a busy desk share one; `look_s` between two looks at all that is owed."""
        self._ledger = ledger
        self._post = post
        self._clock = clock
        self._owner = owner
        self._node = node
        self._lease_s = lease_s
        self._pace_s = pace_s
        self._look_s = look_s
        self._chance = chance
        self._lanes = Lanes()
        self._known: dict[str, tuple[Client | None, datetime]] = {}
        self._settled: list[Settled] = []
        self._tries: dict[asyncio.Task[None], Posting] = {}
        self._bell = asyncio.Event()
        self._look_at: datetime | None = None
        self.tally = Tally()

    def wake(self, lanes: Iterable[tuple[str, str]]) -> None:
        """These were owed something just now."""
        at = self._clock()
        for lane in lanes:
            self._lanes.owed(Lane(*lane), at)
        self._bell.set()

    async def run(self) -> None:
        """Deliver until cancelled. What is under way then is given back, and sent again by whoever is next."""
        try:
            while True:
                try:
                    await self._round()
                except LedgerUnavailable as error:
                    log.warning("webhooks wait for the database", why=str(error))
                    await asyncio.sleep(PATIENCE_S)
                except Exception:  # a fault of ours with one row: the others go on, and its claim runs out
                    log.exception("a round of webhooks failed")
                    await asyncio.sleep(PATIENCE_S)
                else:
                    await asyncio.sleep(self._pace_s)
                await self._wait()
        finally:
            await self._give_back()

    async def _wait(self) -> None:
        """Until there is news, or something is due. Looks are due by themselves, so a wall clock that somebody sets
        holds nothing up."""
        due = [each for each in (self._look_at, self._lanes.next_at()) if each is not None]
        seconds = (min(due) - self._clock()).total_seconds() if due else 0.0
        # Not wait_for: in Python 3.11 it loses a cancellation that comes together with what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, 0.0), self._look_s)):
                await self._bell.wait()
        self._bell.clear()

    async def _round(self) -> None:
        at = self._clock()
        if self._look_at is None or not at < self._look_at <= at + timedelta(seconds=self._look_s):
            await self._look(at)
        receivers = await self._receivers(at)
        wanted = [(lane, seats) for lane, seats in self._lanes.wanted(at) if lane in receivers]
        settled, self._settled = self._settled, []
        if not settled and not wanted:
            return
        try:
            postings = await self._ledger.deliver(settled, wanted, at, owner=self._owner, lease_s=self._lease_s)
        except BaseException:  # a cancellation too: what became of tries is still to be kept
            self._settled = settled + self._settled
            raise
        self._lanes.begun(wanted, Counter(posting.lane for posting in postings), at)
        for posting in postings:
            task = asyncio.create_task(self._try(posting, receivers[posting.lane]), name=f"webhook {posting.event_id}")
            self._tries[task] = posting
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tries.pop(task, None)
        self._bell.set()

    def _was_ours(self, owner: str) -> bool:
        """Whether it is the name of an earlier life of this process (wiring.py): each process has a node of its own."""
        return owner != self._owner and owner.rsplit("-", 2)[0] == self._node

    async def _look(self, at: datetime) -> None:
        if self._look_at is None and (found := await self._ledger.take_back(self._was_ours, at)):
            log.info("webhooks that an earlier life of this service had in hand are sent again", events=found)
        for lane, due in (await self._ledger.lanes()).items():
            self._lanes.owed(lane, due)
        self.tally.arrears = await self._ledger.arrears()
        self._look_at = at + timedelta(seconds=self._look_s)

    # ── to whom ──
    async def _receivers(self, at: datetime) -> dict[Lane, Receiver]:
        """Those that can be told now, of all whose turn it is."""
        found = {}
        for lane, _ in self._lanes.wanted(at):
            match receiver_of(await self._client(lane.client, at), lane, at):
                case Receiver() as receiver:
                    found[lane] = receiver
                case Hold(why=why):
                    log.debug("webhooks wait", client=lane.client, why=why)
                    self._lanes.rest(lane)
                case Drop(why=why):
                    dropped = await self._ledger.drop_lane(lane, why, at)
                    log.warning("webhooks were dropped", client=lane.client, why=why, events=dropped)
                    self._lanes.rest(lane)
        return found

    async def _client(self, client_id: str, at: datetime) -> Client | None:
        known = self._known.get(client_id)
        if known is None or not known[1] <= at < known[1] + timedelta(seconds=KNOWN_S):
            known = self._known[client_id] = (await self._ledger.client(client_id), at)
        return known[0]

    # ── one try ──
    async def _try(self, posting: Posting, receiver: Receiver) -> None:
        url = receiver.url or posting.url
        if url is None:
            self._keep(posting, Settled(posting, Owed.DROPPED, why="its address was erased with the citizen"))
            return
        try:
            heard = await self._send(posting, url, receiver)
            settled = await self._judge(posting, heard, url)
        except Exception as error:  # a fault of ours with one event must not take its receiver's seat for ever
            log.exception("a webhook failed")
            heard = Heard(None, f"it could not be sent ({type(error).__name__})")
            settled = self._again(posting, heard)
        self._keep(posting, settled, heard)

    async def _send(self, posting: Posting, url: str, receiver: Receiver) -> Heard:
        if posting.event is None:
            return Heard(None, "the event cannot be read")
        body = to_json(envelope(posting.event, self._node))
        return await self._post.send(url, posting.event_id, body, receiver.secrets, self._clock())

    async def _judge(self, posting: Posting, heard: Heard, url: str) -> Settled:
        match heard.verdict:
            case Verdict.TAKEN:
                return Settled(posting, Owed.DELIVERED, heard.status)
            case Verdict.GONE if posting.lane.target:
                return Settled(posting, Owed.DEAD, heard.status, heard.words)
            case Verdict.GONE:
                return await self._given_up(posting, heard, url)
        return self._again(posting, heard)

    async def _given_up(self, posting: Posting, heard: Heard, url: str) -> Settled:
        at, client = self._clock(), posting.lane.client
        line = AuditLine(at, "service", "give-up-address", "taken", {"client": client, "why": heard.words})
        try:
            if await self._ledger.give_up_address(client, url, line):
                self.tally.gone[client] += 1
                log.warning("a program's address is gone: it is told nothing more there", client=client)
        except LedgerUnavailable:
            return self._again(posting, heard)
        self._known.pop(client, None)
        return Settled(posting, Owed.WAITING, heard.status, heard.words, again_at=at, counts=False)

    def _again(self, posting: Posting, heard: Heard) -> Settled:
        at = next_try(posting.tries, posting.begun_at, self._clock(), heard.asked_s, self._chance())
        if at is not None:
            return Settled(posting, Owed.WAITING, heard.status, heard.words, again_at=at)
        log.warning("a dead letter: an event was never taken", client=posting.lane.client, event_id=posting.event_id)
        return Settled(posting, Owed.DEAD, heard.status, heard.words)

    def _keep(self, posting: Posting, settled: Settled, heard: Heard | None = None) -> None:
        self._settled.append(settled)
        at, lane = self._clock(), posting.lane
        failed = settled.state is not Owed.DELIVERED and heard is not None
        if self._lanes.ended(lane, at, failed=failed, asked_s=heard.asked_s if heard and failed else 0.0):
            words = "a receiver fails: it is only probed now" if self._lanes.ails(lane) else "a receiver is well again"
            log.warning(words, client=lane.client, why=settled.why)
        self.tally.tried(settled)
        # What waits behind it may go now, and what failed has its time.
        self._lanes.owed(lane, settled.again_at or at)

    async def _give_back(self) -> None:
        """So that nobody waits for a lease that no one needs."""
        tries = dict(self._tries)
        for task in tries:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
        at = self._clock()
        known = {settled.posting.event_id for settled in self._settled}
        back = [
            Settled(posting, Owed.WAITING, why="the service stopped", again_at=at, counts=False)
            for posting in tries.values()
            if posting.event_id not in known
        ]
        if back or self._settled:
            with contextlib.suppress(LedgerUnavailable, TimeoutError):
                async with asyncio.timeout(LAST_S):
                    await self._ledger.deliver(
                        [*self._settled, *back], (), at, owner=self._owner, lease_s=self._lease_s
                    )
