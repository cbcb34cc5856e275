"""A server on loopback that nobody has a reason to ask. It answers politely, and counts who came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Trap:
    """`hits` are the paths that were asked for."""

    url: str = ""
    hits: list[str] = field(default_factory=list)

    async def _took(self, request: web.Request) -> web.Response:
        self.hits.append(request.path)
        return web.json_response({"keys": [], "active": True, "status": "accepted"})


@asynccontextmanager
async def listening() -> AsyncIterator[Trap]:
    """One that listens."""
    trap, app = Trap(), web.Application()
    app.router.add_route("*", "/{tail:.*}", trap._took)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    trap.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield trap
    finally:
        await runner.cleanup()
