"""The client asks for calls: once for each intent, again when that is safe, and says why when it gets none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pbx_bridge.client import Bridge, Problem, Unreachable, Untrusted
from pbx_bridge.conductor.errors import KeyInFlight
from pbx_bridge.portal.certificates import Certificate
from workshop.certificates import authority

from .client_relay import Relay, bridge, played
from .portal_house import House, Site, away

pytest_plugins = ("tests.rooms.client_fixtures",)
USER = {"id": "u-1", "phone": "+79161234567"}


async def test_a_call_is_started_read_listed_and_aborted(portal: Bridge) -> None:
    call = await portal.start_call(USER, time_limit_s=60)
    assert (await portal.call(call["id"]))["state"] == "dialing"
    assert [each["id"] async for each in portal.calls(user="u-1")] == [call["id"]]
    ended = await portal.abort(call["id"], if_match=(await portal.call(call["id"]))["revision"])
    assert ended["outcome"]
    assert [event["type"] for event in await portal.events(call["id"])][-1] == "call.ended"


async def test_a_list_is_read_to_its_last_page(portal: Bridge) -> None:
    made = [(await portal.start_call({**USER, "id": f"u-{number}"}))["id"] for number in range(5)]
    assert sorted([each["id"] async for each in portal.calls(limit=2)]) == sorted(made)


async def test_events_of_many_pages_come_whole(portal: Bridge, house: House) -> None:
    call = await portal.start_call(USER)
    house.rings(call["id"])
    pages = await portal.events(call["id"])
    assert [event["sequence"] for event in pages] == list(range(1, len(pages) + 1))
    assert await portal.events(call["id"], after=pages[-1]["sequence"]) == []


async def test_two_intents_are_two_calls_and_one_key_is_one(portal: Bridge, house: House) -> None:
    first = await portal.start_call(USER, key="press-1")
    assert (await portal.start_call(USER, key="press-1"))["id"] == first["id"]
    with pytest.raises(Problem) as busy:
        await portal.start_call(USER)
    assert (busy.value.slug, busy.value.members["call_id"]) == ("citizen-busy", first["id"])
    assert len(house.calls_) == 1


async def test_a_lost_answer_makes_no_second_call(portal: Bridge, between: Relay, house: House) -> None:
    await portal.bearer()
    between.lose = 2
    call = await portal.start_call(USER)
    assert list(house.calls_) == [call["id"]]
    assert len({wanted.key for wanted in house.wanted}) == 1
    assert len(house.wanted) == 3


async def test_a_database_that_comes_back_is_waited_for(
    portal: Bridge, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await portal.bearer()
    opened, times = House.open, 0

    async def open_(self: House, wanted: Any) -> Any:
        nonlocal times
        times += 1
        if times == 1:
            raise KeyInFlight("the first request is still being answered", 0)
        return await opened(self, wanted)

    monkeypatch.setattr(House, "open", open_)
    assert (await portal.start_call(USER))["id"] in house.calls_
    assert times == 2


async def test_patience_ends(site: Site) -> None:
    async with bridge(site, patience_s=0.3) as portal:
        await portal.bearer()
        site.house.refusal = away()
        with pytest.raises(Problem) as refused:
            await portal.start_call(USER)
        assert (refused.value.slug, refused.value.status) == ("database-unavailable", 503)
        assert refused.value.retry_after_s == 2


async def test_a_service_that_is_not_there_is_unreachable(site: Site) -> None:
    port = site.port
    await site.runner.cleanup()
    async with bridge(site, port, patience_s=0.5) as portal:
        with pytest.raises(Unreachable) as refused:
            await portal.start_call(USER)
        assert not refused.value.sent


async def test_a_code_is_not_sent_twice_by_itself() -> None:
    """A wrong one costs a try, so whoever lost the answer must decide."""
    asked: list[str] = []

    async def confirm(request: web.Request) -> web.Response:
        asked.append(await request.text())
        assert request.transport
        request.transport.abort()
        return web.Response()

    async with played([web.post("/v1/calls/{id}/confirm", confirm)]) as portal:
        with pytest.raises(Unreachable) as lost:
            await portal.confirm("call_1", "123456")
        assert lost.value.sent
        assert asked == ['{"code": "123456"}']
        portal._patience_s = 0.5
        with pytest.raises(Unreachable):
            await portal.confirm("call_1")
        assert asked[1:] == ["{}"] * len(asked[1:])
        assert len(asked) > 2


async def test_who_asks_too_often_waits_as_long_as_told() -> None:
    answers = [429, 200]

    async def code(request: web.Request) -> web.Response:
        if answers.pop(0) == 200:
            return web.json_response({"call": {"id": "call_1"}}, status=202)
        body = {"type": "/problems/too-many-requests", "status": 429, "retry_after": 0}
        return web.json_response(
            body, status=429, headers={"Retry-After": "0"}, content_type="application/problem+json"
        )

    async with played([web.post("/v1/calls/{id}/code", code)]) as portal:
        assert await portal.send_code("call_1", "voice") == {"id": "call_1"}
        answers[:] = [429]
        portal._patience_s = 0.01
        with pytest.raises(Problem) as refused:
            await portal.send_code("call_1", "sms")
        assert refused.value.members["retry_after"] == 0


async def test_an_answer_that_is_no_problem_document_is_told_as_what_it_is() -> None:
    async def proxy(request: web.Request) -> web.Response:
        return web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html")

    async with played([web.get("/v1/calls/{id}", proxy)], patience_s=0.1) as portal:
        with pytest.raises(Problem) as refused:
            await portal.call("call_1")
        assert refused.value.status == 502


async def test_no_answer_sends_the_client_elsewhere() -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with played([web.get("/v1/calls/{id}", elsewhere)]) as portal:
        with pytest.raises(Untrusted, match="never sends elsewhere"):
            await portal.call("call_1")


@pytest.mark.parametrize("url", ["http://calls.example", "calls.example", "ftp://127.0.0.1"])
def test_secrets_go_over_tls_or_stay_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Bridge(url, "client_1", secret="pbxs_1")


async def test_over_tls_only_whom_it_believes_is_told_anything(site: Site, tmp_path: Path) -> None:
    ours, other = authority(tmp_path / "ours"), authority(tmp_path / "other")
    pair = ours.pair("service")
    context = Certificate(pair.certificate, pair.key).context
    await web.TCPSite(site.runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://localhost:{site.runner.addresses[-1][1]}"
    async with Bridge(url, site.client.id, secret=site.secret, ca_file=ours.path) as portal:
        assert (await portal.start_call(USER))["id"] in site.house.calls_
    async with Bridge(url, site.client.id, secret=site.secret, ca_file=other.path, patience_s=0) as portal:
        with pytest.raises(Unreachable) as refused:
            await portal.start_call(USER)
        assert not refused.value.sent


def test_secrets_are_not_shown(site: Site) -> None:
    shown = repr(bridge(site, secret="pbxs_secret"))
    assert "pbxs" not in shown
