"""Tokens and whoever holds one, from start to stop: keys that are there in time, and rights that end when they end."""

from __future__ import annotations

from aiohttp import web

from .background import Repeated
from .guard import PROGRAMS, TOKENS, Programs
from .needs import Needs
from .readers import READERS, Readers
from .revocations import REVOCATIONS, Revocations
from .signing_keys import LOOK_S, SIGNING_KEYS, SigningKeys
from .tokens import Tokens


def install(app: web.Application, needs: Needs) -> None:
    """Give the application its tokens. It does not start without the ledger."""
    settings = needs.settings
    keys = app[SIGNING_KEYS] = SigningKeys(needs.ledger, needs.clock, settings.rotate_s)
    app[TOKENS] = Tokens(keys, settings.issuer, settings.audience, needs.clock)
    programs = app[PROGRAMS] = Programs(needs.ledger, settings.client_s)
    revocations = app[REVOCATIONS] = Revocations(needs.ledger, needs.clock, settings.blind_s)
    readers = app[READERS] = Readers()
    revocations.listen(readers.revoked)

    async def watch() -> None:
        await revocations.poll()
        for client in readers.clients():
            if await programs.look(client) is None:
                readers.disabled(client)

    app.cleanup_ctx.append(Repeated("signing keys", keys.look, LOOK_S).context)
    app.cleanup_ctx.append(Repeated("revocations", watch, settings.poll_s).context)
    app.on_shutdown.append(readers.close)
