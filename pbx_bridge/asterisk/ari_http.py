"""The one door to Asterisk's HTTP server: a request goes out, an answer or one of our errors comes back.

Foreign exceptions end here. No text of ours holds the password, nor what aiohttp's errors carry of it.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from .errors import (
    AriError,
    Conflict,
    NotFound,
    Refused,
    Unauthorized,
    Unprocessable,
    Unreachable,
)
from .tls import advice

# Asterisk closes an idle connection after 15 s; a POST must never meet that moment, for it is not sent again.
KEEP_ALIVE_S = 10.0
# Commands under way at once. Asterisk's sessionlimit (100 unless raised) counts these and the WebSocket.
CONNECTIONS = 32
# How long a WebSocket that we close may take to say goodbye.
CLOSE_S = 1.0

# Answers of a proxy, or of an Asterisk that is not there yet or no more.
AWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
# An Asterisk that boots says 404 until ARI is loaded, then 503 until it is ready (22.10.1): nothing was done.
BOOTS = (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)
REFUSALS: dict[int, type[AriError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Unauthorized,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
}
ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "Compare user and password with ari.conf.",
    HTTPStatus.FORBIDDEN: "Set read_only=no for this user in ari.conf.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Look into Asterisk's log; for a call, at its endpoint.",
}


def path(*parts: str, query: Mapping[str, str] | None = None) -> str:
    """An address below the server's, every part quoted: ids may hold anything."""
    address = "/ari/" + "/".join(quote(each, safe="") for each in parts)
    return f"{address}?{urlencode(query)}" if query else address


class AriHttp:
    """Requests and WebSockets to one Asterisk as one user. `url` is the server's; times are in seconds."""

    def __init__(self, url: str, user: str, password: str, *, timeout_s: float, tls: ssl.SSLContext | None) -> None:
        self.timeout_s = timeout_s
        self._url = url.rstrip("/")
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._tls = tls if tls is not None else True
        self._made: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections. Harmless when repeated; the next request would open them again."""
        if self._made is not None:
            await self._made.close()
            self._made = None

    async def ask(
        self, what: str, method: str, address: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The decoded answer, None for "no content", or an AriError. `what` ends "could not …"."""
        request = self._session().request(
            method,
            URL(self._url + address, encoded=True),
            json=body,
            headers=headers,
            allow_redirects=False,
            ssl=self._tls,
        )
        try:
            async with request as reply:
                content = await reply.read()
        except (aiohttp.ClientError, OSError) as error:
            failure = self.unreachable(what, error, maybe_done=not _never_sent(error))
        else:
            if reply.status == HTTPStatus.NO_CONTENT:
                return None
            answer = _json(content)
            if reply.status == HTTPStatus.OK and answer is not None:
                return answer
            failure = self._refusal(what, reply.status, answer)
        # Outside of `except`: aiohttp's error carries the request's headers, and with them the password.
        raise failure

    async def open_socket(self, what: str, address: str, *, heartbeat_s: float) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket that is pinged after `heartbeat_s` of silence and given up half as long after that."""
        try:
            return await self._session().ws_connect(
                URL(self._url + address, encoded=True),
                heartbeat=heartbeat_s,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                ssl=self._tls,
            )
        except aiohttp.WSServerHandshakeError as error:
            failure = self._refusal(what, error.status, {"message": error.message})
        except (aiohttp.ClientError, OSError) as error:
            failure = self.unreachable(what, error, maybe_done=False)
        raise failure

    def unreachable(self, what: str, why: object, *, maybe_done: bool = True) -> AriError:
        """`why` is a foreign exception, or words."""
        words = why if isinstance(why, str) else f"{type(why).__name__}: {why}".rstrip(": ")
        handshake = isinstance(why, Exception) and advice(why, "asterisk.ari_url", "let asterisk.ari_url say http:")
        return Unreachable(
            f"Could not {what}: Asterisk at {self._url} did not answer ({words}). "
            + (handshake or "Check that it runs and that http.conf and ari.conf are enabled."),
            maybe_done=maybe_done,
        )

    def _refusal(self, what: str, status: int, answer: Any) -> AriError:
        """Asterisk 22.10.1 says 400, 401, 403, 404, 405, 409, 412, 413, 422, 500, and 503 while it boots."""
        if not isinstance(answer, dict) or status < 400 or status in AWAY:
            return self.unreachable(what, f"what is there says {status}", maybe_done=status not in BOOTS)
        # Most errors say {"message": …}, a failed allocation says {"error": …}.
        text = f"Asterisk would not {what}: {status} {answer.get('message') or answer.get('error')}."
        if status in ADVICE:
            text += " " + ADVICE[status]
        if status < 500:
            return REFUSALS.get(status, Unprocessable)(text, status=status)
        return Refused(text, status=status)

    def _session(self) -> aiohttp.ClientSession:
        """Made late, because it must be made inside the running loop."""
        if self._made is None or self._made.closed:
            self._made = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._made


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _never_sent(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
