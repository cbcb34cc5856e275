"""Text messages through whatever HTTP gateway the operator has.

The same message may be sent again after a crash or a silence, with the same key: a gateway that knows keys sends it
once, and with any other the citizen reads the same code twice. No text of ours, log or exception, holds an address,
a number or a code, nor the foreign exception that would.
"""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import structlog

from ..conductor.ports import CodeMessage, NotDelivered, OutOfReach
from .answer import Acceptance, Verdict, pause_s
from .template import BadTemplate, Filled, Form, SmsTemplate, Texts

log = structlog.get_logger(__name__)

#: The most of an answer that is read, in bytes.
LARGEST_ANSWER = 64 * 1024


class NoMessenger:
    """What there is where no gateway is configured."""

    async def send_code(self, message: CodeMessage) -> None:
        """Raises NotDelivered."""
        raise NotDelivered("no SMS gateway is configured: set [sms] url")

    async def close(self) -> None:
        """There is nothing to let go of."""


class SmsGateway:
    """A `Messenger` (conductor/ports.py)."""

    def __init__(self, template: SmsTemplate, *, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is for a gateway with an authority of your own. Raises BadTemplate."""
        self._form = Form(template)
        self._texts = Texts(template.texts)
        self._acceptance = Acceptance(template.accepted_pointer, template.accepted_value)
        self._timeout = aiohttp.ClientTimeout(total=template.timeout_s)
        self._tls = tls if tls is not None else True
        self._made: aiohttp.ClientSession | None = None
        self._not_before = 0.0

    async def send_code(self, message: CodeMessage) -> None:
        """Returns when the gateway has taken it. Raises NotDelivered, OutOfReach."""
        if asyncio.get_running_loop().time() < self._not_before:
            raise OutOfReach("the SMS gateway asked to be left alone for a moment")
        try:
            request = self._form.fill(self._values(message))
        except BadTemplate as error:
            raise NotDelivered(str(error)) from None
        status, verdict = await self._ask(request)
        match verdict:
            case Verdict.REFUSED:
                raise NotDelivered(f"the SMS gateway did not take the message (it answered {status})")
            case Verdict.LATER:
                log.warning("the SMS gateway cannot take messages now", status=status)
                raise OutOfReach(f"the SMS gateway cannot take messages now (it answered {status})")

    async def close(self) -> None:
        """Close all connections. Harmless when repeated."""
        if self._made is not None:
            await self._made.close()
            self._made = None

    def _values(self, message: CodeMessage) -> dict[str, str]:
        number = message.phone.e164
        text = self._texts.fill(message.locale, message.code)
        return {"number": number, "digits": number[1:], "text": text, "code": message.code, "key": message.key}

    async def _ask(self, request: Filled) -> tuple[int, Verdict]:
        """Raises OutOfReach: then the message may have been taken, and its key makes the next try harmless."""
        try:
            async with self._session().request(
                request.method,
                request.url,
                data=request.content,
                headers=request.headers,
                allow_redirects=False,
                ssl=self._tls,
            ) as reply:
                wanted = self._acceptance.reads_the_body and reply.ok
                body = await _read(reply) if wanted else b""
                verdict = self._acceptance.verdict(reply.status, body)
                if verdict is Verdict.LATER:
                    until = asyncio.get_running_loop().time() + pause_s(reply.headers)
                    self._not_before = max(self._not_before, until)
                return reply.status, verdict
        except (aiohttp.ClientError, OSError, ValueError) as error:
            why = type(error).__name__
        # Outside of `except`: aiohttp's errors carry the address, and with it maybe the number.
        log.warning("the SMS gateway did not answer", why=why)
        raise OutOfReach(f"the SMS gateway did not answer ({why})")

    def _session(self) -> aiohttp.ClientSession:
        """Made late, because it must be made inside the running loop."""
        if self._made is None or self._made.closed:
            self._made = aiohttp.ClientSession(
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                # What is not unpacked cannot grow.
                auto_decompress=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "pbx-bridge"},
            )
        return self._made


async def _read(reply: aiohttp.ClientResponse) -> bytes | None:
    """The body, None when there is too much of it."""
    body = b""
    while piece := await reply.content.read(LARGEST_ANSWER + 1 - len(body)):
        body += piece
        if len(body) > LARGEST_ANSWER:
            return None
    return body


__all__ = ["BadTemplate", "NoMessenger", "SmsGateway", "SmsTemplate"]
