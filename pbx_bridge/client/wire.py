"""One request and its answer: signed and checked when the program has a key for it, and repeated while that is safe."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from .answer import Answer
from .errors import Problem, Unreachable, Untrusted
from .keys import Key, public_keys
from .signing import Sent, check, sign

Got = TypeVar("Got")

KEY_SET = "/.well-known/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"
#: The key set is asked for again when it is older (seconds).
KEY_SET_S = 3600.0
#: A key that is not in it makes it be asked for again, but no more often (seconds).
KEY_SET_AGAIN_S = 5.0
#: Pauses between attempts: the first and the longest (seconds). Each is drawn from its upper half.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: Refusals that come before the service could look at a signature. They say nothing about a call, and any other
#: refusal must be signed.
_BEFORE = frozenset({400, 401, 408, 413, 417, 429})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `repeat`: asked twice it does no more than once, so it may be sent again when an answer is
    lost. Header values and bodies may be secret."""

    method: str
    path: str
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeat: bool = True


class Wire:
    """The connections to one service. Use it as an async context manager."""

    def __init__(self, url: str, *, signing_key: Key | None, ca_file: str | None, timeout_s: float) -> None:
        self.url = URL(url.rstrip("/"))
        if self.url.scheme not in ("http", "https") or not self.url.host:
            raise ValueError("the service's url must be absolute")
        if self.url.scheme == "http" and self.url.host not in _LOOPBACK:
            raise ValueError("the service's url must be https: tokens and secrets are sent to it")
        self.signing_key = signing_key
        self.timeout_s = timeout_s
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._keys_at = float("-inf")
        self._issuer = ""

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session; RuntimeError outside `async with`."""
        if self._session is None:
            raise RuntimeError("use it as an async context manager")
        return self._session

    async def open(self) -> None:
        """Make ready to ask."""
        trusted = ssl.create_default_context(cafile=self._ca_file)
        connector = aiohttp.TCPConnector(ssl=trusted, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def prepare(self, request: Request) -> tuple[URL, CIMultiDict[str], Sent | None]:
        """The address and the headers to send, signed when the program signs."""
        url = URL(f"{self.url}{request.path}")
        headers = CIMultiDict(request.headers)
        sent = sign(self.signing_key, request.method, url, headers, request.body) if self.signing_key else None
        return url, headers, sent

    async def once(self, request: Request) -> Answer:
        """Send it once. Raises Unreachable, Problem, Untrusted."""
        url, headers, sent = self.prepare(request)
        try:
            async with self.session.request(
                request.method,
                url,
                data=request.body or None,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self.timeout_s),
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error
        return await self.accept(sent, response.status, response.headers, body)

    async def accept(self, sent: Sent | None, status: int, headers: CIMultiDictProxy[str], body: bytes) -> Answer:
        """The answer, once it is believed. Raises Problem for a refusal, Untrusted."""
        signed = sent is not None and ("Signature" in headers or not (status in _BEFORE or status >= 500))
        if signed:
            assert sent is not None
            assert self.signing_key is not None
            await check(self.signing_key, sent, status, headers, body, self._public_keys)
        answer = Answer(status, headers, body, signed)
        if status >= 400:
            raise Problem(answer)
        if status >= 300:
            raise Untrusted("the service never sends elsewhere, and this answer does")
        return answer

    async def issuer(self) -> str:
        """What the service calls itself: whom an assertion is for (RFC 8414)."""
        if not self._issuer:
            self._issuer = str((await self._published(METADATA)).get("issuer", ""))
        return self._issuer

    async def _public_keys(self, anew: bool) -> Mapping[str, Ed25519PublicKey]:
        age = asyncio.get_running_loop().time() - self._keys_at
        if age > KEY_SET_S or (anew and age > KEY_SET_AGAIN_S):
            try:
                self._keys = public_keys(await self._published(KEY_SET))
            except ValueError:
                raise Untrusted("the service's key set cannot be read") from None
            self._keys_at = asyncio.get_running_loop().time()
        return self._keys

    async def _published(self, path: str) -> dict[str, Any]:
        """What is there for everybody. It is not signed: TLS says whose it is."""
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        try:
            async with self.session.get(f"{self.url}{path}", timeout=timeout, allow_redirects=False) as response:
                body, status = await response.read(), response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error
        if status != 200:
            raise Problem(Answer(status, response.headers, body))
        found = json.loads(body)
        return found if isinstance(found, dict) else {}


def unreachable(error: BaseException) -> Unreachable:
    """No answer, and whether the request may have arrived."""
    nothing_sent = isinstance(error, aiohttp.ClientConnectorError)
    return Unreachable(f"no answer from the service: {type(error).__name__}", sent=not nothing_sent)


async def patiently(attempt: Callable[[], Awaitable[Got]], *, repeat: bool, patience_s: float) -> Got:
    """Try until it works, it cannot work, or the time is up; then raises what the last attempt raised."""
    loop = asyncio.get_running_loop()
    until, tries = loop.time() + patience_s, 0
    while True:
        try:
            return await attempt()
        except (Problem, Unreachable) as error:
            wait = _wait(error, tries, repeat)
            if wait is None or loop.time() + wait > until:
                raise
        tries += 1
        await asyncio.sleep(wait)


def _wait(error: Problem | Unreachable, tries: int, repeat: bool) -> float | None:
    """Seconds until the next attempt; None when there must be none."""
    if isinstance(error, Unreachable):
        return pause(tries) if repeat or not error.sent else None
    if error.status == 429 or (repeat and (error.status in (502, 503, 504) or error.slug == "request-in-flight")):
        # A crowd that was sent away at once must not come back at once.
        return (error.retry_after_s or 0) + pause(tries)
    return None


def pause(tries: int) -> float:
    """Seconds to wait after so many attempts in vain."""
    longest = min(FIRST_PAUSE_S * 2 ** min(tries, 16), LONGEST_PAUSE_S)
    return random.uniform(longest / 2, longest)  # noqa: S311  no secret
