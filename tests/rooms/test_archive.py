"""The archive: what it takes, what it refuses, and that no moment in which the machine dies changes the end."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Consent
from pbx_bridge.ledger import Ledger, Unreadable
from pbx_bridge.ledger.access import GivenConsent, Profile
from pbx_bridge.recordings.archive import Archive

from .ledger_calls import KEY, NOON, PEPPER
from .recording_files import CALL, NO, OVER, TALK, YES, facts, keep, leave, lived, wav

pytest_plugins = ("tests.ledger_plugin",)

END = TALK + OVER
LATER = END + timedelta(seconds=10)


class Desk:
    """An archive on folders of its own, at a time that stands still until it is moved."""

    def __init__(self, ledger: Any, folder: Path) -> None:
        self.ledger, self.spool, self.store = ledger, folder / "spool", folder / "store"
        self.now = LATER
        for each in (self.spool, self.store):
            each.mkdir(exist_ok=True)
        self.archive = Archive(ledger, self.spool, self.store, lambda: self.now, lambda service: 30)

    async def hears(self) -> list[bytes]:
        kept = [each for each in await self.ledger.recordings_of_call(CALL) if each.key]
        return [b"".join([piece async for piece in self.archive.sound(each)]) for each in kept]

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in (*self.spool.rglob("*"), *self.store.rglob("*")) if path.is_file())


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Desk:
    return Desk(ledger, tmp_path)


async def actions(ledger: Ledger) -> list[str]:
    return [each.line.action for each in await ledger.audit()]


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────
async def test_a_finished_file_is_sealed_and_nothing_is_left_in_clear(desk: Desk) -> None:
    sound = wav(5.0)
    await keep(desk.ledger, lived(facts()))
    leave(desk.spool, sound)
    assert await desk.archive.collect() == 1
    (recording,) = await desk.ledger.recordings_of_call(CALL)
    (file,) = desk.files
    assert await desk.hears() == [sound]
    assert (recording.sha256, recording.length_ms) == (hashlib.sha256(sound).hexdigest(), 5000)
    assert (recording.consent_how, recording.consent_text, recording.consent_at) == ("request", "2026-01", NOON)
    assert sound[44:144] not in file.read_bytes()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (await actions(desk.ledger))[-1] == "record"


async def test_of_an_asterisk_that_died_the_sound_is_whole(desk: Desk) -> None:
    await keep(desk.ledger, lived(facts()))
    leave(desk.spool, wav(1.0, closed=False))
    desk.now = TALK + timedelta(seconds=61)
    assert await desk.archive.collect() == 0, "the call goes on for all that is known"
    desk.now = LATER
    assert await desk.archive.collect() == 1
    assert await desk.hears() == [wav(1.0)]


async def test_what_is_still_written_is_left_alone(desk: Desk) -> None:
    await keep(desk.ledger, lived(facts(ended=False)))
    file = leave(desk.spool, wav(1.0), written_at=LATER)
    assert await desk.archive.collect() == 0
    assert desk.files == [file]


async def test_silence_is_not_kept(desk: Desk) -> None:
    await keep(desk.ledger, lived(facts()))
    leave(desk.spool, wav(0))
    await desk.archive.collect()
    assert desk.files == []
    assert await desk.ledger.recordings() == []


# ── what must not be ─────────────────────────────────────────────────────────────────────────────────────
UNLAWFUL = {
    "the request said no": lived(facts(), NO),
    "nobody was asked": lived(facts(), None),
    "the service does not record": lived(facts(), offered=False),
    "it was refused by a key before": lived(facts((5, e.RecordingRefused("pb.call_01kerecorded0000000000000.1")))),
    "it was taken back before": lived(facts((6, e.ConsentWithdrawn("client:portal")))),
}


@pytest.mark.parametrize("why", UNLAWFUL)
async def test_a_file_without_consent_is_deleted_unheard(desk: Desk, why: str) -> None:
    await keep(desk.ledger, UNLAWFUL[why])
    leave(desk.spool, wav())
    assert await desk.archive.collect() == 0
    assert (desk.files, await desk.ledger.recordings(), desk.archive.destroyed) == ([], [], 1)
    assert (await actions(desk.ledger))[-1] == "destroy-recording"


async def test_a_file_of_no_call_is_deleted_unheard(desk: Desk) -> None:
    leave(desk.spool, wav())
    await desk.archive.collect()
    assert (desk.files, desk.archive.destroyed) == ([], 1)


async def test_what_was_taken_back_in_the_profile_before_the_talk_counts(desk: Desk) -> None:
    await keep(desk.ledger, lived(facts()))
    no = GivenConsent(Consent(True, False, "2026-01"), NOON + timedelta(seconds=5))
    await desk.ledger.keep_profile(Profile("portal", "u-1", consents=(no,), updated_at=NOON))
    leave(desk.spool, wav())
    assert await desk.archive.collect() == 0
    assert desk.files == []


async def test_what_was_recorded_before_it_was_taken_back_stays(desk: Desk) -> None:
    await keep(desk.ledger, lived(facts((30, e.ConsentWithdrawn("client:portal")))))
    leave(desk.spool, wav())
    assert await desk.archive.collect() == 1


# ── how it ends ──────────────────────────────────────────────────────────────────────────────────────────
async def kept(desk: Desk) -> str:
    await keep(desk.ledger, lived(facts()))
    leave(desk.spool, wav())
    await desk.archive.collect()
    return str((await desk.ledger.recordings_of_call(CALL))[0].id)


async def test_when_its_time_is_over_it_is_gone(desk: Desk) -> None:
    id_ = await kept(desk)
    desk.now = TALK + timedelta(days=29)
    assert (await desk.archive.sweep(), len(desk.files)) == (0, 1)
    desk.now = TALK + timedelta(days=30)
    assert (await desk.archive.sweep(), desk.files) == (1, [])
    recording = await desk.ledger.recording(id_)
    assert recording
    assert (recording.state, recording.key, recording.why) == ("gone", None, "retention")
    assert (await actions(desk.ledger))[-1] == "purge-recording"


async def test_who_is_erased_is_heard_by_nobody_from_that_moment_on(desk: Desk) -> None:
    id_ = await kept(desk)
    assert (await desk.ledger.export("portal", "u-1"))["calls"][0]["recordings"][0]["id"] == id_
    await desk.ledger.erase("portal", "u-1", LATER)
    recording = await desk.ledger.recording(id_)
    assert recording
    assert (recording.key, recording.consent_text) == (None, None)
    with pytest.raises(Unreadable):
        await anext(desk.archive.sound(recording))
    assert (await desk.archive.bury(), desk.files) == (1, [])


async def test_a_file_that_comes_after_the_erasure_is_deleted_unheard(desk: Desk) -> None:
    await keep(desk.ledger, lived(facts()))
    leave(desk.spool, wav())
    await desk.ledger.erase("portal", "u-1", LATER)
    await desk.archive.collect()
    assert (desk.files, await desk.ledger.recordings()) == ([], [])


@pytest.mark.parametrize("place", [3, 40, 70_000, -1])
async def test_a_changed_file_is_not_heard(desk: Desk, place: int) -> None:
    await keep(desk.ledger, lived(facts()))
    leave(desk.spool, wav(6.0))
    await desk.archive.collect()
    (file,) = desk.files
    changed = bytearray(file.read_bytes())
    changed[place] ^= 1
    file.write_bytes(changed)
    (recording,) = await desk.ledger.recordings_of_call(CALL)
    heard: list[bytes] = []

    async def listens() -> None:
        async for piece in desk.archive.sound(recording):
            heard.append(piece)

    with pytest.raises(Unreadable):
        await listens()
    assert heard == [], "not even the part before the change"


async def test_another_key_in_front_opens_it_too(desk: Desk, ledger_url: str) -> None:
    await kept(desk)
    fresh = bytes(reversed(KEY))
    for keys in ([fresh, KEY], [fresh]):
        ledger = await Ledger.open(ledger_url, keys, pepper=PEPPER)
        await ledger.reseal()
        desk.archive._ledger = desk.ledger = ledger
        assert await desk.hears() == [wav()]
        await ledger.close()


# ── dying in the middle ──────────────────────────────────────────────────────────────────────────────────
class Died(BaseException):
    """kill -9."""


class Mortal:
    """Counts what an archive does to the world, and dies at one step: before it, or just after."""

    def __init__(self, ledger: Ledger, at: float) -> None:
        self._ledger, self._at, self._step = ledger, at, itertools.count()

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._ledger, name)
        return lambda *args: self.does(lambda: ask(*args))

    def thread(self, to_thread: Any, *args: Any, **how: Any) -> Awaitable[Any]:
        return self.does(lambda: to_thread(*args, **how))

    async def does(self, act: Callable[[], Awaitable[Any]]) -> Any:
        step = next(self._step)
        if step == self._at:
            raise Died
        done = await act()
        if step + 0.5 == self._at:
            raise Died
        return done


@pytest.mark.parametrize("ends", ["kept", "purged"])
async def test_wherever_it_dies_the_next_life_comes_to_the_same_end(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    to_thread = asyncio.to_thread
    for tries in itertools.count():
        ledger = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER)
        folder = tmp_path / f"{tries}"
        folder.mkdir()
        mortal = Mortal(ledger, tries / 2)
        desk = Desk(mortal, folder)
        call = f"call_{tries:026}"
        await keep(ledger, renamed(call))
        leave(desk.spool, wav(), leg=f"pb.{call}.1")
        monkeypatch.setattr(asyncio, "to_thread", partial(mortal.thread, to_thread))
        died = await life(desk, ends)
        monkeypatch.setattr(asyncio, "to_thread", to_thread)
        desk = Desk(ledger, folder)
        assert not await life(desk, ends)
        recordings = await ledger.recordings_of_call(call)
        assert [each.state for each in recordings] == (["kept"] if ends == "kept" else ["gone"]), tries
        assert len(desk.files) == (1 if ends == "kept" else 0), tries
        if ends == "kept":
            assert b"".join([piece async for piece in desk.archive.sound(recordings[0])]) == wav()
        lines = [each.line.action for each in await ledger.audit(call)]
        assert lines == ["open", "record", *(["purge-recording"] if ends == "purged" else [])], tries
        await ledger.close()
        if not died:
            assert tries > 8, "it did something at all"
            return


async def life(desk: Desk, ends: str) -> bool:
    """Whether it died in the middle."""
    try:
        await desk.archive.collect()
        if ends == "purged":
            desk.now += timedelta(days=31)
            await desk.archive.sweep()
    except Died:
        return True
    return False


def renamed(call: str) -> Any:
    """The same life under another name."""
    change = lived(facts(), YES)
    assert change.call
    user = replace(change.call.request, user=call)
    return replace(change, call=replace(change.call, id=call, ticket=call[-9:], request=user))
