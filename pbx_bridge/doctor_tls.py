"""What `pbx-bridge doctor` says of each connection: whether it is still plain, and how long its certificate lasts.

It looks at what is really shown to those who connect, too: a renewed file helps nobody until it is read.
"""

from __future__ import annotations

import asyncio
import ssl
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from .asterisk.ari import Ari
from .asterisk.errors import AsteriskError, NotFound
from .asterisk.tls import is_loopback
from .findings import Finding
from .portal.certificates import SOON, BadCertificate, ends_at, load
from .sandbox import ENDPOINT, LINE
from .settings import Settings
from .wiring import ari_of

PAGE = "docs/how-to/tls.md"
#: Transports that conf.render() makes and that open a socket of their own; endpoints may name more.
TRANSPORTS = ("transport-udp", "transport-tcp", "transport-tls")
#: Endpoints looked at side by side, and named in one sentence.
AT_ONCE, NAMED = 16, 5
HANDSHAKE_S = 3.0


async def tls(settings: Settings) -> AsyncIterator[Finding]:
    """One finding for each connection, and one more for each certificate that is not in order."""
    for finding in (*_http(settings), *_database(settings), *_sms(settings), *_issuers(settings)):
        yield finding
    async for finding in _asterisk(settings):
        yield finding
    async for finding in _sip(settings):
        yield finding


def _ok(words: str) -> Finding:
    return Finding("tls", "ok", words)


def _warn(words: str) -> Finding:
    return Finding("tls", "warn", words)


def _fail(words: str) -> Finding:
    return Finding("tls", "fail", words)


def _http(settings: Settings) -> Iterator[Finding]:
    http = settings.http
    if http.tls_certificate and http.tls_key:
        yield _files(http.tls_certificate, http.tls_key)
    elif is_loopback(http.host):
        yield _ok("http: plain on loopback; whoever comes from outside needs TLS before it")
    else:
        yield _fail(
            f"http: plain on {http.host}: set http.tls_certificate and tls_key ({PAGE}), or listen on 127.0.0.1"
        )


def _files(certificate: Path, key: Path) -> Finding:
    try:
        load(certificate, key)
        ends = ends_at(certificate)
    except BadCertificate as error:
        return _fail(f"http: {error}")
    if key.stat().st_mode & stat.S_IRWXO:
        return _fail(f"http: everybody on this machine may read {key}: `chmod o-rwx` it, and have a new key certified")
    return _age("http: TLS", str(certificate), ends)


def _age(what: str, whose: str, ends: datetime) -> Finding:
    left = ends - datetime.now(UTC)
    if left.total_seconds() <= 0:
        return _fail(f"{what}, but the certificate of {whose} ended on {ends:%Y-%m-%d}: renew it")
    if left < SOON:
        return _warn(f"{what}, but the certificate of {whose} ends in {left.days} days: renew it")
    return _ok(f"{what}, certificate until {ends:%Y-%m-%d}")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        url = make_url(settings.database.url.get_secret_value())
    except ArgumentError:
        return  # the database's own finding says so
    if url.get_backend_name() == "sqlite":
        yield _ok("database: a file of this machine")
        return
    how = str(url.query.get("ssl", "") or url.query.get("sslmode", ""))
    if how in ("verify-full", "verify-ca"):
        yield _ok(f"database: TLS ({how})")
    elif is_loopback(url.host or "localhost"):
        yield _ok("database: plain on loopback")
    else:
        state = "TLS with whoever answers" if how == "require" else "plain, or TLS with whoever answers,"
        yield _warn(f"database: {state} at {url.host}: add ?ssl=verify-full to database.url ({PAGE})")


def _sms(settings: Settings) -> Iterator[Finding]:
    if settings.sms.url:
        yield _way("sms", settings.sms.url, "codes and numbers would", "sms.url")


def _issuers(settings: Settings) -> Iterator[Finding]:
    for place, issuer in enumerate(settings.issuers):
        for name in ("jwks_url", "introspection_url"):
            if url := getattr(issuer, name):
                where = f"issuers[{place}].{name}"
                yield _way(where, url, "what proves citizens' tokens would", where)


def _way(what: str, url: str, cargo: str, setting: str) -> Finding:
    """A connection that we open. The path stays unsaid: it may hold a key."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return _ok(f"{what}: TLS")
    if is_loopback(parts.hostname or ""):
        return _ok(f"{what}: plain on loopback")
    return _fail(f"{what}: {cargo} travel in the clear to {parts.hostname}: {setting} must begin with https:")


async def _asterisk(settings: Settings) -> AsyncIterator[Finding]:
    asterisk, ari = settings.asterisk, urlsplit(settings.asterisk.ari_url)
    ways = (
        ("ari", ari.scheme == "https", ari.hostname or "", ari.port or 443),
        ("ami", asterisk.ami_tls, asterisk.ami_host, asterisk.ami_port),
    )
    for what, secure, host, port in ways:
        if secure:
            # Nobody there, or nobody to be believed: its own finding says so.
            if ends := await _shown(host, port):
                yield _age(f"{what}: TLS", f"{host}:{port}", ends)
        elif is_loopback(host):
            yield _ok(f"{what}: plain on loopback")
        else:
            yield _warn(f"{what}: plain to {host}, as asterisk.allow_plain says; {PAGE} says how to do better")


async def _shown(host: str, port: int) -> datetime | None:
    """When the certificate ends that is shown there, believed or not; None when none is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # to look, not to speak
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError):
        return None
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return x509.load_der_x509_certificate(found).not_valid_after_utc


async def _sip(settings: Settings) -> AsyncIterator[Finding]:
    ari: Ari | None = None
    try:
        ari = ari_of(settings.asterisk)
        endpoints = await _endpoints(ari)
        names = {*TRANSPORTS, *(each["transport"] for each in endpoints.values() if each.get("transport"))}
        transports = {name: found for name in sorted(names) if (found := await _object(ari, "transport", name))}
    except AsteriskError:
        return  # ARI's own finding says so
    finally:
        if ari is not None:
            await ari.close()
    host = urlsplit(settings.asterisk.ari_url).hostname or ""
    open_ = {name: each for name, each in transports.items() if not is_loopback(_host(each["bind"]))}
    for name, each in transports.items():
        if each["protocol"] == "tls" and (ends := await _shown(_reached(each["bind"], host), _port(each["bind"]))):
            yield _age(f"sip: {name} is TLS", name, ends)
    if not open_:
        yield _ok("sip: reached from this machine only")
        return
    if plain := [f"{name} ({each['bind']})" for name, each in open_.items() if each["protocol"] in ("udp", "tcp")]:
        yield _warn(f"sip: whoever comes by {', '.join(plain)} may speak in the clear: for private networks ({PAGE})")
    # Those of the sandbox are Asterisk's talk with itself.
    for finding in _sound({name: each for name, each in endpoints.items() if name not in (ENDPOINT, LINE)}):
        yield finding


def _sound(endpoints: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    clear = sorted(name for name, each in endpoints.items() if _may_be_clear(each))
    if clear:
        some = ", ".join(clear[:NAMED]) + (", …" if len(clear) > NAMED else "")
        words = f"sip: {len(clear)} of {len(endpoints)} endpoints need no encryption of sound ({some})"
        yield _warn(f"{words}: asterisk-conf/pjsip.conf has templates with TLS and SRTP")
    elif endpoints:
        yield _ok(f"sip: each of {len(endpoints)} endpoints encrypts its sound")


def _may_be_clear(endpoint: Mapping[str, str]) -> bool:
    return endpoint.get("media_encryption") not in ("sdes", "dtls") or endpoint.get(
        "media_encryption_optimistic"
    ) not in ("false", "no")


async def _endpoints(ari: Ari) -> dict[str, dict[str, str]]:
    """Every endpoint's options, so many at once that Asterisk does not notice."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> dict[str, str]:
        async with turn:
            return await _object(ari, "endpoint", name)

    names = [each["resource"] for each in await ari.endpoints("PJSIP")]
    found = await asyncio.gather(*(one(name) for name in names))
    return {name: each for name, each in zip(names, found, strict=True) if each}


async def _object(ari: Ari, kind: str, name: str) -> dict[str, str]:
    """Empty when it is not there (any more)."""
    try:
        return await ari.pjsip_object(kind, name)
    except NotFound:
        return {}


def _host(bind: str) -> str:
    return bind.rpartition(":")[0].strip("[]")


def _port(bind: str) -> int:
    return int(bind.rpartition(":")[2])


def _reached(bind: str, host: str) -> str:
    """Where we reach what is bound there: at Asterisk's own host when it listens everywhere."""
    return host if _host(bind) in ("0.0.0.0", "::", "") else _host(bind)  # noqa: S104 - compared, not bound
