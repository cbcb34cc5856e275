"""Somebody who asks a portal that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from pbx_bridge.ledger import Client
from pbx_bridge.portal.guard import TOKENS
from pbx_bridge.portal.serving import Runner
from pbx_bridge.portal.tokens import Tokens
from pbx_bridge.subject import Subject

from .portal_replies import Reply, Stream

if TYPE_CHECKING:
    from .portal_house import House

SCOPES = frozenset({"calls:read", "calls:write"})
BODY: Mapping[str, Any] = {"service": "support", "user": {"id": "u-1", "phone": "+79161234567"}}


@dataclass
class Site:
    """A running portal and somebody who asks it. `client` is the one it asks for."""

    house: House
    app: web.Application
    runner: Runner
    session: aiohttp.ClientSession
    port: int
    client: Client
    secret: str
    asked: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app_tokens(self) -> Tokens:
        return self.app[TOKENS]

    def token(self, client: Client | None = None, scopes: frozenset[str] = SCOPES) -> str:
        return self.app_tokens().issue((client or self.client).id, scopes, 600)

    def bearer(self, client: Client | None = None, scopes: frozenset[str] = SCOPES) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(client, scopes)}"}

    def citizen_token(
        self,
        user: str = "u-1",
        lifetime_s: int = 300,
        scopes: frozenset[str] = SCOPES,
        client: Client | None = None,
        **proof: Any,
    ) -> str:
        """What a citizen's browser holds; `proof` is what their own token said of how they proved themselves."""
        subject = Subject("https://portal.example", user, int(self.house.clock().timestamp()) + lifetime_s, **proof)
        return self.app_tokens().issue_for(subject, (client or self.client).id, scopes, lifetime_s)

    def as_citizen(self, user: str = "u-1", **how: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.citizen_token(user, **how)}"}

    async def ask(self, method: str, path: str, *, client: Client | None = None, **how: Any) -> Reply:
        """Ask with a good token, unless headers bring an Authorization of their own (None: without any)."""
        headers = {**self.bearer(client), **how.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        async with self.session.request(method, self.url + path, headers=headers, **how) as response:
            return Reply(response.status, response.headers.copy(), await response.read())

    async def get(self, path: str, **how: Any) -> Reply:
        return await self.ask("GET", path, **how)

    async def post(self, path: str, **how: Any) -> Reply:
        return await self.ask("POST", path, **how)

    async def initiate(self, body: Any = BODY, *, key: str | None = None, **how: Any) -> Reply:
        """POST /v1/calls under a fresh key."""
        self.asked += 1
        headers = {"Idempotency-Key": key or f"key-{self.asked}", **how.pop("headers", {})}
        return await self.post("/v1/calls", json=body, headers=headers, **how)

    async def open_call(self, user: str = "u-1", **how: Any) -> str:
        """A call that has begun; its id."""
        body = {**BODY, "user": {"id": user, "phone": "+79161234567"}}
        reply = await self.initiate(body, **how)
        assert reply.status == 202, reply.body
        return str(reply.json["call"]["id"])

    @asynccontextmanager
    async def follow(self, call_id: str, query: str = "", **headers: str) -> AsyncIterator[Stream]:
        """Read a call's events as a stream."""
        asked = {"Accept": "text/event-stream", **self.bearer(), **headers}
        async with self.session.get(f"{self.url}/v1/calls/{call_id}/events{query}", headers=asked) as response:
            yield Stream(response)

    async def raw(self, sent: bytes) -> bytes:
        """Send bytes, and give everything that comes back until the other side closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        async with asyncio.timeout(10):
            got = await reader.read()
        writer.close()
        return got
