"""The only place that knows every room: wire them, run them, stop them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from .asterisk.act import Trunk
from .asterisk.ami import Ami
from .asterisk.ari import Ari
from .asterisk.exchange import Exchange
from .asterisk.tls import BadAuthority, trust
from .call.model import Terms
from .conductor.conductor import Conductor
from .conductor.ports import Replaced
from .ledger import BadKey, Ledger, LedgerUnavailable
from .metrics import Figures
from .portal.certificates import BadCertificate, Certificate
from .portal.needs import Needs, Service
from .portal.needs import Settings as PortalSettings
from .portal.serving import Runner
from .portal.site import create_app
from .settings import Asterisk, Settings

log = structlog.get_logger(__name__)

#: Seconds between two transactions of a busy desk, whose facts then share one. A fifth of what may pass from an
#: event of Asterisk's to its reader (benchmarks/README.md).
PACE_S = 0.01


class CannotStart(Exception):
    """The service cannot start or go on. The text says what is wrong and what to do."""


class TakenOver(CannotStart):
    """Another process took our place at Asterisk. Starting again would only take it back: do not."""


@dataclass(frozen=True)
class House:
    """The rooms of one running service."""

    settings: Settings
    ledger: Ledger
    exchange: Exchange
    conductor: Conductor
    portal: web.Application


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def exchange_of(settings: Settings) -> Exchange:
    """Asterisk, as configured."""
    asterisk = settings.asterisk
    for name in asterisk.plain_ways():
        log.warning("a connection to Asterisk is plain: set https: or ami_tls (docs/how-to/tls.md)", setting=name)
    try:
        ari, ami = ari_of(asterisk), ami_of(asterisk)
    except BadAuthority as error:
        raise CannotStart(str(error)) from error
    trunks = [Trunk(each.prefix, each.endpoint, each.plus, each.caller_id) for each in settings.trunks]
    return Exchange(ari, ami, trunks, now)


def ari_of(asterisk: Asterisk) -> Ari:
    """Raises BadAuthority."""
    tls = trust(asterisk.ca_file) if asterisk.ari_url.startswith("https:") else None
    return Ari(asterisk.ari_url, asterisk.ari_user, asterisk.ari_password.get_secret_value(), asterisk.app, tls=tls)


def ami_of(asterisk: Asterisk) -> Ami:
    """Raises BadAuthority."""
    tls, password = trust(asterisk.ca_file) if asterisk.ami_tls else None, asterisk.ami_password.get_secret_value()
    return Ami(asterisk.ami_host, asterisk.ami_port, asterisk.ami_user, password, tls=tls)


async def ledger_of(settings: Settings) -> Ledger:
    """The memory, as configured. Raises LedgerUnavailable and CannotStart with a sentence."""
    keys = [key.get_secret_value() for key in settings.secrets.sealing_keys]
    if not keys:
        raise CannotStart("There is no sealing key: set secrets.sealing_keys, or let `pbx-bridge setup` make one.")
    pepper = settings.secrets.pepper.get_secret_value()
    if not pepper:
        raise CannotStart("secrets.pepper is not set: let `pbx-bridge setup` make it.")
    try:
        return await Ledger.open(settings.database.url.get_secret_value(), keys, pepper=pepper.encode())
    except BadKey as error:
        raise CannotStart(f"secrets: {error}.") from error


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[House]:
    """Everything built, nothing running."""
    ledger = await ledger_of(settings)
    exchange = exchange_of(settings)
    try:
        owner = f"{settings.node}-{os.getpid()}-{secrets.token_hex(4)}"
        conductor = Conductor(ledger, exchange, now, owner, pace_s=PACE_S)
        yield House(settings, ledger, exchange, conductor, create_app(_needs(settings, ledger, conductor)))
    finally:
        await exchange.close()
        await ledger.close()


def _needs(settings: Settings, ledger: Ledger, conductor: Conductor) -> Needs:
    token_key, pepper = settings.secrets.token_key.get_secret_value(), settings.secrets.pepper.get_secret_value()
    if not token_key or not pepper:
        raise CannotStart("secrets.token_key or secrets.pepper is not set: let `pbx-bridge setup` make them.")
    chosen = PortalSettings(
        pepper=pepper.encode(),
        issuer=settings.tokens.issuer,
        audience=settings.tokens.audience,
        node=settings.node,
        terms=Terms(**settings.terms.model_dump()),
        cors_origins=settings.http.allowed_origins,
    )
    services = {name: Service(name, entry.queue) for name, entry in settings.services.items()}
    registry = CollectorRegistry()
    registry.register(Figures(conductor))
    return Needs(conductor, ledger, chosen, now, services, registry=registry)


async def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises CannotStart with a sentence."""
    try:
        async with house(settings) as rooms:
            await _run(rooms)
    except LedgerUnavailable as error:
        raise CannotStart(str(error)) from error


async def _run(rooms: House) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    certificate = _certificate(rooms.settings)
    runner = await _open_door(rooms, certificate)
    tasks = _keep_fresh(certificate)
    loop_task = asyncio.create_task(rooms.conductor.run(), name="conductor")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({loop_task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping; calls go on in Asterisk")
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()
        await runner.cleanup()
        loop_task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await _end_of(loop_task)


def _certificate(settings: Settings) -> Certificate | None:
    http = settings.http
    if http.tls_certificate is None or http.tls_key is None:
        return None
    try:
        return Certificate(http.tls_certificate, http.tls_key)
    except BadCertificate as error:
        raise CannotStart(str(error)) from error


def _keep_fresh(certificate: Certificate | None) -> list[asyncio.Task[None]]:
    """Its files are read again when they change, and at once on SIGHUP."""
    if certificate is None:
        return []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, certificate.reload)
    return [loop.create_task(certificate.watch(), name="certificate")]


async def _open_door(rooms: House, certificate: Certificate | None) -> web.AppRunner:
    http = rooms.settings.http
    runner = Runner(rooms.portal)
    await runner.setup()
    try:
        tls = certificate.context if certificate else None
        await web.TCPSite(runner, http.host, http.port, ssl_context=tls, reuse_address=True).start()
    except OSError as error:
        await runner.cleanup()
        raise CannotStart(
            f"Cannot listen on {http.host}:{http.port} ({error.strerror or error}). "
            "Stop what uses the port (`ss -ltnp` shows it), or set http.port."
        ) from error
    log.info("the door is open", address=_addresses("https" if certificate else "http", runner.addresses))
    return runner


def _addresses(scheme: str, addresses: Iterable[object]) -> str:
    return ", ".join(f"{scheme}://{each[0]}:{each[1]}" for each in addresses if isinstance(each, tuple))


async def _end_of(task: asyncio.Task[None]) -> None:
    try:
        await task
    except* Replaced as group:
        raise TakenOver(str(group.exceptions[0])) from group
    except* Exception as group:  # a fault of ours: the log gets all of it, the terminal one sentence
        log.error("the loop failed", exc_info=group)
        raise CannotStart("The service failed and stops; calls go on in Asterisk. Its log says where.") from group
