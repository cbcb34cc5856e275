"""A portal, as a test or a demonstration needs one: gets a token, asks for calls, follows them.

async with await service.portal() as portal:
    call = await portal.call("+79000000200")
    async for event in portal.follow(call): ...
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

#: A story that takes longer than this has got stuck (seconds).
STORY_S = 30.0


@dataclass(frozen=True)
class Reply:
    """One answer: status, headers, decoded body."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def problem(self) -> str:
        """The slug of a problem document, empty when it is none."""
        kind = self.body.get("type", "") if isinstance(self.body, dict) else ""
        return str(kind).rpartition("/")[2]


@dataclass
class Story:
    """What was read of a call's events so far."""

    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def states(self) -> list[str]:
        return [event["data"]["call"]["state"] for event in self.events]

    @property
    def sequences(self) -> list[int]:
        return [event["sequence"] for event in self.events]

    @property
    def last(self) -> dict[str, Any]:
        """The newest snapshot."""
        call: dict[str, Any] = self.events[-1]["data"]["call"]
        return call


class Portal:
    """One registered program."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self.url = url
        self.client_id = client_id
        self.client_secret = client_secret
        self._token = ""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=5))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session, "use it as an async context manager"
        return self._session

    async def token(self) -> str:
        """An access token, fetched once."""
        if not self._token:
            headers = {"Authorization": aiohttp.encode_basic_auth(self.client_id, self.client_secret)}
            form = {"grant_type": "client_credentials"}
            async with self.session.post(f"{self.url}/oauth/token", data=form, headers=headers) as reply:
                reply.raise_for_status()
                self._token = (await reply.json())["access_token"]
        return self._token

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request with our token. Header names are written with underscores: Idempotency_Key="…"."""
        sent = {"Authorization": f"Bearer {await self.token()}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.url + path, json=body, headers=sent) as reply:
            content = await reply.read()
            kind = reply.headers.get("Content-Type", "")
            return Reply(reply.status, dict(reply.headers), json.loads(content) if "json" in kind else content)

    async def initiate(self, number: str, *, key: str = "", user: str = "", **more: object) -> Reply:
        """POST /v1/calls for the support queue; `user` is a new citizen unless named."""
        body = {"service": "support", "user": {"id": user or f"u-{uuid.uuid4().hex[:8]}", "phone": number}, **more}
        return await self.ask("POST", "/v1/calls", body, Idempotency_Key=key or uuid.uuid4().hex)

    async def call(self, number: str, **more: Any) -> str:
        """The id of a new call; AssertionError with the problem when it is refused."""
        reply = await self.initiate(number, **more)
        assert reply.status == 202, reply
        return str(reply.body["call"]["id"])

    async def abort(self, call_id: str, **headers: str) -> Reply:
        return await self.ask("POST", f"/v1/calls/{call_id}/abort", **headers)

    async def get(self, call_id: str) -> dict[str, Any]:
        """The snapshot as it stands."""
        reply = await self.ask("GET", f"/v1/calls/{call_id}")
        assert reply.status == 200, reply
        call: dict[str, Any] = reply.body.get("call", reply.body)
        return call

    async def events(self, call_id: str, after: int = 0) -> list[dict[str, Any]]:
        """The log as JSON."""
        reply = await self.ask("GET", f"/v1/calls/{call_id}/events?after={after}", Accept="application/json")
        assert reply.status == 200, reply
        body = reply.body
        listed: list[dict[str, Any]] = body["events"] if isinstance(body, dict) else body
        return listed

    async def follow(self, call_id: str, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Events over SSE as they come; ends after call.ended, raises aiohttp's errors when the stream breaks."""
        headers = {"Authorization": f"Bearer {await self.token()}", "Accept": "text/event-stream"}
        if after:
            headers["Last-Event-ID"] = str(after)
        async with self.session.get(f"{self.url}/v1/calls/{call_id}/events", headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            data: list[str] = []
            async for line in reply.content:
                text = line.decode().rstrip("\r\n")
                if text.startswith("data:"):
                    data.append(text[5:].removeprefix(" "))
                elif not text and data:
                    event = json.loads("\n".join(data))
                    data = []
                    yield event
                    if event["type"] == "call.ended":
                        return

    async def until(self, call_id: str, *states: str, within_s: float = STORY_S) -> Story:
        """Follow from the first event until the call is in one of the states (default: ended); the story so far."""
        wanted = states or ("ended",)
        story = Story()
        try:
            async with asyncio.timeout(within_s):
                async for event in self.follow(call_id):
                    story.events.append(event)
                    if event["data"]["call"]["state"] in wanted:
                        return story
        except TimeoutError:
            raise AssertionError(f"{call_id} did not become {wanted} in {within_s} s; it was {story.states}") from None
        raise AssertionError(f"{call_id} ended without becoming {wanted}: {story.states}")
