"""Asterisk's REST interface: commands out, events in. The only place that speaks HTTP with Asterisk.

Thin and typed: no state of calls, no decisions, and no POST is ever sent twice. Whoever needs one more
resource or parameter adds it here. Source: Asterisk's own rest-api/*.json, also served under /ari/api-docs/.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlencode

import aiohttp
import structlog
from yarl import URL

from .ari_models import AriEvent, AsteriskInfo, Bridge, Channel, Endpoint
from .errors import (
    AriError,
    Conflict,
    NotFound,
    Refused,
    Replaced,
    Unauthorized,
    Unprocessable,
    Unreachable,
)
from .inbox import Inbox, Tally

log = structlog.get_logger(__name__)

# Not ChannelVarset, ChannelDialplan and Dial: most of a queue call's events, and no facts for us.
WANTED = (
    "StasisStart",
    "StasisEnd",
    "ChannelStateChange",
    "ChannelDestroyed",
    "ChannelHangupRequest",
    "ChannelHold",
    "ChannelUnhold",
    "ChannelUserevent",
)
# Asterisk closes an idle connection after 15 s; a POST must never meet that moment, for it is not sent again.
KEEP_ALIVE_S = 10.0
# Commands under way at once. Asterisk's sessionlimit (100 unless raised) counts these and the WebSocket.
CONNECTIONS = 32
CLOSE_S = 1.0
# Each originate ends its connection. Asterisk has a thread per connection, and one that said 409 once says it
# again for every later originate that fails, even to an unknown endpoint (22.10.1): we would take it for done.
ONCE = {"Connection": "close"}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.2


class Ari:
    """One Asterisk and one Stasis application of it.

    Every command raises AriError's children and nothing else. All times are in seconds.
    `url` is the server's, like http://127.0.0.1:8088; `tls` is for https with an authority of your own.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        app: str,
        *,
        request_timeout_s: float = 5.0,
        heartbeat_s: float = 10.0,
        wanted: Sequence[str] = WANTED,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """A WebSocket silent for `heartbeat_s` is pinged and given up half as long after that."""
        self.app = app
        self.tally = Tally()
        self._url = url.rstrip("/")
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._request_timeout_s = request_timeout_s
        self._heartbeat_s = heartbeat_s
        # Without this type in the filter a replaced connection stays open, deaf, and is never told (22.10.1).
        self._filter = {"allowed": [{"type": each} for each in (*wanted, "ApplicationReplaced")]}
        self._tls = tls
        self._made: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections. Harmless when repeated; the next command would open them again."""
        if self._made is not None:
            await self._made.close()
            self._made = None

    async def originate(
        self,
        channel_id: str,
        endpoint: str,
        *,
        context: str,
        extension: str,
        priority: int = 1,
        timeout_s: int,
        caller_id: str = "",
        variables: Mapping[str, str],
        formats: str = "",
    ) -> None:
        """Create a channel with an id of our own, ring `endpoint`, send who answers to the dialplan.

        `timeout_s` limits the ringing. StasisStart may be heard before this returns.
        Raises Conflict when the id lives (an earlier try got through), Refused when no channel came to be.
        """
        order: dict[str, Any] = {
            "endpoint": endpoint,
            "context": context,
            "extension": extension,
            "priority": priority,
            "timeout": timeout_s,
            "variables": dict(variables),
        }
        if caller_id:
            order["callerId"] = caller_id
        if formats:
            order["formats"] = formats
        # In the body, not in the address: addresses get logged, and these are people's numbers.
        await self._ask(f"originate {channel_id}", "POST", _path("channels", channel_id), order, ONCE)

    async def hangup(self, channel_id: str, *, reason: str | int = "normal") -> None:
        """End a channel in any state. NotFound means that it is over already.

        `reason` is one of ARI's words (normal, busy, congestion, no_answer, rejected …) or a Q.850 cause.
        """
        name = "reason_code" if isinstance(reason, int) else "reason"
        path = _path("channels", channel_id, query={name: str(reason)})
        await self._ask(f"hang up {channel_id}", "DELETE", path)

    async def leave_app(self, channel_id: str, *, context: str = "", extension: str = "", priority: int = 0) -> None:
        """Let a channel go from Stasis() on in the dialplan: behind it, or at the place that is named.

        Conflict means that it is not in the application (any more).
        """
        place = {"context": context, "extension": extension, "priority": priority}
        given = {key: value for key, value in place.items() if value}
        await self._ask(f"let {channel_id} leave", "POST", _path("channels", channel_id, "continue"), given)

    async def channels(self) -> list[Channel]:
        """All channels of this Asterisk, also those that are none of ours."""
        return cast("list[Channel]", await self._ask("list channels", "GET", _path("channels")))

    async def bridges(self) -> list[Bridge]:
        """All bridges, also those that app_queue made."""
        return cast("list[Bridge]", await self._ask("list bridges", "GET", _path("bridges")))

    async def endpoint(self, tech: str, resource: str) -> Endpoint:
        """One endpoint and whether it is online. NotFound when it is not configured."""
        answer = await self._ask("look at an endpoint", "GET", _path("endpoints", tech, resource))
        return cast(Endpoint, answer)

    async def info(self) -> AsteriskInfo:
        """Version, start and last reload: a new startup_time means that every channel of before is gone."""
        return cast(AsteriskInfo, await self._ask("ask for its version", "GET", _path("asterisk", "info")))

    async def variable(self, channel_id: str, name: str) -> str | None:
        """A variable or a function like CALLERID(num). None when unset, NotFound without the channel."""
        path = _path("channels", channel_id, "variable", query={"variable": name})
        try:
            answer = await self._ask(f"read {name} of {channel_id}", "GET", path)
        except NotFound as error:
            if "variable was not found" in str(error):
                return None
            raise
        return cast(str, answer["value"])

    async def healthy(self) -> None:
        """Returns when ARI answers and knows our application. NotFound when nobody listened since its start.

        Not /asterisk/ping, which still answers when the list of applications is deadlocked (asterisk#2170).
        An application outlives its listener: that listen() goes on is a question of its own.
        """
        await self._ask(f"look at application {self.app}", "GET", _path("applications", self.app))

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[AriEvent]]:
        """One WebSocket's life: connected, filtered and subscribed to all PJSIP channels when entered.

        The iterator gives every event since the connection was made. It stops when Asterisk closes (a restart
        looks like that), raises Unreachable when it falls silent, Replaced when another took the application.
        Reconnecting is the caller's: what was said meanwhile is lost, so look at everything first.
        """
        socket = await self._open_socket()
        inbox: Inbox[AriEvent] = Inbox("ARI", self.tally)
        reader = asyncio.create_task(self._read(socket, inbox), name="ARI reader")
        try:
            await self._set_up()
            log.info("listening to Asterisk over ARI", app=self.app)
            yield inbox
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await socket.close()

    async def _open_socket(self) -> aiohttp.ClientWebSocketResponse:
        url = URL(f"{self._url}/ari/events?{urlencode({'app': self.app})}", encoded=True)
        limit = aiohttp.ClientWSTimeout(ws_close=CLOSE_S)
        session, ping, what = self._session(), self._heartbeat_s, "open the event connection"
        try:
            # aiohttp does not keep the session's timeout while a WebSocket opens.
            async with asyncio.timeout(self._request_timeout_s):
                return await session.ws_connect(url, heartbeat=ping, timeout=limit, ssl=self._ssl)
        except aiohttp.WSServerHandshakeError as error:
            refusal = self._refusal(what, error.status, {"message": error.message})
        except (aiohttp.ClientError, OSError) as error:
            refusal = self._unreachable(what, _words(error), maybe_done=False)
        # Outside of `except`: aiohttp's error carries the request's headers, and with them the password.
        raise refusal

    async def _set_up(self) -> None:
        """First the filter, then the subscription: so that nothing unwanted is ever sent."""
        what, app = "set the application up", _path("applications", self.app)
        await self._ask_until_known(what, "PUT", app + "/eventFilter", self._filter)
        await self._ask_until_known(what, "POST", app + "/subscription?eventSource=endpoint%3APJSIP")

    async def _ask_until_known(self, what: str, method: str, path: str, body: object = None) -> None:
        """The WebSocket's handshake may be answered before the application is known: 404 means ask again."""
        give_up = asyncio.get_running_loop().time() + self._request_timeout_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._ask(what, method, path, body)
                return
            except NotFound:
                if asyncio.get_running_loop().time() > give_up:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, inbox: Inbox[AriEvent]) -> None:
        """Only enqueue: while this task waits for anything else, Asterisk's patience runs."""
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.ERROR:
                    inbox.end(self._unreachable("hear events", _words(frame.data)))
                    return
                event = self._decode(frame)
                if event is None:
                    continue
                if event["type"] == "ApplicationReplaced":
                    inbox.end(Replaced(f"Another connection took application {self.app} over: stop."))
                    return
                inbox.put(cast(AriEvent, event))
            log.info("Asterisk closed the event connection", app=self.app, code=socket.close_code)
        finally:
            # However this task ends, nobody may wait for ever for what it will not read.
            inbox.end()

    def _decode(self, frame: aiohttp.WSMessage) -> dict[str, Any] | None:
        try:
            event = json.loads(frame.data)
            event["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            self.tally.malformed += 1
            log.warning("skipped what is no event of Asterisk's", malformed=self.tally.malformed)
            return None
        return cast("dict[str, Any]", event)

    async def _ask(
        self, what: str, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The one door for requests: the decoded answer, or one of our errors. `what` ends "could not …"."""
        url = URL(self._url + path, encoded=True)
        request = self._session().request(method, url, json=body, headers=headers, allow_redirects=False, ssl=self._ssl)
        try:
            async with request as reply:
                content = await reply.read()
        except (aiohttp.ClientError, OSError) as error:
            failure = self._unreachable(what, _words(error), maybe_done=not _never_sent(error))
        else:
            if reply.status == HTTPStatus.NO_CONTENT:
                return None
            answer = _json(content)
            if reply.status == HTTPStatus.OK and answer is not None:
                return answer
            failure = self._refusal(what, reply.status, answer)
        # Outside of `except`: aiohttp's error carries the request's headers, and with them the password.
        raise failure

    def _session(self) -> aiohttp.ClientSession:
        """Made late, because it must be made inside the running loop."""
        if self._made is None or self._made.closed:
            self._made = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._request_timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._made

    @property
    def _ssl(self) -> ssl.SSLContext | bool:
        return True if self._tls is None else self._tls

    def _unreachable(self, what: str, why: str, *, maybe_done: bool = True) -> AriError:
        return Unreachable(
            f"Could not {what}: Asterisk at {self._url} did not answer ({why}). "
            "Check that it runs and that http.conf and ari.conf are enabled.",
            maybe_done=maybe_done,
        )

    def _refusal(self, what: str, status: int, answer: Any) -> AriError:
        """Asterisk 22.10.1 says 400, 401, 403, 404, 405, 409, 412, 413, 422, 500, and 503 while it boots."""
        if not isinstance(answer, dict) or status < 400 or status in AWAY:
            return self._unreachable(what, f"what is there says {status}")
        # Most errors say {"message": …}, a failed allocation says {"error": …}.
        text = f"Asterisk would not {what}: {status} {answer.get('message') or answer.get('error')}."
        if status in ADVICE:
            text += " " + ADVICE[status]
        if status < 500:
            return REFUSALS.get(status, Unprocessable)(text, status=status)
        return Refused(text, status=status)


# Answers of a proxy, or of an Asterisk that is not there yet or no more.
AWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
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


def _path(*parts: str, query: Mapping[str, str] | None = None) -> str:
    path = "/ari/" + "/".join(quote(each, safe="") for each in parts)
    return f"{path}?{urlencode(query)}" if query else path


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _words(error: object) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _never_sent(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
