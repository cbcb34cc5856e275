"""One HTTP request to a receiver: to an address that was checked, within bounds of time and size, and never anywhere
else. No text of ours holds the address, the event or what was answered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import aiohttp

from ..addresses import Reach, fault_of
from ..retry_after import asked_s
from .answer import Heard
from .resolver import CheckedResolver, Forbidden, LookUp
from .schedule import LONGEST_ASKED_S
from .signing import headers

#: Seconds for one try, with everything.
TIMEOUT_S = 15.0
#: An answer's body means nothing. So much of it is read for so long, so that the connection can be used again.
LARGEST_ANSWER, ANSWER_S = 16 * 1024, 1.0
#: Seconds that a connection is kept; what it leads to was checked when it was made.
KEPT_S = 10.0


class Post:
    """Connections to all receivers. Close it in the end."""

    def __init__(
        self,
        reach: Reach,
        *,
        ca_file: Path | None = None,
        timeout_s: float = TIMEOUT_S,
        look_up: LookUp = socket.getaddrinfo,
    ) -> None:
        """Raises OSError for a `ca_file` that cannot be read (ssl.SSLError is one)."""
        self._reach = reach
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._timeout_s = timeout_s
        self._look_up = look_up
        self._made: aiohttp.ClientSession | None = None

    async def send(self, url: str, event_id: str, body: bytes, secrets: Sequence[str], at: datetime) -> Heard:
        """One try at the time `at`."""
        if fault := fault_of(url, self._reach):
            return Heard(None, f"its address {fault}")
        signed = headers(event_id, body.decode(), secrets, at) | {"Content-Type": "application/json"}
        trace = SimpleNamespace(reused=False)
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    return await self._once(url, body, signed, trace, at)
                except (aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError):
                    if not trace.reused:
                        raise
                    # The receiver had closed it while nobody looked: that says nothing about this message.
                    return await self._once(url, body, signed, trace, at)
        except TimeoutError:
            return Heard(None, f"it did not answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Heard(None, _words(error))

    async def close(self) -> None:
        """Close all connections. Harmless when repeated."""
        if self._made is not None:
            await self._made.close()
            self._made = None

    async def _once(self, url: str, body: bytes, signed: dict[str, str], trace: SimpleNamespace, at: datetime) -> Heard:
        async with self._session().post(
            url, data=body, headers=signed, allow_redirects=False, trace_request_ctx=trace
        ) as answer:
            heard = Heard(answer.status, asked_s=asked_s(answer.headers, LONGEST_ASKED_S, at))
            await _drain(answer)
            return heard

    def _session(self) -> aiohttp.ClientSession:
        """Made late, because it must be made inside the running loop."""
        if self._made is None or self._made.closed:
            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(self._reach, self._look_up),
                use_dns_cache=False,
                limit=0,  # lanes.py bounds them
                ssl=self._tls,
                keepalive_timeout=KEPT_S,
            )
            traces = aiohttp.TraceConfig()
            traces.on_connection_reuseconn.append(_mark)
            self._made = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # what is not unpacked cannot grow
                headers={"Accept-Encoding": "identity", "User-Agent": "pbx-bridge"},
                trace_configs=[traces],
                trust_env=False,  # a proxy would resolve the name once more
            )
        return self._made


async def _mark(session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.trace_request_ctx.reused = True


async def _drain(answer: aiohttp.ClientResponse) -> None:
    """What is left unread closes the connection."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(ANSWER_S):
            left = LARGEST_ANSWER
            while left > 0 and (piece := await answer.content.read(left)):
                left -= len(piece)


def _words(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not believed"
        case aiohttp.ClientConnectorDNSError(os_error=Forbidden()):
            return "its name leads to an address that is not allowed"
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientSSLError():
            return "it does not speak TLS that can be trusted"
        case aiohttp.ClientConnectorError():
            return "it cannot be reached"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return "it hung up without an answer"
        case aiohttp.ClientResponseError():
            return "its answer is not HTTP"
    return f"it could not be asked ({type(error).__name__})"
