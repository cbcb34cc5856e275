"""The portal can end a call in any state; whoever was quicker is told."""

from __future__ import annotations

import asyncio

import pytest

from tests.ending import Cause, Ending
from tests.stage import RINGING, TRYING, Stage
from workshop.portal import Reply

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

ALONE = "requested dialing ringing answered queued"


def check_won(reply: Reply) -> None:
    """The answer comes when the phone is silent, and says who ended the call."""
    assert reply.status == 200
    assert reply.body["call"]["state"] == "ended", reply.body
    assert reply.body["won"] is True
    assert reply.body["words"] == "the call was ended by an abort"


def check_aborted(end: Ending) -> None:
    assert end.outcome == "cancelled"
    assert end.cause == Cause("aborted", "portal")
    assert (end.words, end.words_ru) == ("the call was aborted by request", "Звонок отменён.")


async def test_a_call_that_was_just_accepted(stage: Stage) -> None:
    """Nothing can be said of whether it rang already: at most once, and no more after the answer."""
    numbers = [stage.number() for _ in range(5)]

    async def ask_and_abort(number: str) -> str:
        call = await stage.call(number)
        check_won(await stage.portal.abort(call))
        return call

    for number, call in zip(numbers, await asyncio.gather(*map(ask_and_abort, numbers)), strict=True):
        end = await stage.end(call)
        check_aborted(end)
        assert end.path in ("requested dialing ended", "requested dialing ringing ended")
        invites = await stage.trunk.invites(number)
        assert len(invites) <= 1
        if invites:
            assert (await stage.trunk.is_left(number)).facts == ("CANCEL",)


async def test_while_dialing(stage: Stage) -> None:
    call = await stage.call(TRYING)
    await stage.becomes(call, "dialing")
    await stage.trunk.is_called(TRYING)
    check_won(await stage.portal.abort(call))
    end = await stage.end(call)
    assert end.path == "requested dialing ended"
    check_aborted(end)
    assert (await stage.trunk.is_left(TRYING)).facts == ("CANCEL",)
    assert await stage.rings(call) == 1


async def test_while_ringing(stage: Stage) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    check_won(await stage.portal.abort(call))
    end = await stage.end(call)
    assert end.path == "requested dialing ringing ended"
    check_aborted(end)
    assert (await citizen.ended()).how == "cancelled there"
    assert citizen.rung_count == 1


async def test_while_waiting(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    before = await stage.occupy(ann)
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await stage.becomes(call, "queued")
    check_won(await stage.portal.abort(call))
    end = await stage.end(call)
    assert end.path == f"{ALONE} ended"
    check_aborted(end)
    assert (await citizen.ended()).how == "hung up there"
    await ann.hang_up()
    await stage.end(before)
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_while_an_agent_rings(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    check_won(await stage.portal.abort(call))
    end = await stage.end(call)
    assert end.path == f"{ALONE} offered ended"
    check_aborted(end)
    assert (await ann.ended()).how == "cancelled there"
    assert (await citizen.ended()).how == "hung up there"


async def test_while_talking(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    check_won(await stage.portal.abort(call))
    end = await stage.end(call)
    assert end.path == f"{ALONE} offered talking ended"
    check_aborted(end)
    assert (await ann.ended()).how == "hung up there"
    assert (await citizen.ended()).how == "hung up there"


async def test_while_on_hold(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await citizen.hears(ann.tone_hz)
    await citizen.hold()
    await stage.becomes(call, "on_hold")
    check_won(await stage.portal.abort(call))
    check_aborted(await stage.end(call))
    assert (await citizen.ended()).how == "hung up there"


async def test_again_and_again_is_the_same_abort(stage: Stage) -> None:
    call = await stage.call(RINGING)
    await stage.becomes(call, "ringing")
    for reply in await asyncio.gather(*(stage.portal.abort(call) for _ in range(5))):
        check_won(reply)
    check_won(await stage.portal.abort(call))
    check_aborted(await stage.end(call))
    assert await stage.rings(call) == 1


async def test_after_the_end_says_that_something_else_was_quicker(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await citizen.hang_up()
    before = await stage.end(call)
    reply = await stage.portal.abort(call)
    assert reply.status == 200
    assert reply.body["won"] is False
    assert reply.body["words"] == "the call had ended before: completed"
    assert reply.body["call"] == before.call
    assert (await stage.end(call)).events == before.events


async def test_a_race_with_the_citizens_own_goodbye_has_one_end_and_the_answer_tells_which(stage: Stage) -> None:
    ann = await stage.agent("ann")
    citizen = await stage.citizen()
    for _ in range(5):
        call = await stage.talk(citizen, ann)
        _, reply = await asyncio.gather(citizen.hang_up(), stage.portal.abort(call))
        end = await stage.end(call)
        assert reply.status == 200
        assert reply.body["won"] == (end.outcome == "cancelled")
        assert end.cause in (Cause("aborted", "portal"), Cause("citizen_hung_up", "citizen"))
        await citizen.ended()
        await ann.ended()
        await stage.is_quiet()


async def test_only_at_the_revision_that_was_seen_if_asked_so(stage: Stage) -> None:
    call = await stage.call(RINGING)
    revision = (await stage.becomes(call, "ringing"))["revision"]
    late = await stage.portal.abort(call, If_Match=f'"{revision - 1}"')
    assert (late.status, late.problem) == (412, "revision-passed")
    assert late.body["revision"] == revision
    check_won(await stage.portal.abort(call, If_Match=f'"{revision}"'))
    check_aborted(await stage.end(call))
