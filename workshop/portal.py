"""A portal, as a test or a demonstration needs one: the client that portals use, with nothing repeated or hidden.

async with await service.portal() as portal:
    call = await portal.call("+79000000200")
    async for event in portal.follow(call): ...
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from pbx_bridge.client import Answer, Bridge, Key, Problem, TokenRefused, Unreachable

#: A story that takes longer than this has got stuck (seconds).
STORY_S = 30.0
#: How long an answer is waited for (seconds): longer than anything here takes.
ANSWER_S = 120.0
#: How long a service may be away while a call is followed (seconds).
GONE_S = 10.0


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
    """One registered program. A request is sent once, and a refusal is an answer like any other: tests look at both.
    With a `signing_key` everything is signed."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        signing_key: Key | None = None,
        believes: Path | None = None,
    ) -> None:
        """`believes` is a file of authorities for an https: url, where the system does not know them."""
        self.url = url
        self.believes = believes
        self.client_id = client_id
        self.client_secret = client_secret
        self.bridge = Bridge(
            url,
            client_id,
            secret=client_secret,
            signing_key=signing_key,
            ca_file=believes,
            timeout_s=ANSWER_S,
            patience_s=0,
        )

    async def __aenter__(self) -> Self:
        await self.bridge.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.bridge.__aexit__()

    @property
    def session(self) -> aiohttp.ClientSession:
        return self.bridge.session

    async def token(self) -> str:
        """An access token that lives. Raises TokenRefused, and aiohttp's own errors when nobody answers."""
        try:
            return await self.bridge.bearer()
        except Unreachable as error:
            raise _cause(error) from None

    async def renew(self) -> None:
        """Fetch another token next time."""
        self.bridge.drop_token(await self.token())

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request with our token. Header names are written with underscores: Idempotency_Key="…"."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = await self.bridge.request(method, path, body, headers=sent, repeat=False)
        except Problem as problem:
            answer = problem.answer
        except Unreachable as error:
            raise _cause(error) from None
        return _reply(answer)

    async def initiate(self, number: str, *, key: str = "", user: str = "", zone: str = "", **more: object) -> Reply:
        """POST /v1/calls for the support queue; `user` is a new citizen unless named, in Moscow unless in `zone`."""
        citizen = {"id": user or f"u-{uuid.uuid4().hex[:8]}", "phone": number}
        citizen |= {"time_zone": zone} if zone else {}
        body = {"service": "support", "user": citizen, **more}
        return await self.ask("POST", "/v1/calls", body, Idempotency_Key=key or uuid.uuid4().hex)

    async def call(self, number: str, **more: Any) -> str:
        """The id of a new call; AssertionError with the problem when it is refused."""
        reply = await self.initiate(number, **more)
        assert reply.status == 202, reply
        return str(reply.body["call"]["id"])

    async def confirm(self, call_id: str, code: str | None = None) -> Reply:
        """The second step."""
        return await self.ask("POST", f"/v1/calls/{call_id}/confirm", {} if code is None else {"code": code})

    async def abort(self, call_id: str, **headers: str) -> Reply:
        return await self.ask("POST", f"/v1/calls/{call_id}/abort", **headers)

    async def get(self, call_id: str) -> dict[str, Any]:
        """The snapshot as it stands."""
        return await self.bridge.call(call_id)

    async def events(self, call_id: str, after: int = 0) -> list[dict[str, Any]]:
        """The log as JSON."""
        return await self.bridge.events(call_id, after)

    async def follow(self, call_id: str, after: int = 0) -> AsyncGenerator[dict[str, Any]]:
        """Events over SSE as they come, across broken streams; ends after call.ended. Raises aiohttp's own errors when
        the service stays away."""
        try:
            async with aclosing(self.bridge.follow(call_id, after, patience_s=GONE_S)) as events:
                async for event in events:
                    yield event
        except Unreachable as error:
            raise _cause(error) from None

    async def until(self, call_id: str, *states: str, within_s: float = STORY_S) -> Story:
        """Follow from the first event until the call is in one of the states (default: ended); the story so far."""
        wanted = states or ("ended",)
        story = Story()
        try:
            async with asyncio.timeout(within_s), aclosing(self.follow(call_id)) as events:
                async for event in events:
                    story.events.append(event)
                    if event["data"]["call"]["state"] in wanted:
                        return story
        except TimeoutError:
            raise AssertionError(f"{call_id} did not become {wanted} in {within_s} s; it was {story.states}") from None
        raise AssertionError(f"{call_id} ended without becoming {wanted}: {story.states}")


def _reply(answer: Answer) -> Reply:
    kind = answer.headers.get("Content-Type", "")
    return Reply(answer.status, dict(answer.headers), json.loads(answer.body) if "json" in kind else answer.body)


def _cause(error: Unreachable) -> BaseException:
    """What aiohttp said: it is what those who ask by hand know."""
    return error.__cause__ or error


__all__ = ["Portal", "Reply", "Story", "TokenRefused"]
