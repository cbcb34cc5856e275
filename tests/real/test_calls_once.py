"""However often a request is sent, the phone rings once."""

from __future__ import annotations

import asyncio

import pytest

from tests.stage import RINGING, Stage

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMES = 20


async def test_the_same_request_twenty_times_at_once_is_one_call_and_one_ring(stage: Stage) -> None:
    number = stage.number()
    replies = await asyncio.gather(*(stage.portal.initiate(number, key="press-1", user="u-once") for _ in range(TIMES)))
    assert [reply.status for reply in replies] == [202] * TIMES
    assert all(reply.body == replies[0].body for reply in replies)
    assert len({reply.headers["Location"] for reply in replies}) == 1
    assert sum(reply.headers.get("Idempotent-Replayed") == "true" for reply in replies) == TIMES - 1
    call = replies[0].body["call"]["id"]
    await stage.becomes(call, "ringing")
    again = await stage.portal.initiate(number, key="press-1", user="u-once")
    await stage.portal.abort(call)
    await stage.end(call)
    after = await stage.portal.initiate(number, key="press-1", user="u-once")
    for reply in (again, after):
        assert (reply.status, reply.body) == (202, replies[0].body)
        assert reply.headers["Idempotent-Replayed"] == "true"
    assert len(await stage.trunk.invites(number)) == 1
    listed = await stage.portal.ask("GET", "/v1/calls?user=u-once")
    assert [each["id"] for each in listed.body["calls"]] == [call]


async def test_the_same_key_with_another_body_is_refused_and_rings_nobody(stage: Stage) -> None:
    number, other = stage.number(), stage.number()
    first = await stage.portal.initiate(number, key="press-2", user="u-two")
    for body in ({"user": "u-two"}, {"user": "u-three"}, {"user": "u-two", "subject": "another"}):
        wrong = other if len(body) == 1 else number
        reply = await stage.portal.initiate(wrong, key="press-2", **body)
        assert (reply.status, reply.problem) == (422, "idempotency-key-reused")
    await stage.portal.abort(first.body["call"]["id"])
    await stage.end(first.body["call"]["id"])
    assert await stage.trunk.invites(other) == []
    assert len(await stage.trunk.invites(number)) <= 1


async def test_of_two_calls_to_one_citizen_at_once_one_is_made_and_the_other_is_told_which(stage: Stage) -> None:
    replies = await asyncio.gather(*(stage.portal.initiate(RINGING, user="u-hasty") for _ in range(2)))
    made, refused = sorted(replies, key=lambda reply: reply.status)
    assert (made.status, refused.status) == (202, 409)
    assert refused.problem == "citizen-busy"
    assert refused.body["call_id"] == made.body["call"]["id"]
    call = made.body["call"]["id"]
    await stage.becomes(call, "ringing")
    late = await stage.portal.initiate(RINGING, user="u-hasty")
    assert (late.status, late.body["call_id"]) == (409, call)
    await stage.portal.abort(call)
    await stage.end(call)
    assert len(await stage.trunk.invites(RINGING)) == 1


async def test_a_citizen_may_be_called_again_when_the_call_has_ended(stage: Stage) -> None:
    for _ in range(2):
        reply = await stage.portal.initiate("+79000000486", user="u-again")
        assert reply.status == 202
        assert (await stage.end(reply.body["call"]["id"])).outcome == "busy"
    assert len(await stage.trunk.invites("+79000000486")) == 2
