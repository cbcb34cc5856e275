"""A portal's own issuer of tokens, on loopback: it publishes keys, answers introspection, and can be slow or away.

async with issuer(clock) as portal:
    token = await portal.token("u-1", phone="+79161234567", amr=["otp"])
    Issuers([Issuer(**portal.as_settings())], clock)
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

AUDIENCE = "pbx-bridge"
CLIENT, SECRET = "pbx-bridge at the portal", "s+cret/%"


@dataclass
class PortalIssuer:
    """`clock` tells its time; the machine's own unless another is given. `away` breaks every connection, `gate` keeps
    every answer back until it is set, `status` is what it answers with. `asked` counts questions by path."""

    clock: Callable[[], datetime]
    url: str = ""
    away: bool = False
    status: int = 200
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    keys: dict[str, ECKey] = field(default_factory=dict)
    extra_keys: list[Any] = field(default_factory=list)
    living: dict[str, dict[str, Any]] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    asked: dict[str, int] = field(default_factory=lambda: {"/keys": 0, "/introspect": 0})
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    credentials: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()
        self.rotate()

    # ── what it gives ──
    def rotate(self) -> str:
        """Sign with a new key from now on; the old one is published no more."""
        kid = secrets.token_hex(4)
        self.keys = {kid: ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))}
        return kid

    def claims(
        self,
        user: str,
        *,
        phone: str | None = None,
        acr: str | None = None,
        amr: Sequence[str] | None = None,
        expires_in: float = 600,
        **claims: Any,
    ) -> dict[str, Any]:
        """What a token says; None leaves a claim out."""
        now = int(self.clock().timestamp())
        said: dict[str, Any] = {"iss": self.url, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + expires_in}
        said |= {"acr": acr, "amr": amr}
        said |= {"phone_number": phone, "phone_number_verified": True if phone else None}
        return {name: value for name, value in (said | claims).items() if value is not None}

    async def token(self, user: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A signed token of one of its users, for pbx-bridge; introspection knows it too. See `claims`."""
        said = self.claims(user, **claims)
        kid, key = next(iter(self.keys.items()))
        named = {"alg": "ES256", "typ": "JWT", "kid": kid, **(header or {})}
        token = jwt.encode(
            {name: value for name, value in named.items() if value is not None}, dict(said), key, algorithms=["ES256"]
        )
        self.living[token] = said
        return token

    async def opaque(self, user: str, **claims: Any) -> str:
        """A token that says nothing by itself."""
        token = secrets.token_urlsafe(20)
        self.living[token] = self.claims(user, **claims)
        return token

    def log_out(self, token: str) -> None:
        """From now on introspection says that it does not live."""
        self.living.pop(token, None)

    # ── how to reach it ──
    def as_settings(self, *, keys: bool = True, introspection: bool = False, **more: Any) -> dict[str, Any]:
        """For settings.Issuer and for issuers.Issuer."""
        chosen: dict[str, Any] = {"issuer": self.url, "audience": AUDIENCE, "algorithms": ("ES256",)}
        if keys:
            chosen["jwks_url"] = f"{self.url}/keys"
        if introspection:
            chosen |= {"introspection_url": f"{self.url}/introspect"}
            chosen |= {"introspection_client": CLIENT, "introspection_secret": SECRET}
        return chosen | more

    # ── its server ──
    async def _publish(self, request: web.Request) -> web.Response:
        await self._enter(request)
        published = [{**key.as_dict(private=False), "kid": kid} for kid, key in self.keys.items()]
        return self._answer({"keys": [*self.extra_keys, *published]})

    async def _introspect(self, request: web.Request) -> web.Response:
        await self._enter(request)
        pair = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        self.credentials.append(pair)
        form = await request.post()
        said = self.living.get(str(form["token"]))
        return self._answer({"active": False} if said is None else {"active": True, **said, **self.says})

    async def _elsewhere(self, request: web.Request) -> web.Response:
        """Where a redirection leads: somebody who would say yes to everything."""
        self.asked[request.path] = self.asked.get(request.path, 0) + 1
        published = [{**key.as_dict(private=False), "kid": kid} for kid, key in self.keys.items()]
        return web.json_response({"keys": published, "active": True, "sub": "u-1"})

    async def _enter(self, request: web.Request) -> None:
        self.asked[request.path] += 1
        self.arrived.set()
        await self.gate.wait()
        if self.away:
            assert request.transport is not None
            request.transport.abort()

    def _answer(self, value: Any) -> web.Response:
        if self.body is not None:
            return web.Response(status=self.status, body=self.body)
        headers = {"Location": f"{self.url}/elsewhere"} if 300 <= self.status < 400 else {}
        return web.json_response(value, status=self.status, headers=headers)

    def app(self) -> web.Application:
        """Its pages."""
        app = web.Application()
        app.router.add_get("/keys", self._publish)
        app.router.add_post("/introspect", self._introspect)
        app.router.add_route("*", "/elsewhere", self._elsewhere)
        return app


@asynccontextmanager
async def issuer(clock: Callable[[], datetime] | None = None) -> AsyncIterator[PortalIssuer]:
    """One that listens."""
    portal = PortalIssuer(clock or (lambda: datetime.now(UTC)))
    runner = web.AppRunner(portal.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    portal.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield portal
    finally:
        portal.gate.set()
        await runner.cleanup()
