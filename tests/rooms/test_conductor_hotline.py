"""People who dial the public number: the same hours, queues, events and history as for those whom a portal asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pbx_bridge.call.model import Direction, WhenFull, call_of_leg, leg_id
from pbx_bridge.call.states import State
from pbx_bridge.conductor.ports import Incoming, Reception
from pbx_bridge.directory.service import Callbacks, Directory, Limits, Service
from pbx_bridge.hours.schedule import DESK
from pbx_bridge.identity.citizen import Identity
from pbx_bridge.ledger.access import Citizen, Client
from pbx_bridge.line.pacing import Rules
from pbx_bridge.phone import Phone
from tests.house import ANNA, House
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

HOTLINE = "88001002030"
SUPPORT = Service(
    "support",
    "support",
    DESK,
    numbers=(HOTLINE,),
    callbacks=Callbacks(Rules(attempts=2, least=1)),
    limits=Limits(then=WhenFull.CALLBACK),
)
CLOSED = timedelta(hours=6)


@pytest.fixture
async def desk(service: House) -> House:
    service.directory = Directory({"support": SUPPORT})
    return service


def incoming(desk: House, caller: str | None = ANNA, dialled: str = HOTLINE, number: int = 1) -> Incoming:
    return Incoming(leg_id(f"call_h1763858613x{number}", 1), dialled, Phone(caller) if caller else None, desk.time())


async def received(desk: House, who: Incoming) -> Reception:
    reception = await desk.conductor.receive(who)
    assert reception
    return reception


async def test_in_hours_a_caller_goes_to_the_queue_with_a_ticket_and_a_call_of_their_own(desk: House) -> None:
    who = incoming(desk)
    reception = await received(desk, who)
    call = await desk.present(call_of_leg(who.leg) or "")
    assert (reception.queue, reception.ticket) == ("support", call.ticket)
    assert (call.state, call.attempt, call.leg) == (State.ANSWERED, 1, who.leg)
    assert call.request.direction is Direction.INBOUND
    first = (await desk.history(call.id))[0]
    assert (first["type"], first["data"]["call"]["direction"]) == ("call.accepted", "inbound")


async def test_out_of_hours_a_caller_hears_when_the_desk_opens_and_may_choose_a_callback(desk: House) -> None:
    desk.time.set_clock(CLOSED)
    reception = await received(desk, incoming(desk))
    assert (reception.queue, reception.offer, reception.opens[0]) == (None, True, "closed")
    assert len(reception.opens) > 1


async def test_who_asks_twice_about_one_call_gets_one_call(desk: House) -> None:
    who = incoming(desk)
    assert await received(desk, who) == await received(desk, who)


async def test_a_caller_whose_number_a_portal_has_verified_is_that_citizen(desk: House) -> None:
    identity = Identity(phone=Phone(ANNA), verified=frozenset({"phone"}))
    await desk.ledger.add_client(Client("portal", "portal", frozenset(), desk.time(), 900))
    await desk.ledger.keep_citizen(Citizen("portal", "u-anna", identity.to_data(), identity.marks(), desk.time()))
    who = incoming(desk)
    await received(desk, who)
    call = await desk.present(call_of_leg(who.leg) or "")
    assert (call.request.client, call.request.user) == ("portal", "u-anna")


async def test_a_caller_whom_nobody_knows_has_a_name_that_tells_no_number(desk: House) -> None:
    first, again = incoming(desk), incoming(desk, number=2)
    await received(desk, first)
    call = await desk.present(call_of_leg(first.leg) or "")
    await desk.conductor.abort(call.id, by="test")
    await received(desk, again)
    assert (await desk.present(call_of_leg(again.leg) or "")).request.user == call.request.user
    assert call.request.client == "hotline"
    assert ANNA[-7:] not in call.request.user


async def test_a_caller_without_a_number_is_served_and_offered_no_callback(desk: House) -> None:
    desk.time.set_clock(CLOSED)
    assert not (await received(desk, incoming(desk, None))).offer


async def test_a_number_that_may_not_be_rung_is_offered_no_callback(desk: House) -> None:
    desk.directory = Directory({"support": replace(SUPPORT, prefixes=("+7495",))})
    desk.time.set_clock(CLOSED)
    who = incoming(desk)
    assert not (await received(desk, who)).offer
    assert (await desk.present(call_of_leg(who.leg) or "")).request.devices == ()


async def test_a_number_that_belongs_to_no_service_is_nobodys(desk: House) -> None:
    assert await desk.conductor.receive(incoming(desk, dialled="84951234567")) is None


async def test_a_citizen_who_talks_already_is_served_as_somebody_unknown(desk: House) -> None:
    first, second = incoming(desk), incoming(desk, number=2)
    await received(desk, first)
    assert (await received(desk, second)).queue == "support"
    users = {(await desk.present(call_of_leg(each.leg) or "")).request.user for each in (first, second)}
    assert len(users) == 2


async def test_a_callback_that_was_chosen_at_night_rings_in_the_morning(desk: House) -> None:
    desk.fake.citizen(ANNA, presses="1")
    desk.fake.agent("ann", hangs_up_after_s=30)
    desk.time.set_clock(CLOSED + timedelta(hours=11))
    leg = await desk.dials_in(ANNA, HOTLINE)
    call = call_of_leg(leg) or ""
    waits = await desk.until(call, State.SCHEDULED)
    assert waits.scheduled_for == NOON + timedelta(hours=18)
    end = await desk.end(call)
    assert end.outcome == "completed"


async def test_a_caller_who_came_while_the_service_was_away_is_in_the_history(desk: House) -> None:
    desk.fake.agent("ann", hangs_up_after_s=600)
    await desk.dials_in(ANNA, HOTLINE)
    await desk.stop()
    leg = await desk.dials_in("+79162222222", HOTLINE)
    await desk.time.advance(5)
    await desk.start()
    call = await desk.until(call_of_leg(leg) or "", State.QUEUED, State.TALKING)
    assert call.request.direction is Direction.INBOUND
