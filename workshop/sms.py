"""A gateway for text messages that sends none: it keeps them, and shows who was told what.

    async with Gateway() as gateway:
        ...                                        # [sms] url = gateway.url, and the usual body
        code = await gateway.code_for("+79161234567")

A shell can wait for a code too: `curl -s http://127.0.0.1:PORT/codes/+79161234567`.

It knows keys as good gateways do: the same message sent again is answered as before, and counted, not sent. It can be
told to behave badly in every way that a gateway can.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

from aiohttp import web

from pbx_bridge.phone import NotAPhone
from pbx_bridge.phone import Phone as Number

HOST = "127.0.0.1"
PATH, CODES = "/messages", "/codes"
FACT_S = 10.0

# takes: 200; refuses: 400; fails: 500; busy: 429 with Retry-After; babbles: 200 with what is no JSON; forwards: 302 to
# somewhere else; silent: takes the message and never answers; hangs_up: takes it and cuts the connection.
Manner = Literal["takes", "refuses", "fails", "busy", "babbles", "forwards", "silent", "hangs_up"]
BUSY_S = 1


class GatewayError(AssertionError):
    """No such message came; the text says what did, masked."""


@dataclass(frozen=True)
class Sms:
    """One message that a citizen would have got."""

    number: str = field(repr=False)
    text: str = field(repr=False)
    key: str

    @property
    def code(self) -> str:
        """The first run of four to eight digits; empty when there is none."""
        found = re.search(r"(?<!\d)\d{4,8}(?!\d)", self.text)
        return found[0] if found else ""

    @property
    def masked(self) -> str:
        """The number for people's eyes."""
        try:
            return Number(self.number).masked
        except NotAPhone:
            return "a number"


class Gateway:
    """A gateway on one loopback port. `manner` may be changed at any time."""

    def __init__(self, port: int = 0, on_message: Callable[[Sms], None] = lambda message: None) -> None:
        """`port` 0 lets the kernel choose. `on_message` is told of every message once."""
        self.port = port
        self.manner: Manner = "takes"
        self.messages: list[Sms] = []
        self.requests: Counter[str] = Counter()
        """How often each key has come, also when it was answered badly."""
        self._on_message = on_message
        self._answers: dict[str, dict[str, str]] = {}
        self._read: Counter[str] = Counter()
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where messages are posted to."""
        return f"http://{HOST}:{self.port}{PATH}"

    @property
    def codes_url(self) -> str:
        """Below it, the next code to a number: GET waits for it as `code_for` does, and answers 404 when none comes."""
        return f"http://{HOST}:{self.port}{CODES}"

    async def start(self) -> None:
        """Returns when it answers. After a stop: on the same port, with all that it has kept."""
        app = web.Application()
        app.router.add_post(PATH, self._post)
        app.router.add_get(CODES + "/{number}", self._get_code)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Away: nobody listens. Harmless when repeated."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def to(self, number: str) -> list[Sms]:
        """The messages to a number, in their order."""
        return [each for each in self.messages if each.number == number]

    async def message_for(self, number: str, within_s: float = FACT_S) -> Sms:
        """The newest message to the number, when there is one that no wait has returned before."""
        try:
            async with asyncio.timeout(within_s):
                while len(self.to(number)) <= self._read[number]:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            seen = ", ".join(each.masked for each in self.messages) or "none"
            raise GatewayError(f"no new message within {within_s:g} s; there were messages to: {seen}") from None
        self._read[number] = len(self.to(number))
        return self.to(number)[-1]

    async def code_for(self, number: str, within_s: float = FACT_S) -> str:
        """The code in that message."""
        return (await self.message_for(number, within_s)).code

    async def _get_code(self, request: web.Request) -> web.Response:
        try:
            return web.Response(text=await self.code_for(request.match_info["number"]))
        except GatewayError as error:
            return web.Response(text=str(error), status=404)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        said = await request.json()
        key = str(said.get("idempotency_key", ""))
        self.requests[key] += 1
        match self.manner:
            case "refuses":
                return web.json_response({"error": "no such number"}, status=400)
            case "fails":
                return web.json_response({"error": "out of order"}, status=500)
            case "busy":
                return web.json_response({"error": "too many"}, status=429, headers={"Retry-After": str(BUSY_S)})
            case "forwards":
                return web.Response(status=302, headers={"Location": f"http://{HOST}:{self.port}/elsewhere"})
        answer = self._take(key, Sms(str(said.get("to", "")), str(said.get("text", "")), key))
        match self.manner:
            case "silent":
                await asyncio.Event().wait()
            case "hangs_up":
                assert request.transport
                request.transport.abort()
            case "babbles":
                return web.Response(text="<html>Ваше сообщение отправлено</html>", content_type="text/html")
        return web.json_response(answer)

    def _take(self, key: str, message: Sms) -> dict[str, str]:
        known = self._answers.get(key) if key else None
        if known:
            return known
        answer = self._answers[key] = {"id": f"sms-{len(self.messages) + 1}", "status": "accepted"}
        self.messages.append(message)
        self._on_message(message)
        self._news.set()
        return answer
