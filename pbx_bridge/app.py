"""Run the service: the rooms together, the door open, and an orderly stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from aiohttp import web

from .conductor.ports import OutOfReach, Replaced
from .hours.calendar import runs_out
from .ledger import Ledger, LedgerUnavailable
from .portal.certificates import BadCertificate, Certificate
from .portal.needs import NEEDS
from .portal.serving import Runner
from .retention import EVERY_S, Keeper
from .settings import Settings
from .shelf import Shelf
from .wiring import CannotStart, House, house, now, terms_of

log = structlog.get_logger(__name__)

#: Seconds between two rounds of housekeeping.
HOUSEKEEPING_S = 3600


class TakenOver(CannotStart):
    """Another process took our place at Asterisk. Starting again would only take it back: do not."""


async def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises CannotStart with a sentence."""
    try:
        async with house(settings) as rooms, _hotline(rooms):
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
    tasks = [*keep_fresh(certificate), asyncio.create_task(_keep_house(rooms.ledger), name="housekeeping")]
    tasks += [*_keep_directory(rooms), asyncio.create_task(_keep_history(rooms), name="retention")]
    if rooms.archive:
        tasks.append(asyncio.create_task(rooms.archive.run(), name="archive"))
    courier = asyncio.create_task(rooms.courier.run(), name="courier")
    loop.add_signal_handler(signal.SIGHUP, _read_again, rooms.shelf, certificate)
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
        courier.cancel()
        await asyncio.gather(courier, return_exceptions=True)
        loop_task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await _end_of(loop_task)


async def _keep_house(ledger: Ledger) -> None:
    """Every hour: forget what need not be known any more, and write the end of the audit's chain into the log, which
    is kept in another place than the database."""
    while True:
        with contextlib.suppress(LedgerUnavailable):
            await ledger.forget_old(now())
            end = await ledger.anchor()
            log.info("audit anchor", anchor=f"{end.id}:{end.chain}")
        await asyncio.sleep(HOUSEKEEPING_S)


async def _keep_history(rooms: House) -> None:
    """What is too old is emptied or deleted, as the settings say."""
    history = rooms.settings.history
    keeper = Keeper(rooms.ledger, history.keep_days, history.delete_days)
    rooms.portal[NEEDS].registry.register(keeper)
    while True:
        await keeper.look(now())
        await asyncio.sleep(EVERY_S)


@asynccontextmanager
async def _hotline(rooms: House) -> AsyncIterator[None]:
    """An ear for Asterisk's questions about people who dial in. Raises CannotStart."""
    hotline = rooms.settings.hotline
    where = (hotline.listen_host, hotline.listen_port, hotline.address)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(rooms.exchange.receiving(rooms.conductor.receive, *where))
        except OSError as error:
            words = (
                f"Cannot listen on {where[0]}:{where[1]} for the hotline ({error.strerror or error}): set [hotline]."
            )
            raise CannotStart(words) from error
        yield


def _keep_directory(rooms: House) -> list[asyncio.Task[None]]:
    """Files that change are read again, and Asterisk is told what it must know when nobody can be asked: after each
    connect, each change, and every hour, since days pass."""
    due = asyncio.Event()
    rooms.conductor.on_connected = due.set
    rooms.shelf.on_change.append(lambda directory: due.set())
    return [
        asyncio.create_task(rooms.shelf.watch(), name="directory"),
        asyncio.create_task(_mirror(rooms, due), name="mirror"),
    ]


async def _mirror(rooms: House, due: asyncio.Event) -> None:
    terms = terms_of(rooms.settings)
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HOUSEKEEPING_S):
                await due.wait()
        due.clear()
        if warning := runs_out(now().date()):
            log.warning(warning)
        try:
            changed = await rooms.exchange.mirror(rooms.shelf.directory, now(), terms)
        except OutOfReach as error:
            log.warning("Asterisk was not told the hours; it will be after the next connect", why=str(error))
        else:
            log.info("Asterisk knows hours, numbers and agents by itself", rows_changed=changed)


def _read_again(shelf: Shelf, certificate: Certificate | None) -> None:
    """SIGHUP."""
    shelf.reload()
    if certificate:
        certificate.reload()


def _certificate(settings: Settings) -> Certificate | None:
    http = settings.http
    if http.tls_certificate is None or http.tls_key is None:
        return None
    try:
        return Certificate(http.tls_certificate, http.tls_key)
    except BadCertificate as error:
        raise CannotStart(str(error)) from error


def keep_fresh(certificate: Certificate | None) -> list[asyncio.Task[None]]:
    """Its files are read again when they change."""
    return [asyncio.create_task(certificate.watch(), name="certificate")] if certificate else []


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
