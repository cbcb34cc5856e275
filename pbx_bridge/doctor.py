"""`pbx-bridge doctor`: ask every part the question that would otherwise be asked at night."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from . import sandbox
from .asterisk.ami import Ami
from .asterisk.ari import Ari
from .asterisk.errors import AsteriskError, NotFound
from .asterisk.tls import BadAuthority
from .check import check_calendar
from .directory.reading import BadDirectory
from .doctor_recordings import recordings
from .doctor_tls import tls
from .findings import Finding
from .ledger import Client, Ledger, LedgerError
from .ledger.access import KeyKind, SecondStep
from .settings import Settings, SettingsError, find, load
from .shelf import shelf_of
from .wiring import CannotStart, ami_of, ari_of, ledger_of

#: The parts of our dialplan without which an answered citizen has nowhere to go.
CONTEXTS = ("device-answered", "to-queue", "leg-gone")
LOOKUP_S = 2.0


async def examine(config: Path | None) -> list[Finding]:
    """All findings, in the order in which they should be mended."""
    try:
        settings = load(config)
    except SettingsError as error:
        return [Finding("configuration", "fail", str(error))]
    findings = [Finding("configuration", "ok", f"read from {find(config) or 'the environment and defaults'}")]
    for check in (_secrets, _directory, _names, _sandbox, _database, _port, _ari, _ami, recordings, tls):
        findings += [finding async for finding in check(settings)]
    return findings


async def _sandbox(settings: Settings) -> AsyncIterator[Finding]:
    if settings.sandbox.enabled and settings.trunks:
        words = "the sandbox is on beside a real trunk, so programs can occupy agents without any citizen"
        yield Finding("sandbox", "warn", f"{words}; where citizens call, set sandbox.enabled = false")


async def _secrets(settings: Settings) -> AsyncIterator[Finding]:
    held = {
        "secrets.sealing_keys": bool(settings.secrets.sealing_keys),
        "secrets.pepper": bool(settings.secrets.pepper.get_secret_value()),
        "asterisk.ari_password": bool(settings.asterisk.ari_password.get_secret_value()),
        "asterisk.ami_password": bool(settings.asterisk.ami_password.get_secret_value()),
    }
    missing = [name for name, there in held.items() if not there]
    if missing:
        yield Finding("secrets", "fail", f"{', '.join(missing)} not set; `pbx-bridge setup FOLDER` makes them")
    else:
        yield Finding("secrets", "ok", "all are set")


async def _directory(settings: Settings) -> AsyncIterator[Finding]:
    try:
        shelf = shelf_of(settings)
    except BadDirectory as bad:
        for problem in bad.problems:
            yield Finding("directory", "fail", str(problem))
        return
    if settings.services:
        words = "[services] has services without hours and callbacks: move them into files (docs/how-to/directory.md)"
        yield Finding("directory", "warn", words)
    else:
        words = (
            f"{len(shelf.services)} services in {shelf.folder}; `pbx-bridge check` compares them with Asterisk's files"
        )
        yield Finding("directory", "ok", words)
    for finding in check_calendar(shelf.directory, datetime.now(UTC).date()):
        yield finding


async def _names(settings: Settings) -> AsyncIterator[Finding]:
    hosts = {urlsplit(settings.asterisk.ari_url).hostname or "", settings.asterisk.ami_host}
    for host in sorted(hosts | {socket.gethostname()}):
        own = host == socket.gethostname()
        if await _resolves(host):
            yield Finding("names", "ok", f"{host} resolves")
        elif own:
            # Asterisk looks its own host name up for each call with SDP: five seconds of silence (ASTERISK.md).
            words = f"this host's name {host} does not resolve: add `127.0.1.1 {host}` to /etc/hosts"
            yield Finding("names", "warn", words + ", here and where Asterisk runs")
        else:
            yield Finding("names", "fail", f"{host} does not resolve: correct [asterisk] or the name service")


async def _resolves(host: str) -> bool:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_S):
            await loop.getaddrinfo(host, None)
    except (OSError, TimeoutError):
        return False
    return True


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    try:
        ledger = await ledger_of(settings)
    except (LedgerError, CannotStart) as error:
        yield Finding("database", "fail", str(error))
        return
    try:
        await ledger.may_write()
        clients = [each for each in await ledger.clients() if not each.disabled_at]
        yield Finding("database", "ok", f"schema {await ledger.schema_version()}")
        if unasked := [each.id for each in clients if each.second_step is SecondStep.NONE]:
            words = "have calls rung without a second step: fine for a backend that takes it itself (docs/how-to)"
            yield Finding("clients", "warn", f"{', '.join(unasked)} {words}")
        async for finding in _webhooks(ledger, clients):
            yield finding
        if not clients:
            yield Finding("clients", "warn", "no program may ask yet: `pbx-bridge client add NAME` registers one")
    except LedgerError as error:
        yield Finding("database", "fail", str(error))
    finally:
        await ledger.close()


async def _webhooks(ledger: Ledger, clients: list[Client]) -> AsyncIterator[Finding]:
    """Programs that are not told what they should be."""
    at, dead = datetime.now(UTC), await ledger.dead_letters()
    for each in clients:
        if each.callback_disabled_at:
            words = (
                f"{each.id} is told nothing since {each.callback_disabled_at:%Y-%m-%d %H:%M} UTC: its address answered"
            )
            yield Finding("webhooks", "warn", f"{words} 410; `pbx-bridge client change {each.id} --callback-url URL`")
        if each.callback_url and not each.living_keys(KeyKind.WEBHOOK, at):
            words = f"{each.id} has an address but no secret, so it is told nothing"
            yield Finding("webhooks", "warn", f"{words}: `pbx-bridge client rotate {each.id} --kind webhook`")
        if count := dead.get(each.id):
            words = f"{count} events were never taken by {each.id}: `pbx-bridge webhook list --state dead` says why"
            yield Finding("webhooks", "warn", f"{words}, `pbx-bridge webhook replay --dead {each.id}` sends them again")


async def _port(settings: Settings) -> AsyncIterator[Finding]:
    http = settings.http
    where = f"{http.host}:{http.port}"
    with socket.socket(socket.AF_INET6 if ":" in http.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                yield Finding("http", "fail", f"cannot listen on {where} ({error.strerror}): correct [http]")
                return
            words = f"{where} is in use: fine if this service runs; else stop the other (`ss -ltnp`) or set http.port"
            yield Finding("http", "warn", words)
            return
    yield Finding("http", "ok", f"{where} is free")


async def _ari(settings: Settings) -> AsyncIterator[Finding]:
    try:
        ari = ari_of(settings.asterisk)
    except BadAuthority as error:
        yield Finding("ari", "fail", str(error))
        return
    try:
        info = await ari.info()
        version = info.get("system", {}).get("version", "?")
        fits = version.startswith(("22.", "23."))
        words = f"Asterisk {version}" + ("" if fits else " is not 22 LTS, for which this was made")
        yield Finding("ari", "ok" if fits else "warn", words)
        for trunk in settings.trunks:
            yield await _trunk(ari, trunk.endpoint)
        if settings.sandbox.enabled:
            yield await _trunk(ari, sandbox.ENDPOINT)
    except AsteriskError as error:
        yield Finding("ari", "fail", str(error))
    finally:
        await ari.close()


async def _trunk(ari: Ari, endpoint: str) -> Finding:
    try:
        state = (await ari.endpoint("PJSIP", endpoint)).get("state", "unknown")
    except NotFound:
        return Finding("trunk", "fail", f"{endpoint} is not in asterisk-conf/pjsip.conf: correct it or [[trunks]]")
    if state == "offline":
        return Finding("trunk", "warn", f"{endpoint} is offline: its operator does not answer OPTIONS")
    return Finding("trunk", "ok", f"{endpoint} is {state}")


async def _ami(settings: Settings) -> AsyncIterator[Finding]:
    try:
        ami = ami_of(settings.asterisk)
        async with ami.listen():
            yield Finding("ami", "ok", "logged in")
            for service, queue in _queues(settings):
                yield await _queue(ami, service, queue)
            yield await _dialplan(ami)
    except AsteriskError as error:
        yield Finding("ami", "fail", str(error))


def _queues(settings: Settings) -> list[tuple[str, str]]:
    """Each service with its queue; none where the directory cannot be read, which its own finding says."""
    with contextlib.suppress(BadDirectory):
        return [(each.id, each.queue) for each in shelf_of(settings).services.values()]
    return []


async def _queue(ami: Ami, service: str, name: str) -> Finding:
    queue = (await ami.queue_status(name)).queues.get(name)
    if queue is None:
        return Finding("queue", "fail", f"service {service} leads to queue {name}, which is not in queues.conf")
    ready = [each for each in queue.members if each.status not in (4, 5) and not each.paused]
    words = f"{name} has {len(queue.members)} members, {len(ready)} of them ready"
    return Finding("queue", "ok" if ready else "warn", words)


async def _dialplan(ami: Ami) -> Finding:
    missing = [context for context in CONTEXTS if not await _has_context(ami, context)]
    if missing:
        words = f"context {', '.join(missing)} missing: put dialplan/*.conf into Asterisk's configuration and reload"
        return Finding("dialplan", "fail", words)
    return Finding("dialplan", "ok", "the way to the queue is there")


async def _has_context(ami: Ami, context: str) -> bool:
    try:
        answer = await ami.action("ShowDialPlan", Context=context)
    except AsteriskError:
        return False
    return any(each.get("Context") == context for each in answer)
