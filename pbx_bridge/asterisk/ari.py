"""Asterisk's REST interface: commands out, events in.

Thin and typed: no state of calls, no decisions, and no POST is ever sent twice. Whoever needs one more
resource or parameter adds it here. Source: Asterisk's own rest-api/*.json, also served under /ari/api-docs/.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog

from .ari_ear import Ear
from .ari_http import AriHttp, path
from .ari_models import AriEvent, AsteriskInfo, Bridge, Channel, Endpoint
from .errors import NotFound
from .inbox import Tally

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
# Each originate ends its connection. Asterisk has a thread per connection, and one that said 409 once says it
# again for every later originate that fails, even to an unknown endpoint (22.10.1): we would take it for done.
ONCE = {"Connection": "close"}


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
        """A WebSocket silent for `heartbeat_s` is pinged and given up half as long after that.

        As often, a listener that hears nothing of what Asterisk says to it is found within `request_timeout_s`.
        """
        self.app = app
        self.tally = Tally()
        self._http = AriHttp(url, user, password, timeout_s=request_timeout_s, tls=tls)
        self._heartbeat_s = heartbeat_s
        self._wanted = tuple(wanted)
        self._followed: set[str] = set()

    async def close(self) -> None:
        """Close all connections. Harmless when repeated; the next command would open them again."""
        await self._http.close()

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
        await self._http.ask(f"originate {channel_id}", "POST", path("channels", channel_id), order, ONCE)

    async def hangup(self, channel_id: str, *, reason: str | int = "normal") -> None:
        """End a channel in any state. NotFound means that it is over already.

        `reason` is one of ARI's words (normal, busy, congestion, no_answer, rejected …) or a Q.850 cause.
        """
        name = "reason_code" if isinstance(reason, int) else "reason"
        address = path("channels", channel_id, query={name: str(reason)})
        await self._http.ask(f"hang up {channel_id}", "DELETE", address)

    async def leave_app(self, channel_id: str, *, context: str = "", extension: str = "", priority: int = 0) -> None:
        """Let a channel go from Stasis() on in the dialplan: behind it, or at the place that is named.

        Conflict means that it is not in the application (any more).
        """
        place = {"context": context, "extension": extension, "priority": priority}
        given = {key: value for key, value in place.items() if value}
        await self._http.ask(f"let {channel_id} leave", "POST", path("channels", channel_id, "continue"), given)

    async def channels(self) -> list[Channel]:
        """All channels of this Asterisk, also those that are none of ours."""
        return cast("list[Channel]", await self._http.ask("list channels", "GET", path("channels")))

    async def bridges(self) -> list[Bridge]:
        """All bridges, also those that app_queue made."""
        return cast("list[Bridge]", await self._http.ask("list bridges", "GET", path("bridges")))

    async def endpoint(self, tech: str, resource: str) -> Endpoint:
        """One endpoint and whether it is online. NotFound when it is not configured."""
        answer = await self._http.ask("look at an endpoint", "GET", path("endpoints", tech, resource))
        return cast(Endpoint, answer)

    async def endpoints(self, tech: str) -> list[Endpoint]:
        """All that are configured."""
        answer = await self._http.ask("list endpoints", "GET", path("endpoints", tech))
        return cast("list[Endpoint]", answer)

    async def pjsip_object(self, kind: str, name: str) -> dict[str, str]:
        """One object of PJSIP's configuration as it counts now, like a transport: option → value. NotFound without it.

        Never ask for an `auth`: its password would come, too.
        """
        address = path("asterisk", "config", "dynamic", "res_pjsip", kind, name)
        answer = await self._http.ask(f"look at a PJSIP {kind}", "GET", address)
        return {each["attribute"]: each["value"] for each in answer}

    async def info(self) -> AsteriskInfo:
        """Version, start and last reload: a new startup_time means that every channel of before is gone."""
        return cast(AsteriskInfo, await self._http.ask("ask for its version", "GET", path("asterisk", "info")))

    async def variable(self, channel_id: str, name: str) -> str | None:
        """A variable or a function like CALLERID(num). None when unset, NotFound without the channel."""
        address = path("channels", channel_id, "variable", query={"variable": name})
        try:
            answer = await self._http.ask(f"read {name} of {channel_id}", "GET", address)
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
        await self._http.ask(f"look at application {self.app}", "GET", path("applications", self.app))

    async def follow(self, endpoint: str) -> None:
        """Hear all that happens to channels of this PJSIP endpoint, also those that are not made yet.

        Once for each connection is enough; a repeat costs nothing. Not all of PJSIP at once: Asterisk makes JSON of
        every event of every subscribed channel before it looks at the filter, agents' legs included, which took a
        quarter of its time. Raises Unprocessable when there is no such endpoint, NotFound when nobody has listened
        since Asterisk's start.
        """
        if endpoint not in self._followed:
            source = path("applications", self.app, "subscription", query={"eventSource": f"endpoint:PJSIP/{endpoint}"})
            await self._http.ask(f"follow endpoint {endpoint}", "POST", source)
            self._followed.add(endpoint)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[AriEvent]]:
        """One WebSocket's life: filtered and proven to hear when entered. What is heard is up to follow().

        The iterator gives every wanted event since the connection was made. It stops when Asterisk closes (a
        restart looks like that), raises Unreachable when the connection breaks, falls silent or is deaf, Replaced
        when another took the application. Reconnecting is the caller's: what was said meanwhile is lost, so look
        at everything first.
        """
        ear = Ear(self._http, self.app, self._wanted, self.tally, self._heartbeat_s)
        try:
            await ear.open()
            self._followed.clear()
            log.info("listening to Asterisk over ARI", app=self.app)
            yield ear.inbox
        finally:
            await ear.close()
