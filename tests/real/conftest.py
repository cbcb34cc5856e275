"""Real Asterisks for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from workshop.prefix import Prefix
from workshop.server import AsteriskServer

MakeAsterisk = Callable[..., AsteriskServer]


@pytest.fixture
async def make_asterisk(prefix: Prefix, tmp_path: Path) -> AsyncIterator[MakeAsterisk]:
    """Makes servers, not started yet, from AsteriskServer's keywords. All are gone after the test."""
    async with AsyncExitStack() as stack:
        made: list[AsteriskServer] = []

        def make(**keywords: Any) -> AsteriskServer:
            server = AsteriskServer(prefix, tmp_path / f"asterisk-{len(made)}", **keywords)
            made.append(server)
            stack.callback(server.close)
            stack.push_async_callback(server.stop)
            # An orderly stop takes 0.8 s, and nothing is worth it any more.
            stack.callback(server.kill)
            return server

        yield make


@pytest.fixture
async def asterisk(make_asterisk: MakeAsterisk) -> AsteriskServer:
    """One running Asterisk with the tree's configuration (half a second)."""
    server = make_asterisk()
    await server.start()
    return server
