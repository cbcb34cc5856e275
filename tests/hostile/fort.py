"""The whole service as it is wired, on virtual time: real HTTP, ledger, conductor, issuers and gateway; only Asterisk
is a fake, so that it can be seen whether anything rang.

    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    code = await fort.gateway.code_for(ANNA)
    assert (await anna.confirms(call, code)).status == 200

Whatever an attack was about, `hold` looks at the end for what no attack may ever bring: an answer of 500, a traceback,
or a private value in a log, in the database, or in a refusal.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from pbx_bridge import wiring
from pbx_bridge.asterisk.fake import FakeExchange
from pbx_bridge.client.keys import Key
from pbx_bridge.ledger.values import AuditFilter
from pbx_bridge.portal.needs import Settings as PortalSettings
from pbx_bridge.portal.registration import KeyForm, NewProgram, new_key, register
from pbx_bridge.portal.serving import Runner
from pbx_bridge.settings import Settings
from tests.hostile.asker import Answer, Asker, Program
from tests.hostile.treasure import Treasure
from tests.issuer import PortalIssuer
from tests.virtual_time import VirtualTime
from workshop.sms import Gateway

ANNA, BORIS, VERA = "+79161111111", "+79162222222", "+79163333333"
HOST = "127.0.0.1"
#: Hours pass at once here, unless the ledger is asked in each of their seconds.
POLL_S = 60.0
#: As many as the kernel lets wait for an accept, and some.
CONNECTIONS = 100
_users = itertools.count(1)


@dataclass
class Fort:
    """One service, the programs that it knows, and what it must keep to itself."""

    file: Path
    time: VirtualTime
    issuer: PortalIssuer
    gateway: Gateway
    logs: list[Any]
    settings: Settings
    treasure: Treasure = field(default_factory=Treasure)
    answers: list[Answer] = field(default_factory=list)
    portal: Program = field(init=False)
    rooms: wiring.House = field(init=False)
    session: aiohttp.ClientSession = field(init=False)
    port: int = 0
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self.fake = FakeExchange(self.time)
        made = self.settings.secrets
        self.treasure.keep("pepper", made.pepper.get_secret_value())
        self.treasure.keep("sealing key", *(key.get_secret_value() for key in made.sealing_keys))

    # ── its life ──
    async def start(self) -> None:
        """On the same port, ledger and exchange as before."""
        self.rooms = await self._life.enter_async_context(wiring.house(self.settings))
        runner = Runner(self.rooms.portal)
        await runner.setup()
        self._life.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, self.port, reuse_address=True).start()
        self.port = runner.addresses[0][1]
        loop = asyncio.create_task(self.rooms.conductor.run(), name="conductor")
        self._life.push_async_callback(_ended, loop)
        async with asyncio.timeout(60):
            while self.rooms.conductor.health()["asterisk"]:  # noqa: ASYNC110 - virtual time passes at once
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """What is committed is there for the next life."""
        await self._life.aclose()
        self._life = AsyncExitStack()

    async def restart(self) -> None:
        """What was known in memory alone is forgotten."""
        await self.stop()
        await self.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    # ── who asks ──
    async def program(self, role: str = "portal", **form: Any) -> Program:
        """A registered program that has a token. A portal may speak for the issuer's citizens."""
        if role == "portal":
            form.setdefault("issuers", [self.issuer.url])
        wanted = NewProgram(name=form.pop("name", f"a {role}"), role=role, **form)  # type: ignore[arg-type]
        pepper = self.settings.secrets.pepper.get_secret_value().encode()
        client, secret = register(wanted, pepper, self.time(), 600, wiring.reach_of(self.settings))
        await self.rooms.ledger.add_client(client)
        self.treasure.keep("client secret", secret)
        return await Program(self, client.id, secret).signed_in()

    async def key(self, program: Program) -> Key:
        """A shared key of the program, to sign with."""
        pepper = self.settings.secrets.pepper.get_secret_value().encode()
        kept, shared = new_key(program.id, KeyForm(kind="hmac"), pepper, self.time())
        assert shared
        assert await self.rooms.ledger.add_key(program.id, kept)
        self.treasure.keep("shared key", shared)
        await self.time.advance(2)  # a program is looked up anew after a second
        return Key.from_shared(kept.id, shared)

    async def citizen(self, user: str = "", number: str = ANNA, program: Program | None = None, **claims: Any) -> Asker:
        """What this citizen's browser can do: it has a token that the portal got for it."""
        user = user or f"u-{next(_users)}"
        self.treasure.keep("number", number)
        subject = await self.issuer.token(user, phone=number, **claims)
        self.treasure.keep("subject token", subject)
        return await (program or self.portal).speaks_for(user, number, subject)

    @asynccontextmanager
    async def from_address(self, address: str) -> AsyncIterator[None]:
        """Inside, everybody asks from another address of loopback."""
        usual = self.session
        async with session(address) as self.session:
            yield
        self.session = usual

    # ── what became of it ──
    @property
    def nothing_rang(self) -> bool:
        """Not even to read a code aloud."""
        return not self.fake.rings and not self.fake.code_rings and not self.fake.living

    async def audit(self) -> list[tuple[str, str, str]]:
        """Who did what, and whether it was taken."""
        return [
            (each.line.actor, each.line.action, each.line.verdict)
            for each in await self.rooms.ledger.audit_page(AuditFilter(), limit=1000)
        ]

    def stored(self) -> Iterable[tuple[str, bytes]]:
        """Every byte that the ledger has written, by file."""
        return [(each.name, each.read_bytes()) for each in sorted(self.file.parent.glob(f"{self.file.name}*"))]

    def hold(self) -> None:
        """AssertionError unless nothing failed and nothing private lies around."""
        for answer in self.answers:
            assert answer.status < 500 or answer.retry_after, f"it failed: {answer}"
        refusals = b"\n".join(answer.body for answer in self.answers if answer.status >= 400)
        assert b"Traceback" not in refusals
        self.treasure.is_nowhere_in("a refusal", refusals)
        failures = [entry for entry in self.logs if "exc_info" in entry or entry["log_level"] in ("error", "critical")]
        assert not failures, failures
        self.treasure.is_nowhere_in("the log", repr(self.logs))
        for name, content in self.stored():
            self.treasure.is_nowhere_in(name, content)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def settings_for(file: Path, issuer: PortalIssuer, gateway: Gateway, **parts: Any) -> Settings:
    """What an operator would write: the defaults, with secrets of this run's own."""

    def drawn() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return Settings(
        database={"url": f"sqlite:///{file}"},  # type: ignore[arg-type]
        secrets={"sealing_keys": [drawn()], "pepper": drawn()},  # type: ignore[arg-type]
        sms={"url": gateway.url},  # type: ignore[arg-type]
        issuers=[issuer.as_settings(introspection=True)],  # type: ignore[arg-type]
        **parts,
    )


def session(address: str = HOST) -> aiohttp.ClientSession:
    """Whoever asks from this address of loopback, over many connections, without ever losing patience."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, local_addr=(address, 0))
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None, sock_connect=None))


@asynccontextmanager
async def standing(fort: Fort, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fort]:
    """The service, started, with one portal; afterwards it holds."""
    monkeypatch.setattr(wiring, "now", fort.time)
    monkeypatch.setattr(wiring, "exchange_of", lambda settings, shelf: fort.fake)
    patient = partial(PortalSettings, poll_s=POLL_S, blind_s=10 * POLL_S)
    monkeypatch.setattr(wiring, "PortalSettings", patient)
    async with session() as fort.session:
        await fort.start()
        try:
            fort.portal = await fort.program()
            yield fort
            fort.hold()
        finally:
            await fort.stop()
