"""A device is rung: what is told of it, and what is refused."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Source
from pbx_bridge.call.model import Device, DeviceKind
from pbx_bridge.conductor.ports import AlreadyDialled, DialOrder, DialRefused, NoSuchLeg
from tests.contract.town import Ear, Town, dialled, in_stages, order

pytest_plugins = ("tests.virtual_time_plugin",)

#: What Asterisk 22 makes of each SIP answer (docs/causes.md).
REFUSALS = {486: 17, 603: 21, 403: 21, 404: 1, 480: 19, 408: 18, 503: 34, 488: 58, 484: 28, 500: 38}


@pytest.mark.parametrize(("sip", "q850"), REFUSALS.items())
async def test_a_refusal_is_told_with_its_codes(town: Town, ear: Ear, sip: int, q850: int) -> None:
    leg = await dialled(town, await town.refusing_number(sip))
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg) == [e.DeviceGone(leg, sip, q850)]


async def test_a_device_rings_once(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town)
    await anna.rings()
    await ear.hears(e.DeviceRang, leg)
    await anna.declines(486)
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg) == [e.DeviceRang(leg), e.DeviceGone(leg, 486, 17)]


async def test_a_citizen_who_declines_is_told_apart_from_a_busy_one(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town)
    await anna.rings()
    await anna.declines(603)
    gone = await ear.hears(e.DeviceGone, leg)
    assert gone == e.DeviceGone(leg, 603, 21)


async def test_asterisk_itself_ends_the_ringing(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town, ring_s=2)
    await anna.rings()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg) == [e.DeviceRang(leg), e.DeviceGone(leg, 480, 19)]
    await anna.hears_the_end()


async def test_asterisk_itself_gives_a_silent_line_up(town: Town, ear: Ear) -> None:
    leg = await dialled(town, await town.silent_number(), ring_s=2)
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg) == [e.DeviceGone(leg, 480, 19)]


async def test_a_leg_that_lives_is_not_dialled_again(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town)
    await anna.rings()
    with pytest.raises(AlreadyDialled):
        await town.exchange.dial(order(leg=leg))
    await anna.declines()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg) == [e.DeviceRang(leg), e.DeviceGone(leg, 603, 21)]


async def test_an_address_without_an_endpoint_is_refused(town: Town, ear: Ear) -> None:
    with pytest.raises(DialRefused) as refusal:
        await dialled(town, "nobody")
    assert refusal.value.cause.slug == "no_endpoint"
    assert refusal.value.cause.source is Source.SERVICE


async def test_a_device_without_address_is_refused(town: Town) -> None:
    nowhere = DialOrder("pb.call_x.1", Device(DeviceKind.BROWSER), "quick", 20, 60, 300, "1", "ru")
    with pytest.raises(DialRefused) as refusal:
        await town.exchange.dial(nowhere)
    assert refusal.value.cause.slug == "no_endpoint"


async def test_a_sip_device_rings_by_its_address(town: Town, ear: Ear) -> None:
    alice = await town.sip_citizen("alice")
    leg = await dialled(town, "alice")
    await alice.rings()
    await ear.hears(e.DeviceRang, leg)


async def test_a_ringing_leg_can_be_hung_up_once(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town)
    await anna.rings()
    await ear.hears(e.DeviceRang, leg)
    await town.exchange.hang_up(leg)
    await anna.hears_the_end()
    gone = await ear.hears(e.DeviceGone, leg)
    assert gone == e.DeviceGone(leg, None, 16)
    with pytest.raises(NoSuchLeg):
        await town.exchange.hang_up(leg)


async def test_a_leg_that_never_was_cannot_be_hung_up(town: Town) -> None:
    with pytest.raises(NoSuchLeg):
        await town.exchange.hang_up("pb.call_never.1")
