"""Recording through the whole loop, on the fake: who is taped, from when to when, and who is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pbx_bridge.asterisk.fake_recorder import Tape
from pbx_bridge.call.model import Consent, Given, RecordingState, Terms, call_of_leg
from pbx_bridge.call.partners import Recording as Recorded
from pbx_bridge.call.states import State
from pbx_bridge.conductor.errors import NotSteerable
from pbx_bridge.conductor.reception import HouseRules
from pbx_bridge.conductor.recordings import Ask
from pbx_bridge.conductor.steering import Target
from pbx_bridge.directory.service import Directory, Recording, Service
from pbx_bridge.hours.schedule import ALWAYS
from pbx_bridge.identity.citizen import Identity
from pbx_bridge.ledger.access import Citizen, Client, GivenConsent, Profile
from pbx_bridge.phone import Phone
from tests.house import ANNA, BORIS, House, wanted

pytest_plugins = ("tests.house_plugin",)

YES, NO = Consent(True, True, "2026-01"), Consent(True, False, "2026-01")
HOTLINE = "88001002030"
SUPPORT = Service("support", "support", ALWAYS, numbers=(HOTLINE,), recording=Recording(offer=True))


async def asked(service: House, consent: Consent | None = YES, **more: Any) -> str:
    """A call of Anna's, with what she said; its id."""
    plain = wanted(ANNA, **more)
    told = replace(plain, request=replace(plain.request, consent=consent), terms=replace(plain.terms, record=True))
    return (await service.conductor.open(told)).call_id


async def talking(service: House, consent: Consent | None = YES, *, minds: bool = False) -> tuple[str, Tape]:
    service.fake.citizen(ANNA).minds_recording = minds
    service.fake.agent("ann")
    call = await asked(service, consent)
    await service.until(call, State.TALKING)
    await service.works(5)
    return call, tape(service, call)


def tape(service: House, call: str, attempt: int = 1) -> Tape:
    return service.fake.recorder.tapes[f"pb.{call}.{attempt}"]


async def state(service: House, call: str) -> RecordingState | None:
    recording = (await service.present(call)).recording
    return recording.state if recording else None


async def test_who_agreed_is_taped_while_they_talk_with_somebody(service: House) -> None:
    call, taped = await talking(service)
    assert (taped.is_written, await state(service, call)) == (True, RecordingState.ON)
    await service.conductor.abort(call, by="client:x")
    (part,) = taped.parts
    assert part.agent == "ann"
    assert part.ended_at is not None
    assert await state(service, call) is RecordingState.OVER


@pytest.mark.parametrize("consent", [None, NO])
async def test_who_did_not_agree_is_not(service: House, consent: Consent | None) -> None:
    call, taped = await talking(service, consent)
    assert (taped.parts, await state(service, call)) == ([], None)


async def test_who_presses_0_is_not_and_talks_all_the_same(service: House) -> None:
    call, taped = await talking(service, minds=True)
    assert (taped.parts, await state(service, call)) == ([], RecordingState.REFUSED)


async def test_a_pause_and_its_end_reach_asterisk(service: House) -> None:
    call, taped = await talking(service)
    for ask, written in ((Ask.PAUSE, False), (Ask.RESUME, True), (Ask.STOP, False)):
        await service.conductor.steer_recording(call, ask, by="client:x")
        await service.works(1)
        assert taped.is_written is written, ask
    with pytest.raises(NotSteerable, match="withdrawn"):
        await service.conductor.steer_recording(call, Ask.RESUME, by="client:x")
    await service.conductor.steer_recording(call, Ask.STOP, by="client:x")


async def test_what_was_taken_back_while_asterisk_was_away_is_taken_back_when_it_is_there(service: House) -> None:
    call, taped = await talking(service)
    async with service.cut():
        await service.conductor.steer_recording(call, Ask.STOP, by="client:x")
        assert taped.is_written
    await service.works(2)
    assert not taped.is_written
    assert not taped.consent


async def test_behind_a_redirect_is_another_part(service: House) -> None:
    call, taped = await talking(service)
    service.fake.agent("eve", "other")
    await service.conductor.redirect(call, Target(queue="other"), by="client:x")
    await service.until(call, State.TALKING)
    assert [part.agent for part in taped.parts] == ["ann", "eve"]
    first, second = taped.parts
    assert first.ended_at is not None
    assert first.ended_at <= second.began_at


async def test_somebody_outside_is_recorded_only_behind_a_notice_of_its_own(service: House) -> None:
    call, taped = await talking(service)
    service.fake.citizen(BORIS, after_s=5)
    await service.conductor.redirect(call, Target(number=Phone(BORIS)), by="client:x")
    await service.until(call, State.TALKING)
    assert await state(service, call) is RecordingState.ASKED
    await service.works(5)
    assert [part.agent for part in taped.parts] == ["ann", "outside"]
    assert taped.parts[0].ended_at is not None
    recording = (await service.present(call)).recording
    assert recording == Recorded(RecordingState.ON, parts=2)


async def test_a_citizen_who_says_no_is_not_recorded_any_more_in_any_call(service: House) -> None:
    call, taped = await talking(service)
    request = (await service.present(call)).request
    await service.conductor.withdraw_consent("portal", "somebody-else", by="client:x")
    await service.works(1)
    assert taped.is_written
    await service.conductor.withdraw_consent(request.client, request.user, by="client:x")
    await service.works(1)
    assert not taped.is_written


async def test_who_dials_in_is_recorded_where_they_were_recognised_and_agreed_before(service: House) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    service.directory = Directory({"support": SUPPORT})
    service.conductor._porter._house = HouseRules(Terms(record=True))
    await service.ledger.add_client(Client("portal", "portal", frozenset(), at, 600))
    anna = Identity(phone=Phone(ANNA), verified=frozenset({"phone"}))
    await service.ledger.keep_citizen(Citizen("portal", "anna", anna.to_data(), anna.marks(), at))
    await service.ledger.keep_profile(Profile("portal", "anna", consents=(GivenConsent(YES, at),), updated_at=at))
    service.fake.agent("ann")
    for number, is_taped in ((ANNA, True), ("+79162222222", False)):
        leg = await service.dials_in(number, HOTLINE)
        await service.until(call_of_leg(leg) or "", State.TALKING)
        call = await service.present(call_of_leg(leg) or "")
        if is_taped:
            assert call.request.consent == replace(YES, how=Given.PROFILE, at=at)
        assert service.fake.recorder.tapes[leg].is_written is is_taped, number
        await service.conductor.abort(call.id, by="client:x")
        await service.works(10)
