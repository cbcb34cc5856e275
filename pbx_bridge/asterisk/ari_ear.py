"""One WebSocket's life: made, filtered, subscribed, proven to hear, read until it ends.

A connection can be open and deaf. Asterisk cleans up after the listener before us when it likes, and that may
switch our application off although we are there already (22.10.1, about one quick reconnect in 300); a listener
who is replaced without being told stays open too. So Asterisk is asked now and then to say a word to our
application, and a word that is not heard ends the connection.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable
from typing import Any, cast

import aiohttp
import structlog

from .ari_http import AriHttp, path
from .ari_models import AriEvent
from .errors import AriError, NotFound, Replaced, Unreachable
from .inbox import Inbox, Tally

log = structlog.get_logger(__name__)

# Our word to ourselves: a ChannelUserevent without a channel.
ECHO = "pbx-bridge-echo"
# Without the first in the filter a replaced connection is never told and stays open, deaf (22.10.1).
ALWAYS = ("ApplicationReplaced", "ChannelUserevent")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.2


class Ear:
    """`open` it, iterate `inbox`, `close` it. `heartbeat_s` is the time between two proofs of hearing."""

    def __init__(self, http: AriHttp, app: str, wanted: Iterable[str], tally: Tally, heartbeat_s: float) -> None:
        self.inbox: Inbox[AriEvent] = Inbox("ARI", tally)
        self._http = http
        self._app = app
        self._wanted = frozenset(wanted)
        self._tally = tally
        self._heartbeat_s = heartbeat_s
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._echoes: dict[str, asyncio.Future[None]] = {}

    async def open(self) -> None:
        """Returns when every event to come will be heard. Raises AriError; close() it even then."""
        address = path("events", query={"app": self._app})
        self._socket = await self._http.open_socket("open the event connection", address, heartbeat_s=self._heartbeat_s)
        self._tasks.append(asyncio.create_task(self._read(self._socket), name="ARI reader"))
        # The filter comes first: nothing unwanted is ever sent. What to hear is said by Ari.follow.
        kinds = [{"type": each} for each in sorted({*self._wanted, *ALWAYS})]
        await self._set_up("PUT", "eventFilter", {"allowed": kinds})
        if not await self._hears():
            raise self._deaf()
        self._tasks.append(asyncio.create_task(self._keep_proving(), name="ARI echo"))

    async def close(self) -> None:
        """Say goodbye. Harmless when repeated."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.inbox.end()
        if self._socket is not None:
            await self._socket.close()

    async def _set_up(self, method: str, part: str, body: object = None) -> None:
        """The WebSocket's handshake may be answered before the application is known: 404 means ask again."""
        address = path("applications", self._app, part)
        pause = FIRST_PAUSE_S
        give_up = asyncio.get_running_loop().time() + self._http.timeout_s
        while True:
            try:
                await self._http.ask(f"set application {self._app} up", method, address, body)
                return
            except NotFound:
                if asyncio.get_running_loop().time() > give_up:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _hears(self) -> bool:
        """False when Asterisk says a word to our application and it does not arrive. AriError when it says none.

        When the connection ends meanwhile there is nothing to prove: whoever iterates is told the reason.
        """
        token = secrets.token_hex(8)
        heard = self._echoes[token] = asyncio.get_running_loop().create_future()
        address = path("events", "user", ECHO, query={"application": self._app})
        try:
            await self._http.ask("hear our own word", "POST", address, {"variables": {"token": token}})
            if not self.inbox.ended:
                async with asyncio.timeout(self._http.timeout_s):
                    await heard
        except TimeoutError:
            return False
        finally:
            del self._echoes[token]
        return True

    async def _keep_proving(self) -> None:
        while not self.inbox.ended:
            await asyncio.sleep(self._heartbeat_s)
            try:
                if await self._hears():
                    continue
            except AriError as error:
                # Nothing is proven either way; a peer that is gone is found by the WebSocket's own pings.
                log.warning("could not ask Asterisk to say a word", reason=str(error))
                continue
            self.inbox.end(self._deaf())
            return

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Only enqueue: while this task waits for anything else, Asterisk's patience runs."""
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.ERROR:
                    self.inbox.end(self._http.unreachable("hear events", frame.data))
                    return
                event = self._decode(frame)
                if event is not None and not self._is_ours_to_know(event):
                    self.inbox.put(cast(AriEvent, event))
            log.info("Asterisk closed the event connection", app=self._app, code=socket.close_code)
        finally:
            # However this task ends, nobody may wait for ever for what it will not read.
            self.inbox.end()
            for echo in self._echoes.values():
                _resolve(echo)

    def _decode(self, frame: aiohttp.WSMessage) -> dict[str, Any] | None:
        try:
            event = json.loads(frame.data)
        except (ValueError, TypeError, RecursionError):
            event = None
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            return event
        self._tally.malformed += 1
        log.warning("skipped what is no event of Asterisk's", malformed=self._tally.malformed)
        return None

    def _is_ours_to_know(self, event: dict[str, Any]) -> bool:
        """What is about this connection and no news for the listener."""
        kind = event["type"]
        if kind == "ChannelUserevent" and event.get("eventname") == ECHO:
            said = event.get("userevent")
            _resolve(self._echoes.get(str(said.get("token"))) if isinstance(said, dict) else None)
            return True
        if kind == "ApplicationReplaced":
            self.inbox.end(Replaced(f"Another connection took application {self._app} over: stop."))
            return True
        return kind not in self._wanted

    def _deaf(self) -> Unreachable:
        return Unreachable(
            f"Asterisk answers, but application {self._app} does not hear what it says: connect again. "
            "When this repeats, look for another program that uses the same application name."
        )


def _resolve(echo: asyncio.Future[None] | None) -> None:
    if echo is not None and not echo.done():
        echo.set_result(None)
