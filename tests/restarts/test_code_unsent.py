"""The service is killed (-9) around the second step: the citizen gets one message, hears one telephone, types once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.stage import Mobile, Plan, Stage
from workshop.portal import Portal, Reply
from workshop.sms import Gateway

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.fixture(scope="module")
def plan(gateway: Gateway) -> Plan:
    often = dict.fromkeys(("CODES_PER_HOUR_OF_NUMBER", "CODES_PER_HOUR_OF_CITIZEN", "WRONG_CODES"), "1000")
    limits = {f"PBX_LIMITS__{name}": value for name, value in (often | {"CODE_PAUSE_S": "0"}).items()}
    return Plan(environment={"PBX_SMS__URL": gateway.url, **limits})


@pytest_asyncio.fixture(loop_scope="module")
async def portal(stage: Stage, gateway: Gateway) -> AsyncIterator[Portal]:
    """Its citizens type codes."""
    gateway.manner = "takes"
    async with await stage.service.portal(second_step="code") as portal:
        yield portal


async def state(portal: Portal, call: str, *states: str) -> None:
    await portal.until(call, *states, within_s=20)


def sent(gateway: Gateway, call: str) -> list[str]:
    """The keys of this call's messages, each as often as a message went out."""
    return [message.key for message in gateway.messages if message.key.startswith(call)]


async def confirms(stage: Stage, portal: Portal, citizen: Mobile, call: str, code: str) -> None:
    """With the right code the citizen's telephone rings, once more than before."""
    before = citizen.rung_count
    stage.expects(citizen.number)
    assert (await portal.confirm(call, code)).status == 200
    await citizen.rings()
    assert citizen.rung_count == before + 1
    await portal.abort(call)
    await state(portal, call, "ended")


def others(code: str, count: int) -> list[str]:
    """So many wrong ones."""
    return [f"{(int(code) + each) % 10**6:06d}" for each in range(1, count + 1)]


# ── as a text message ────────────────────────────────────────────────────────────────────────────────────
async def test_killed_before_the_gateway_answered_and_the_citizen_gets_one_message(
    stage: Stage, gateway: Gateway, portal: Portal
) -> None:
    citizen = await stage.citizen()
    gateway.manner = "silent"  # it took the message; nobody learns that
    call = await portal.call(citizen.number)
    first = await gateway.message_for(citizen.number)
    async with stage.service_dead():
        gateway.manner = "takes"
    await state(portal, call, "awaiting_code")
    assert sent(gateway, call) == [first.key], "one message"
    assert gateway.requests[first.key] == 2, "asked for again, by the same key"
    await confirms(stage, portal, citizen, call, first.code)


async def test_killed_while_the_gateway_was_away_and_the_message_comes_afterwards(
    stage: Stage, gateway: Gateway, portal: Portal
) -> None:
    citizen = await stage.citizen()
    await gateway.stop()
    call = await portal.call(citizen.number)
    async with stage.service_dead():
        await gateway.start()
    code = await gateway.code_for(citizen.number)
    await state(portal, call, "awaiting_code")
    assert len(sent(gateway, call)) == 1
    await confirms(stage, portal, citizen, call, code)


async def test_killed_again_and_again_and_still_one_message(stage: Stage, gateway: Gateway, portal: Portal) -> None:
    citizen = await stage.citizen()
    gateway.manner = "hangs_up"
    call = await portal.call(citizen.number)
    code = await gateway.code_for(citizen.number)
    for _ in range(3):
        async with stage.service_dead():
            pass
    gateway.manner = "takes"
    await state(portal, call, "awaiting_code")
    assert len(sent(gateway, call)) == 1
    assert len([key for key in gateway.requests if key.startswith(call)]) == 1
    await confirms(stage, portal, citizen, call, code)


# ── read aloud ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("moment", ["ringing", "reading"])
async def test_killed_while_the_code_is_told_by_telephone_and_it_rings_no_second_time(
    stage: Stage, gateway: Gateway, portal: Portal, moment: str
) -> None:
    citizen = await stage.citizen()
    stage.expects(citizen.number)
    call = await portal.call(citizen.number, code_channel="voice")
    await citizen.rings()
    if moment == "reading":
        await citizen.answer()
        await citizen.hears_sound()
    async with stage.service_dead():
        await asyncio.sleep(0)
    await state(portal, call, "awaiting_code")
    if moment == "ringing":
        await citizen.answer()
    await citizen.hears_sound()  # Asterisk reads on by itself
    assert citizen.rung_count == 1
    assert not sent(gateway, call)
    assert (await portal.ask("POST", f"/v1/calls/{call}/code", {"channel": "sms"})).status == 202
    code = await gateway.code_for(citizen.number)
    await citizen.ended()  # a code that counts no more is read to nobody
    await confirms(stage, portal, citizen, call, code)


# ── tries and confirmations ──────────────────────────────────────────────────────────────────────────────
async def test_wrong_tries_are_not_forgotten(stage: Stage, gateway: Gateway, portal: Portal) -> None:
    citizen = await stage.citizen()
    call = await portal.call(citizen.number)
    code = await gateway.code_for(citizen.number)
    told: list[Reply] = []
    for guess in others(code, 3):
        told.append(await portal.confirm(call, guess))
        async with stage.service_dead():
            pass
    assert [reply.body["attempts_left"] for reply in told] == [2, 1, 0]
    assert (await portal.confirm(call, code)).problem == "nothing-to-confirm"
    assert (await portal.get(call))["state"] == "ended"
    assert citizen.rung_count == 0


async def test_a_code_that_was_right_before_the_kill_is_not_asked_for_again(
    stage: Stage, gateway: Gateway, portal: Portal
) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    stage.expects(citizen.number)
    call = await portal.call(citizen.number)
    code = await gateway.code_for(citizen.number)
    assert (await portal.confirm(call, code)).status == 200
    async with stage.service_dead():
        pass
    await citizen.rings()
    assert (await portal.confirm(call, code)).problem == "nothing-to-confirm"
    await citizen.answer()
    await ann.talks()
    await ann.hang_up()
    story = await portal.until(call, "ended")
    assert story.last["outcome"] == "completed"
    assert citizen.rung_count == 1
    assert len(sent(gateway, call)) == 1
    assert story.states.count("dialing") <= 1


async def test_a_code_that_is_typed_while_the_service_is_dead_is_typed_once(
    stage: Stage, gateway: Gateway, portal: Portal
) -> None:
    """Whether the answer or the request was lost, the portal asks again: one of the two is told that it was right."""
    citizen = await stage.citizen()
    stage.expects(citizen.number)
    call = await portal.call(citizen.number)
    code = await gateway.code_for(citizen.number)
    typed = asyncio.create_task(portal.confirm(call, code))
    async with stage.service_dead():
        first = (await asyncio.gather(typed, return_exceptions=True))[0]
    again = await portal.confirm(call, code)
    statuses = [reply.status for reply in (first, again) if isinstance(reply, Reply)]
    assert statuses in ([200], [409], [200, 409])
    await citizen.rings()
    await portal.abort(call)
    await state(portal, call, "ended")
    assert citizen.rung_count == 1
