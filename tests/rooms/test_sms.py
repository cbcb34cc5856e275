"""Codes by text message: what a gateway may do, and what comes of it. The gateway is the workshop's, over real HTTP."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from pbx_bridge.conductor.ports import CodeMessage, Messenger, NotDelivered, OutOfReach
from pbx_bridge.notify.sms import LARGEST_ANSWER, NoMessenger, SmsGateway, SmsTemplate
from pbx_bridge.phone import Phone
from workshop.certificates import authority
from workshop.sms import Gateway, GatewayError

ANNA, BORIS = "+79161111111", "+79162222222"
CODE, KEY = "493817", "call_x.c1"
TEXTS = {"ru": "Код {code} для звонка.", "en": "Code {code} for your call."}
BODY = {"to": "{number}", "text": "{text}", "idempotency_key": "{key}"}
#: Enough for a machine that is busy, and not too long to wait for.
SOON_S = 0.3

MakeMessenger = Callable[..., SmsGateway]


def message(number: str = ANNA, code: str = CODE, locale: str = "ru-RU", key: str = KEY) -> CodeMessage:
    return CodeMessage(Phone(number), code, locale, key)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as gateway:
        yield gateway


@pytest.fixture
async def messenger(gateway: Gateway) -> AsyncIterator[MakeMessenger]:
    """Makes messengers to the gateway, from SmsTemplate's keywords."""
    made: list[SmsGateway] = []

    def make(**more: Any) -> SmsGateway:
        made.append(SmsGateway(SmsTemplate(**{"url": gateway.url, "body": BODY, "texts": TEXTS, **more})))
        return made[-1]

    yield make
    for each in made:
        await each.close()


# ── it arrives ───────────────────────────────────────────────────────────────────────────────────────────
async def test_the_code_arrives_in_the_citizens_language(gateway: Gateway, messenger: MakeMessenger) -> None:
    sms: Messenger = messenger()
    await sms.send_code(message())
    await sms.send_code(message(BORIS, "111222", "en", "call_y.c1"))
    assert [each.text for each in gateway.messages] == ["Код 493817 для звонка.", "Code 111222 for your call."]
    assert await gateway.code_for(ANNA) == CODE
    assert await gateway.code_for(BORIS) == "111222"


async def test_a_repeated_message_is_sent_once_and_the_next_one_is_a_new_one(
    gateway: Gateway, messenger: MakeMessenger
) -> None:
    sms = messenger()
    for _ in range(2):
        await sms.send_code(message())
    assert await gateway.code_for(ANNA) == CODE
    assert gateway.requests[KEY] == 2
    with pytest.raises(GatewayError, match="no new message"):
        await gateway.code_for(ANNA, within_s=0)
    await sms.send_code(message(code="000111", key="call_x.c2"))
    assert await gateway.code_for(ANNA) == "000111"


async def test_a_shell_can_wait_for_a_code(gateway: Gateway, messenger: MakeMessenger) -> None:
    async with aiohttp.ClientSession() as session:

        async def waited_for() -> str:
            async with session.get(f"{gateway.codes_url}/{ANNA}") as reply:
                return await reply.text()

        waiting = asyncio.create_task(waited_for())
        await messenger().send_code(message())
        assert await waiting == CODE


# ── it does not ──────────────────────────────────────────────────────────────────────────────────────────
async def test_without_a_gateway_nothing_is_delivered() -> None:
    with pytest.raises(NotDelivered, match=r"set \[sms\] url"):
        await NoMessenger().send_code(message())


async def test_a_refusal_is_for_good(gateway: Gateway, messenger: MakeMessenger) -> None:
    gateway.manner = "refuses"
    with pytest.raises(NotDelivered, match="400"):
        await messenger().send_code(message())


async def test_nobody_is_sent_on_to_another_place(gateway: Gateway, messenger: MakeMessenger) -> None:
    gateway.manner = "forwards"
    with pytest.raises(NotDelivered, match="302"):
        await messenger().send_code(message())


async def test_what_is_no_acceptance_is_a_refusal(gateway: Gateway, messenger: MakeMessenger) -> None:
    sms = messenger(accepted_pointer="/status", accepted_value="accepted")
    await sms.send_code(message())
    gateway.manner = "babbles"
    with pytest.raises(NotDelivered, match="200"):
        await sms.send_code(message(key="call_x.c2"))


@pytest.mark.parametrize("manner", ["fails", "silent", "hangs_up"])
async def test_trouble_may_be_over_at_the_next_try(gateway: Gateway, messenger: MakeMessenger, manner: Any) -> None:
    sms = messenger(timeout_s=SOON_S)
    gateway.manner = manner
    with pytest.raises(OutOfReach):
        await sms.send_code(message())
    gateway.manner = "takes"
    await sms.send_code(message())
    assert len(gateway.to(ANNA)) == 1
    assert gateway.requests[KEY] == 2


async def test_a_gateway_that_is_away_may_come_back(gateway: Gateway, messenger: MakeMessenger) -> None:
    sms = messenger()
    await gateway.stop()
    with pytest.raises(OutOfReach):
        await sms.send_code(message())
    await gateway.start()
    await sms.send_code(message())
    assert await gateway.code_for(ANNA) == CODE


async def test_a_gateway_that_wants_a_pause_is_not_asked_before_it_is_over(
    gateway: Gateway, messenger: MakeMessenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sms = messenger()
    gateway.manner = "busy"
    with pytest.raises(OutOfReach, match="429"):
        await sms.send_code(message())
    gateway.manner = "takes"
    with pytest.raises(OutOfReach, match="left alone"):
        await sms.send_code(message(BORIS, key="call_y.c1"))
    assert gateway.requests.total() == 1
    loop = asyncio.get_running_loop()
    later = loop.time() + 1.1
    monkeypatch.setattr(loop, "time", lambda: later)
    await sms.send_code(message())
    assert gateway.requests.total() == 2


# ── what it reads and says ───────────────────────────────────────────────────────────────────────────────
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def served(answer: Answer, tls: ssl.SSLContext | None = None) -> web.AppRunner:
    """A gateway that answers so to everything, over https with `tls`."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner


async def test_the_request_is_as_the_template_says() -> None:
    seen: list[tuple[str, str, dict[str, str], str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, dict(request.headers), await request.text()))
        return web.Response()

    runner = await served(answer)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/{{digits}}?k={{key}}"
    headers = {"Authorization": "Bearer abc", "Idempotency-Key": "{key}"}
    for how in ({"form": True}, {"method": "GET"}):
        sms = SmsGateway(SmsTemplate(**{"url": url, "headers": headers, "body": BODY, "texts": TEXTS, **how}))
        await sms.send_code(message(key="a/b?c"))
        await sms.close()
    await runner.cleanup()
    (post, path, sent, content), (get, _, _, nothing) = seen
    assert (post, path) == ("POST", "/v1/79161111111?k=a%2Fb%3Fc")
    assert sent["Authorization"] == "Bearer abc"
    assert sent["Idempotency-Key"] == "a/b?c"
    assert sent["Content-Type"] == "application/x-www-form-urlencoded"
    assert "to=%2B79161111111" in content
    assert (get, nothing) == ("GET", "")


async def test_a_gateway_that_nobody_vouches_for_is_told_nothing(tmp_path: Path) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.text())
        return web.Response()

    made = authority(tmp_path)
    pair, tls = made.pair("gateway"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    runner = await served(answer, tls)
    template = SmsTemplate(f"https://localhost:{runner.addresses[0][1]}/", body=BODY, texts=TEXTS)
    stranger, known = SmsGateway(template), SmsGateway(template, tls=ssl.create_default_context(cafile=made.path))
    with pytest.raises(OutOfReach):
        await stranger.send_code(message())
    assert not asked
    await known.send_code(message())
    assert len(asked) == 1
    for each in (stranger, known):
        await each.close()
    await runner.cleanup()


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    written = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal written
        reply = web.StreamResponse()
        await reply.prepare(request)
        await reply.write(b'{"ok": true}')
        while written < 100 * LARGEST_ANSWER:
            await reply.write(b" " * 4096)
            written += 4096
        return reply

    runner = await served(answer)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    sms = SmsGateway(SmsTemplate(url, accepted_pointer="/ok", accepted_value="true", texts=TEXTS))
    with pytest.raises(NotDelivered):
        await sms.send_code(message())
    await sms.close()
    await runner.cleanup()
    assert written < 100 * LARGEST_ANSWER


@pytest.mark.parametrize("manner", ["refuses", "fails", "busy", "silent", "hangs_up", "forwards", "away"])
async def test_no_number_no_code_and_no_address_is_told_to_anybody(gateway: Gateway, manner: Any) -> None:
    url = gateway.url + "?to={number}&code={code}&key=hidden"
    sms = SmsGateway(SmsTemplate(url, headers={"X-Key": "hidden"}, body=BODY, texts=TEXTS, timeout_s=SOON_S))
    if manner == "away":
        await gateway.stop()
    else:
        gateway.manner = manner
    with structlog.testing.capture_logs() as logs:
        try:
            await sms.send_code(message())
        except (NotDelivered, OutOfReach) as error:
            told = "".join(traceback.format_exception(error)) + repr(error.__context__) + repr(logs)
    await sms.close()
    for secret in (ANNA[2:], CODE, "hidden", "127.0.0.1"):
        assert secret not in told
