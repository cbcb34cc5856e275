"""Tokens and whoever holds one, from start to stop: keys that are there in time, and rights that end when they end."""

from __future__ import annotations

from aiohttp import web

from .background import Repeated
from .guard import PROGRAMS, TOKENS, Programs
from .needs import Needs
from .nonces import Nonces
from .readers import READERS, Readers
from .revocations import REVOCATIONS, Revocations
from .signatures import NONCES
from .signed_answers import ANSWER_KEYS
from .signing_keys import LOOK_S, SIGNING_KEYS, SigningKeys
from .tokens import Tokens


def install(app: web.Application, needs: Needs) -> None:
    """Give the application its tokens. It does not start without the ledger."""
    settings = needs.settings
    keys = app[SIGNING_KEYS] = SigningKeys(needs.ledger, needs.clock, settings.rotate_s)
    app[TOKENS] = Tokens(keys, settings.issuer, settings.audience, needs.clock)
    # A signature may be early by the skew when its nonce is kept, and is good until it is late by the skew.
    app[NONCES] = Nonces(needs.ledger, needs.clock, 2 * settings.skew_s)
    answer_keys = app[ANSWER_KEYS] = SigningKeys(needs.ledger, needs.clock, settings.rotate_s, "response")
    programs = app[PROGRAMS] = Programs(needs.ledger, settings.client_s)
    revocations = app[REVOCATIONS] = Revocations(needs.ledger, needs.clock, settings.blind_s)
    readers = app[READERS] = Readers(settings.limits.streams_per_program, settings.limits.streams_per_citizen)
    revocations.listen(readers.revoked)

    async def watch() -> None:
        await revocations.poll()
        for client in readers.clients():
            if await programs.look(client) is None:
                readers.disabled(client)

    app.cleanup_ctx.append(Repeated("signing keys", keys.look, LOOK_S).context)
    app.cleanup_ctx.append(Repeated("answer keys", answer_keys.look, LOOK_S).context)
    app.cleanup_ctx.append(Repeated("revocations", watch, settings.poll_s).context)
    app.on_shutdown.append(readers.close)
