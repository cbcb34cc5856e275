"""The second step over HTTP: what a page is told to ask for, and what it gets for its answers."""

from __future__ import annotations

from typing import Any

import pytest

from pbx_bridge.call.model import Channel
from pbx_bridge.ledger.access import Authenticator, Citizen, Client, SecondStep, Vouching

from .portal_house import BODY, House, Reply, Site

pytest_plugins = ("tests.rooms.portal_fixtures",)


@pytest.fixture
def program(house: House) -> Client:
    """A portal whose citizens type codes."""
    return house.client("careful", second_step=SecondStep.CODE)[0]


async def opened(site: Site, program: Client, **body: Any) -> str:
    reply = await site.initiate({**BODY, **body}, client=program)
    assert reply.status == 202, reply.body
    return str(reply.json["call"]["id"])


async def confirm(site: Site, program: Client, call: str, **body: Any) -> Reply:
    return await site.post(f"/v1/calls/{call}/confirm", client=program, json=body)


async def known(house: House, program: Client, user: str = "u-1", phone: str = "+79161234567") -> None:
    """The portal has told this citizen's verified phone."""
    data = {"phone": phone, "verified": ["phone"]}
    await house.keep_citizen(Citizen(program.id, user, data, {"phone": phone}, house.clock()))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_a_call_waits_for_the_code_and_says_where_it_went(site: Site, house: House, program: Client) -> None:
    call = (await site.initiate(BODY, client=program)).json["call"]
    assert call["state"] == "requested"
    assert (call["confirmation"]["by"], call["confirmation"]["channel"]) == ("code", "sms")
    assert call["confirmation"]["to"] == "+7916***4567"
    assert call["confirmation"]["attempts_left"] == 3
    assert house.calls_[call["id"]].leg is None


async def test_the_right_code_lets_it_ring(site: Site, house: House, program: Client) -> None:
    call = await opened(site, program)
    reply = await confirm(site, program, call, code=house.code(call))
    assert reply.status == 200
    assert reply.json["call"]["state"] == "dialing"
    assert reply.headers["ETag"] == f'"{reply.json["call"]["revision"]}"'


async def test_a_wrong_code_says_how_many_tries_are_left_and_the_last_ends_the_call(
    site: Site, house: House, program: Client
) -> None:
    call = await opened(site, program)
    code = house.code(call)
    replies = [await confirm(site, program, call, code=wrong(code)) for _ in range(3)]
    assert [(reply.status, reply.problem, reply.json["attempts_left"]) for reply in replies] == [
        (403, "code-mismatch", 2),
        (403, "code-mismatch", 1),
        (403, "code-mismatch", 0),
    ]
    assert (await confirm(site, program, call, code=code)).problem == "nothing-to-confirm"
    assert house.calls_[call].outcome == "denied"


async def test_without_a_code_it_is_said_that_one_is_needed(site: Site, program: Client) -> None:
    assert (await confirm(site, program, await opened(site, program))).problem == "code-needed"


@pytest.mark.parametrize("code", ["12345", "12345678901234567890123", "１２３４５６", "12345\n", "", 123456, None])
async def test_what_is_no_code_is_refused_and_costs_no_try(
    site: Site, house: House, program: Client, code: object
) -> None:
    call = await opened(site, program)
    reply = await confirm(site, program, call, code=code)
    assert reply.problem in ("validation-failed", "code-needed")
    step = house.calls_[call].confirmation
    assert step
    assert step.tries_left == 3


async def test_another_code_is_sent_on_request_and_not_without_end(site: Site, house: House, program: Client) -> None:
    call = await opened(site, program)
    first = house.code(call)
    ask = f"/v1/calls/{call}/code"
    reply = await site.post(ask, client=program, json={"channel": "voice"})
    assert reply.status == 202
    assert (reply.json["call"]["confirmation"]["channel"], reply.json["call"]["confirmation"]["codes_left"]) == (
        "voice",
        1,
    )
    assert house.code(call) != first
    assert (await site.post(ask, client=program, json={"channel": "sms"})).status == 202
    assert (await site.post(ask, client=program, json={"channel": "sms"})).problem == "no-code"


async def test_where_the_portal_answers_for_the_factor_a_click_is_needed_and_enough(site: Site, house: House) -> None:
    program, _ = house.client("trusted", second_step=SecondStep.CLICK)
    call = await opened(site, program)
    shown = (await site.get(f"/v1/calls/{call}", client=program)).json["call"]
    assert (shown["state"], shown["confirmation"]["by"]) == ("awaiting_code", "click")
    assert (await confirm(site, program, call)).json["call"]["state"] == "dialing"


async def test_a_confirmed_call_is_not_confirmed_again(site: Site, house: House, program: Client) -> None:
    call = await opened(site, program)
    code = house.code(call)
    await confirm(site, program, call, code=code)
    assert (await confirm(site, program, call, code=code)).problem == "nothing-to-confirm"


async def test_a_citizen_of_a_portal_that_asks_by_itself_confirms_all_the_same(site: Site, house: House) -> None:
    assert site.client.second_step is SecondStep.NONE
    await known(house, site.client)
    reply = await site.initiate({"service": "support", "user": {"id": "u-1"}}, headers=site.as_citizen())
    assert reply.json["call"]["confirmation"]["by"] == "code"
    assert house.calls_[reply.json["call"]["id"]].leg is None


async def test_a_channel_can_be_chosen_with_the_request(site: Site, house: House, program: Client) -> None:
    call = await opened(site, program, code_channel="voice")
    step = house.calls_[call].confirmation
    assert step
    assert step.channel is Channel.VOICE


async def test_an_app_must_be_there_before_it_is_chosen(site: Site, house: House, program: Client) -> None:
    reply = await site.initiate({**BODY, "code_channel": "totp"}, client=program)
    assert (reply.status, reply.problem) == (409, "no-code")
    now = house.clock()
    await house.keep_authenticator(Authenticator(program.id, "u-1", "A" * 32, now, now))
    assert (await site.initiate({**BODY, "code_channel": "totp"}, client=program)).status == 202


async def test_without_a_verified_phone_no_code_can_be_sent(site: Site, program: Client) -> None:
    nobody = {"service": "support", "user": {"id": "u-1"}, "devices": [{"kind": "sip", "address": "alice"}]}
    assert set((await site.initiate(nobody, client=program)).complaints) == {"/user/phone"}
    unverified = {"service": "support", "user": {"id": "u-1", "phone": "+79161234567", "verified": []}}
    assert set((await site.initiate(unverified, client=program)).complaints) == {"/user/phone"}


async def test_a_fresh_second_factor_in_the_citizens_own_token_spares_the_code(site: Site, house: House) -> None:
    policy = Vouching(amr=frozenset({"otp"}), max_age_s=300)
    program, _ = house.client("vouching", second_step=SecondStep.CODE, vouching=policy)
    now = int(house.clock().timestamp())
    for amr, age_s, by in (("otp", 10, "click"), ("pwd", 10, "code"), ("otp", 301, "code")):
        user = f"u-{amr}-{age_s}"
        await known(house, program, user)
        proof = {"amr": frozenset({amr}), "auth_time": now - age_s}
        as_citizen = site.as_citizen(user, client=program, **proof)
        reply = await site.initiate({"service": "support", "user": {"id": user}}, headers=as_citizen)
        assert reply.json["call"]["confirmation"]["by"] == by, user


async def test_a_code_after_the_end_finds_nothing(site: Site, house: House, program: Client) -> None:
    call = await opened(site, program)
    code = house.code(call)
    await site.post(f"/v1/calls/{call}/abort", client=program)
    assert (await confirm(site, program, call, code=code)).problem == "nothing-to-confirm"
    assert (await site.post(f"/v1/calls/{call}/code", client=program, json={"channel": "sms"})).problem == (
        "nothing-to-confirm"
    )


async def test_the_call_of_another_is_not_there_to_be_confirmed(site: Site, house: House, program: Client) -> None:
    call = await opened(site, program)
    assert (await confirm(site, site.client, call, code=house.code(call))).problem == "unknown-call"
    assert (await site.post(f"/v1/calls/{call}/code", json={"channel": "sms"})).problem == "unknown-call"
