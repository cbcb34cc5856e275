"""The one door in. Facts and requests that arrive together are committed together (group commit).

One writer, one transaction at a time: that is what makes `revision` gap-free and each fact judged against the
state that the fact before it left. Callers only see their own result.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, overload

import structlog

from ..call import events as e
from ..call.model import Call
from ..codes.tries import Rules
from ..ledger import (
    AlreadyScheduled,
    CitizenBusy,
    Conflict,
    KeyUsed,
    Ledger,
    LedgerUnavailable,
    StoredEvent,
    TicketTaken,
    Transaction,
    Wish,
    Written,
)
from . import errors
from .confirming import AskCode, ConfirmCall, Confirmed
from .counsel import Counsel
from .feed import Feed
from .hub import Hub
from .jobs import Desk, Draft, OpenCall, Placed, SettleWish, TakeFact, Whose, whose
from .ports import Clock
from .reception import AnswerCall
from .tally import Tally

log = structlog.get_logger(__name__)

Job = OpenCall | AnswerCall | TakeFact | AskCode | ConfirmCall | SettleWish

#: As many jobs go into one transaction at most: enough to amortise it, few enough to answer soon.
BATCH = 200
#: Seconds between two tries of a database that does not answer.
PATIENCE_S = 0.5
#: For a request that met a database in trouble: its commit may or may not have been kept.
MAYBE_KEPT = "the database does not answer; ask again with the same Idempotency-Key, and there will be one call"
#: How long a wish that is written belongs to this process without anybody asking.
LEASE_S = 60


@dataclass(slots=True)
class _Asked:
    job: Job
    answer: asyncio.Future[Any]


@dataclass(slots=True)
class _Done:
    """What a committed batch came to."""

    desk: Desk
    written: Written
    results: list[tuple[_Asked, Any]]
    refused: list[tuple[_Asked, errors.Refused]]


class Taker:
    """The writer. `submit` a job and await what came of it.

    After each commit `on_changed` gets the calls as they stand; `on_wishes` the new wishes, already claimed by
    `owner`; `on_waiting` the calls that have further ones behind an unfinished wish; `on_wake` each new deadline;
    `on_owed` the programs, with the host of a call's own address, that may be owed a webhook.
    """

    def __init__(
        self,
        ledger: Ledger,
        hub: Hub,
        clock: Clock,
        owner: str,
        counsel: Counsel,
        pace_s: float = 0.0,
        feed: Feed | None = None,
    ) -> None:
        """`pace_s` lies between two transactions at least while only facts come: then those of a busy desk share
        one, which costs a third. Whoever waits for an answer does not wait for this."""
        self._ledger = ledger
        self._hub = hub
        self._feed = feed or Feed(ledger, hub)
        self._clock = clock
        self._name = owner
        self._counsel = counsel
        self._pace_s = pace_s
        self._life = 1
        self.tally = Tally()
        self._queue: asyncio.Queue[_Asked] = asyncio.Queue()
        self._hurry = asyncio.Event()
        self._not_before = 0.0
        self.on_changed: Callable[[Call], None] = lambda call: None
        self.on_wishes: Callable[[Sequence[Wish]], None] = lambda wishes: None
        self.on_waiting: Callable[[Collection[str]], None] = lambda call_ids: None
        self.on_wake: Callable[[datetime], None] = lambda at: None
        self.on_owed: Callable[[Collection[tuple[str, str]]], None] = lambda lanes: None
        self.on_mended: Callable[[], None] = lambda: None
        self.trouble: str | None = None

    @property
    def owner(self) -> str:
        """In whose name wishes are claimed. A new name after the database was away: whether its last commits were
        kept is not known, so what the old name holds must be taken up like a stranger's."""
        return f"{self._name}.{self._life}"

    @overload
    async def submit(self, job: OpenCall) -> Placed: ...
    @overload
    async def submit(self, job: AnswerCall) -> Call: ...
    @overload
    async def submit(self, job: TakeFact) -> Call: ...
    @overload
    async def submit(self, job: AskCode) -> Call: ...
    @overload
    async def submit(self, job: ConfirmCall) -> Confirmed: ...
    @overload
    async def submit(self, job: SettleWish) -> None: ...
    async def submit(self, job: Job) -> Any:
        """The job's result once it is committed. Raises conductor.errors."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Asked(job, answer))
        if _is_awaited(job):
            self._hurry.set()
        return await answer

    async def run(self) -> None:
        """Write until cancelled; what is in the queue then stays unanswered."""
        while True:
            batch = [await self._next()]
            await self._linger()
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._commit(batch)
            self._not_before = asyncio.get_running_loop().time() + self._pace_s

    async def _next(self) -> _Asked:
        """The next job. While none comes, a database in trouble is tried: readiness must not wait for a request."""
        while self.trouble:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    return await self._queue.get()
            with contextlib.suppress(LedgerUnavailable):
                async with self._ledger.transaction() as tx:
                    await tx.load({""})
                self._mend()
        return await self._queue.get()

    async def _linger(self) -> None:
        """Let facts gather, unless somebody waits for an answer. The first fact after a silence never waits."""
        if asyncio.get_running_loop().time() < self._not_before:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._not_before):
                    await self._hurry.wait()
        self._hurry.clear()

    async def _commit(self, batch: list[_Asked]) -> None:
        while True:
            try:
                done = await self._write(batch)
            except LedgerUnavailable as error:
                batch = await self._wait_out(batch, error)
                if not batch:
                    return
            except TicketTaken:
                continue  # a new random ticket is drawn on the next try
            except Conflict as error:
                await self._apart(batch, error)
                return
            except Exception as error:  # a fault of ours in one job must not take the others with it
                log.exception("a transaction failed", jobs=len(batch))
                await self._apart(batch, error)
                return
            else:
                self._tell(done)
                self._mend()
                return

    def _mend(self) -> None:
        if self.trouble:
            log.info("the database answers again")
            self.trouble = None
            self._life += 1
            self.on_mended()

    async def _apart(self, batch: list[_Asked], error: Exception) -> None:
        """Somebody in the batch broke it: give everyone a transaction of their own, then the guilty one is alone."""
        if len(batch) == 1:
            job = batch[0].job
            if isinstance(error, AlreadyScheduled) and isinstance(job, TakeFact) and not job.merge:
                batch[0].job = replace(job, merge=True)
                await self._commit(batch)
            else:
                _fail(batch[0], _translated(error))
            return
        for asked in batch:
            await self._commit([asked])

    async def _wait_out(self, batch: list[_Asked], error: Exception) -> list[_Asked]:
        """Facts wait for the database as long as it takes; people who ask for a call are told at once."""
        if self.trouble is None:
            log.error("the database does not answer; facts wait in memory", why=str(error))
        self.trouble = str(error)
        for asked in batch:
            if isinstance(asked.job, OpenCall | AnswerCall | AskCode | ConfirmCall):
                _fail(asked, errors.MemoryUnavailable(MAYBE_KEPT))
        waiting = [asked for asked in batch if not asked.answer.done()]
        if waiting:
            await asyncio.sleep(PATIENCE_S)
        return waiting

    async def _write(self, batch: list[_Asked]) -> _Done:
        desk = Desk(self._counsel.call_back)
        results: list[tuple[_Asked, Any]] = []
        refused: list[tuple[_Asked, errors.Refused]] = []
        async with self._ledger.transaction() as tx:
            await self._fill(desk, batch, tx)
            for asked in batch:
                try:
                    results.append((asked, asked.job.apply(desk)))
                except errors.Refused as error:
                    refused.append((asked, error))
            at = self._clock()
            settled = [asked.job.wish for asked in batch if isinstance(asked.job, SettleWish)]
            lease = at + timedelta(seconds=LEASE_S)
            written = await tx.write(desk.changes(), at, owner=self.owner, lease_until=lease, done=settled, last=True)
        return _Done(desk, written, results, refused)

    async def _fill(self, desk: Desk, batch: list[_Asked], tx: Transaction) -> None:
        ids = {asked.job.call_id for asked in batch if isinstance(asked.job, _ABOUT_ONE)}
        for call_id, call in (await tx.load(ids)).items() if ids else ():
            desk.drafts[call_id] = Draft(call, call.revision)
        keys = {(a.job.wanted.client, a.job.wanted.key) for a in batch if isinstance(a.job, OpenCall)}
        if keys:
            desk.keys.update(await tx.idempotent(keys))
        await self._recall(desk, batch, tx)

    async def _recall(self, desk: Desk, batch: list[_Asked], tx: Transaction) -> None:
        """What citizens and numbers did lately, and the apps that make their codes: for those in this batch who need
        it."""
        people: dict[Whose, Rules] = {}
        with_apps: set[tuple[str, str]] = set()
        for asked in batch:
            match asked.job:
                case OpenCall(wanted=wanted, rules=rules) if rules.count:
                    people[whose(wanted.request)] = rules
                case AskCode(call_id=id_, judge=judge) | ConfirmCall(call_id=id_, judge=judge):
                    draft = desk.drafts.get(id_)
                    if draft and draft.call:
                        people[whose(draft.call.request)] = judge.rules
                        with_apps.add((draft.call.request.client, draft.call.request.user))
        if counted := {each: rules for each, rules in people.items() if rules.count}:
            memory = max(rules.memory for rules in counted.values())
            desk.tries.update(await tx.recent(counted, self._clock() - memory))
        if with_apps:
            desk.authenticators.update(await tx.authenticators(with_apps))

    def _tell(self, done: _Done) -> None:
        """After the commit, and only then, the world may know. After trouble it is also told how every call stands:
        an earlier commit may have been kept though nobody heard so."""
        self._feed.wrote(done.written.before, done.written.events)
        fresh: dict[str, list[StoredEvent]] = {}
        for stored in done.written.events:
            fresh.setdefault(stored.call_id, []).append(stored)
        for call_id, draft in done.desk.drafts.items():
            call = draft.call
            if call is None or not (draft.changed or self.trouble):
                continue
            for event in draft.events:
                snapshot = event.data["call"]
                self.tally.published(event.type, snapshot["outcome"])
                log.info(event.type, call=call_id, state=snapshot["state"], revision=event.sequence)
            if draft.events or self.trouble:
                self._hub.ring(call_id, call.revision, fresh.get(call_id, ()))
            self.on_changed(call)
            if draft.wake_at:
                self.on_wake(draft.wake_at)
        self.tally.judged(line.verdict for draft in done.desk.drafts.values() for line in draft.audit)
        self.on_owed(done.written.lanes)
        self.on_waiting(done.written.waiting)
        self.on_wishes(done.written.wishes)
        for asked, result in done.results:
            if not asked.answer.done():
                asked.answer.set_result(result)
        for asked, why in done.refused:
            _fail(asked, why)


def _translated(error: Exception) -> Exception:
    match error:
        case CitizenBusy(call_id=call_id):
            return errors.CitizenBusy(call_id)
        case AlreadyScheduled(call_id=call_id):
            return errors.AlreadyScheduled(call_id)
        case KeyUsed():
            # Another process was quicker with the same key: its answer is there in a moment.
            return errors.KeyInFlight("the first request with this Idempotency-Key is being answered")
    return error


def _is_awaited(job: Job) -> bool:
    """Whether a person waits: for a call, an abort, a transfer."""
    return isinstance(job, OpenCall | AnswerCall | AskCode | ConfirmCall) or (
        isinstance(job, TakeFact) and isinstance(job.event, _REQUESTS)
    )


_ABOUT_ONE = (TakeFact, AnswerCall, AskCode, ConfirmCall)
_REQUESTS = (e.AbortRequested, e.RedirectRequested, e.LimitRequested, e.MoveRequested, e.CallbackRequested)


def _fail(asked: _Asked, error: Exception) -> None:
    if not asked.answer.done():
        asked.answer.set_exception(error)
