"""The connection to ARI, against a stand-in: what is sent, what comes back, and every way it can fail."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from pbx_bridge.asterisk import errors
from pbx_bridge.asterisk.ari import Ari
from tests.rooms.ari_desk import SECRET, Desk, open_desk, says


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as made:
        yield made


@pytest.fixture
async def ari(desk: Desk) -> AsyncIterator[Ari]:
    made = desk.ari(request_timeout_s=1.0)
    yield made
    await made.close()


async def originate(ari: Ari) -> None:
    await ari.originate(
        "pb.1.1",
        "PJSIP/79160000001@trunk",
        context="device-answered",
        extension="support",
        timeout_s=30,
        caller_id="88001234567",
        variables={"PB_TICKET": "№ 1"},
        formats="opus,alaw",
    )


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_an_originate_carries_the_number_in_its_body_and_never_in_its_address(desk: Desk, ari: Ari) -> None:
    await originate(ari)
    [asked] = desk.asked
    assert (asked.method, asked.path) == ("POST", "/ari/channels/pb.1.1")
    assert asked.body == {
        "endpoint": "PJSIP/79160000001@trunk",
        "context": "device-answered",
        "extension": "support",
        "priority": 1,
        "timeout": 30,
        "callerId": "88001234567",
        "formats": "opus,alaw",
        "variables": {"PB_TICKET": "№ 1"},
    }


async def test_an_originate_ends_its_connection_and_other_commands_share_one(desk: Desk, ari: Ari) -> None:
    for command in (ari.info, ari.healthy, lambda: originate(ari), ari.info, lambda: originate(ari), ari.info):
        await command()
    one, two, three, four, five, six = [each.connection for each in desk.asked]
    assert one == two == three
    assert four == five
    assert len({three, five, six}) == 3


async def test_ids_and_names_are_quoted_wherever_they_stand(desk: Desk, ari: Ari) -> None:
    desk.answers = {"/variable": says(200, {"value": "1"})}
    await ari.hangup("a/b c?д", reason="busy")
    await ari.hangup("x", reason=17)
    await ari.variable("x&y", "CALLERID(num)")
    await ari.endpoint("PJSIP", "../applications")
    assert desk.paths() == [
        "DELETE /ari/channels/a%2Fb%20c%3F%D0%B4?reason=busy",
        "DELETE /ari/channels/x?reason_code=17",
        "GET /ari/channels/x%26y/variable?variable=CALLERID%28num%29",
        "GET /ari/endpoints/PJSIP/..%2Fapplications",
    ]


async def test_leaving_the_application_names_a_place_only_when_there_is_one(desk: Desk, ari: Ari) -> None:
    desk.answers = {"/continue": says(204)}
    await ari.leave_app("x")
    await ari.leave_app("x", context="to-queue", extension="support", priority=1)
    assert [each.body for each in desk.asked] == [
        {},
        {"context": "to-queue", "extension": "support", "priority": 1},
    ]


async def test_health_is_asked_of_the_application_and_not_by_ping(desk: Desk, ari: Ari) -> None:
    await ari.healthy()
    assert desk.paths() == ["GET /ari/applications/pb"]


async def test_an_unset_variable_is_none_and_a_missing_channel_is_not_found(desk: Desk, ari: Ari) -> None:
    desk.answers = {"/variable": says(404, {"message": "Provided variable was not found"})}
    assert await ari.variable("x", "PB_TICKET") is None
    desk.answers = {"/variable": says(404, {"message": "Provided channel was not found"})}
    with pytest.raises(errors.NotFound):
        await ari.variable("x", "PB_TICKET")


# ── Ways to fail ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.Unprocessable),
        (401, errors.Unauthorized),
        (403, errors.Unauthorized),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (412, errors.Unprocessable),
        (413, errors.Unprocessable),
        (422, errors.Unprocessable),
        (500, errors.Refused),
        (502, errors.Unreachable),
        (503, errors.Unreachable),
        (504, errors.Unreachable),
    ],
)
async def test_each_status_has_its_error(desk: Desk, ari: Ari, status: int, error: type[errors.AriError]) -> None:
    desk.answers = {"": says(status, {"message": "such is life"})}
    with pytest.raises(errors.AriError) as caught:
        await originate(ari)
    assert type(caught.value) is error
    if error is not errors.Unreachable:
        assert caught.value.status == status
        assert str(caught.value).startswith(f"Asterisk would not originate pb.1.1: {status} such is life.")


async def test_a_failed_allocation_is_told_in_asterisks_own_words(desk: Desk, ari: Ari) -> None:
    desk.answers = {"": says(500, {"error": "Allocation failed"})}
    with pytest.raises(errors.Refused, match="500 Allocation failed"):
        await originate(ari)


async def html(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>welcome</html>", content_type="text/html")


async def elsewhere(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/ari/elsewhere")


@pytest.mark.parametrize("answer", [html, elsewhere, says(404, "no ARI here"), says(500, ["?"])])
async def test_a_stranger_on_the_port_is_no_asterisk(
    desk: Desk, ari: Ari, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> None:
    desk.answers = {"pb.1.1": answer}
    with pytest.raises(errors.Unreachable):
        await originate(ari)
    assert len(desk.asked) == 1


@pytest.mark.parametrize(
    ("answer", "maybe_done"),
    [
        (says(404, "no ARI yet"), False),
        (says(503, {"message": "Asterisk not booted"}), False),
        (says(502, "a proxy's"), True),
        (says(504, "a proxy's"), True),
    ],
)
async def test_an_asterisk_that_still_boots_has_certainly_done_nothing(
    desk: Desk, ari: Ari, answer: Callable[[web.Request], Awaitable[web.StreamResponse]], maybe_done: bool
) -> None:
    desk.answers = {"pb.1.1": answer}
    with pytest.raises(errors.Unreachable) as caught:
        await originate(ari)
    assert caught.value.maybe_done is maybe_done


async def test_nobody_listening_means_it_was_certainly_not_done(unused_tcp_port: int) -> None:
    ari = Ari(f"http://127.0.0.1:{unused_tcp_port}", "pbx", SECRET, "pb")
    with pytest.raises(errors.Unreachable, match="Check that it runs") as caught:
        await originate(ari)
    assert not caught.value.maybe_done
    with pytest.raises(errors.Unreachable):
        async with ari.listen():
            pass
    await ari.close()


async def test_a_host_without_an_address_is_unreachable() -> None:
    ari = Ari("http://asterisk.invalid:8088", "pbx", SECRET, "pb", request_timeout_s=1.0)
    with pytest.raises(errors.Unreachable):
        await ari.healthy()
    await ari.close()


async def test_silence_after_the_request_may_mean_that_it_was_done(desk: Desk) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    desk.answers = {"": never}
    ari = desk.ari(request_timeout_s=0.05)
    with pytest.raises(errors.Unreachable, match="TimeoutError") as caught:
        await originate(ari)
    assert caught.value.maybe_done
    with pytest.raises(errors.Unreachable):
        async with ari.listen():
            pass
    await ari.close()


@pytest.mark.parametrize("words", [b"", b"SIP/2.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_a_connection_cut_short_is_unreachable_and_its_error_keeps_the_secret(words: bytes) -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    ari = Ari(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "pbx", SECRET, "pb")
    for attempt in (originate(ari), ari.listen().__aenter__()):
        with pytest.raises(errors.Unreachable) as caught:
            await attempt
        keeps_the_secret(caught.value)
    await ari.close()
    server.close()


async def test_a_wrong_password_is_told_without_telling_it(desk: Desk, ari: Ari) -> None:
    desk.answers = {"": says(401, {"message": "Authentication required"})}
    for attempt in (ari.info(), ari.listen().__aenter__()):
        with pytest.raises(errors.Unauthorized, match=r"ari\.conf") as caught:
            await attempt
        keeps_the_secret(caught.value)


def keeps_the_secret(error: BaseException) -> None:
    """Neither in what is logged nor in what a debugger or a rich traceback would show of the cause."""
    header = aiohttp.encode_basic_auth("pbx", SECRET)
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__) + repr(error.__context__)
    assert SECRET not in told
    assert header.removeprefix("Basic ") not in told
