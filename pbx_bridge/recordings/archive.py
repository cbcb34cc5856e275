"""The archive: it takes what Asterisk has finished out of the spool, and out of the store what may not be kept longer.

Every step can be the last one before the machine stops: a file in clear goes only when the sealed one and its row are
there, a row says `gone` only when its file is. What is begun anew comes to the same end (tests/rooms/test_archive.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from ..call.model import Call
from ..call.states import State
from ..conductor.ports import Clock
from ..ledger import AuditLine, KeptRecording, Ledger, LedgerUnavailable, Unreadable
from . import files
from .files import Left
from .lawful import Agreed, Forbidden, judge
from .sealed import Broken, new_key

log = structlog.get_logger(__name__)

#: Seconds between two looks into the spool, and between two sweeps of the store.
LOOK_S, SWEEP_S = 1.0, 3600.0
#: Facts of a call may be told a moment after its end.
SETTLE = timedelta(seconds=1)
#: So long after the last byte a file is finished, though its head does not say so: whoever wrote it has died.
STALE = timedelta(seconds=60)
#: A talk with one person is sealed before the whole call is over, when that takes so long.
LONG = timedelta(minutes=15)
#: What is in the store without a row for so long belongs to nothing.
STRAY = timedelta(hours=1)
ACTOR = "archive"


class Archive:
    """One spool and one store. `keep_days` says how long a service's recordings are kept."""

    def __init__(self, ledger: Ledger, spool: Path, store: Path, clock: Clock, keep_days: Callable[[str], int]) -> None:
        self._ledger = ledger
        self._spool, self._store = spool, store
        self._clock = clock
        self._keep_days = keep_days
        self.destroyed = 0
        """Files that were there without consent. It should be none."""

    async def run(self) -> None:
        """Until cancelled. What fails is tried again at the next look."""
        sweep_at = self._clock()
        while True:
            try:
                await self.collect()
                await self.bury()
                if self._clock() >= sweep_at:
                    await self.sweep()
                    sweep_at = self._clock() + timedelta(seconds=SWEEP_S)
            except (LedgerUnavailable, OSError) as error:
                log.warning("recordings wait in the spool; they will be sealed later", why=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def collect(self) -> int:
        """Seal what is finished; how many that were. Raises LedgerUnavailable, OSError."""
        found = await asyncio.to_thread(lambda: list(files.left_in(self._spool)))
        done = 0
        for left in found:
            call = await self._ledger.call(left.name.call_id)
            if _is_due(left, call, self._clock()):
                done += await self._take(left, call)
        return done

    async def _take(self, left: Left, call: Call | None) -> bool:
        """Whether it was sealed."""
        verdict = await self._judge(left, call)
        if isinstance(verdict, Forbidden) or call is None:
            await self._destroy(left, verdict.why if isinstance(verdict, Forbidden) else "")
            return False
        if not left.has_sound:
            await self._discard(left)
            return False
        return await self._keep(left, call, verdict)

    async def _judge(self, left: Left, call: Call | None) -> Agreed | Forbidden:
        if call is None:
            return judge(None, (), None, left.name.began_at)
        events = await self._ledger.events(call.id)
        profile = await self._ledger.profile(call.request.client, call.request.user)
        return judge(call, events, profile, left.name.began_at)

    async def _destroy(self, left: Left, why: str) -> None:
        """Unheard. The line first: nothing goes without one."""
        self.destroyed += 1
        log.error("a recording without consent was found and is deleted unheard", recording=left.name.id, why=why)
        detail = {"recording": left.name.id, "why": why}
        line = AuditLine(self._clock(), ACTOR, "destroy-recording", "taken", detail, left.name.call_id)
        await self._ledger.note([line])
        await self._discard(left)

    async def _keep(self, left: Left, call: Call, agreed: Agreed) -> bool:
        id_, at = left.name.id, self._clock()
        if await self._ledger.recording(id_):
            await self._discard(left)  # sealed before the last stop
            return False
        key = new_key()
        made = await asyncio.to_thread(files.seal, self._spool / left.name.name, left, self._store, key)
        new = KeptRecording(
            id=id_,
            call_id=call.id,
            service=call.request.service,
            began_at=left.name.began_at,
            length_ms=left.length_ms,
            size=made.size,
            sha256=made.sha256,
            sha256_sealed=made.sha256_sealed,
            key=key,
            consent_at=agreed.at,
            consent_how=agreed.how,
            consent_text=agreed.text_version,
            kept_at=at,
            keep_until=left.name.began_at + timedelta(days=self._keep_days(call.request.service)),
        )
        detail = {"recording": id_, "seconds": left.length_ms // 1000, "consent": agreed.how}
        kept = await self._ledger.keep_recording(new, AuditLine(at, ACTOR, "record", "taken", detail, call.id))
        if not kept and await self._ledger.recording(id_) is None:
            # The citizen was erased in this moment.
            await asyncio.to_thread(files.drop, self._store, id_)
        await self._discard(left)
        log.info("a recording was sealed", recording=id_, call=call.id)
        return kept

    async def _discard(self, left: Left) -> None:
        await asyncio.to_thread((self._spool / left.name.name).unlink, missing_ok=True)

    # ── the store ────────────────────────────────────────────────────────────────────────────────────────
    async def sweep(self) -> int:
        """Delete what may not be kept longer, and what belongs to nothing; how many recordings that were. Raises
        LedgerUnavailable, OSError."""
        at, gone = self._clock(), 0
        while due := await self._ledger.due_recordings(at):
            for each in due:
                await self._ledger.doom_recording(each.id, "retention", _purged(each, at, ACTOR, "retention"))
        gone += await self.bury()
        known = await self._known()
        for path in await asyncio.to_thread(lambda: list(files.strays(self._store, known, at - STRAY))):
            log.warning("a file in the store belongs to no recording and is deleted", file=path.name)
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return gone

    async def bury(self) -> int:
        """Delete the files of recordings that nobody can hear any more; how many. Raises LedgerUnavailable, OSError."""
        gone = 0
        while doomed := await self._ledger.doomed_recordings():
            for each in doomed:
                await asyncio.to_thread(files.drop, self._store, each.id)
                await self._ledger.recording_gone(each.id)
                gone += 1
        return gone

    async def purge(self, id_: str, by: str, why: str) -> bool:
        """Delete one now. False when it was gone before."""
        known = await self._ledger.recording(id_)
        if known is None:
            return False
        doomed = await self._ledger.doom_recording(id_, why, _purged(known, self._clock(), by, why))
        await self.bury()
        return doomed

    async def _known(self) -> frozenset[str]:
        known, after = set[str](), ""
        while page := await self._ledger.recordings(after):
            known |= {each.id for each in page}
            after = page[-1].id
        return frozenset(known)

    # ── listening ────────────────────────────────────────────────────────────────────────────────────────
    async def sound(self, recording: KeptRecording) -> AsyncIterator[bytes]:
        """The WAV file in pieces, proved. Nothing is given before the whole file was compared with its checksum.
        Raises Unreadable."""
        if recording.key is None:
            raise Unreadable(f"{recording.id} is gone")
        pieces = files.open_sealed(self._store, recording.id, recording.key, recording.sha256_sealed)
        try:
            while piece := await asyncio.to_thread(next, pieces, None):
                yield piece
        except (Broken, OSError) as error:
            words = str(error) if isinstance(error, Broken) else "its file cannot be read"
            log.error("a recording cannot be heard", recording=recording.id, why=words)
            raise Unreadable(f"{recording.id}: {words}") from None


def _is_due(left: Left, call: Call | None, at: datetime) -> bool:
    """Whether nobody writes to the file, and everything that can be said of its call has been said."""
    closed = left.is_finished or files.age(left, at) >= STALE
    if call is None:
        return files.age(left, at) >= STALE
    if call.state is not State.ENDED:
        return left.is_finished and files.age(left, at) >= LONG
    return closed and call.ended_at is not None and at >= call.ended_at + SETTLE


def _purged(recording: KeptRecording, at: datetime, by: str, why: str) -> AuditLine:
    return AuditLine(at, by, "purge-recording", "taken", {"recording": recording.id, "why": why}, recording.call_id)
