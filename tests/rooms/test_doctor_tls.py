"""The doctor on connections: which are plain, whom that may hurt, and which certificates end."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pbx_bridge.doctor_tls import tls
from pbx_bridge.settings import Settings
from workshop.certificates import Authority, Pair, authority

#: Where nobody listens, so that nothing is found of Asterisk.
AWAY = {"ari_url": "http://127.0.0.1:1", "ami_port": 1}


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path)


async def examined(**settings: Any) -> list[str]:
    """The doctor's lines on these settings."""
    given = Settings.model_validate({"asterisk": AWAY, **settings})
    return [f"{each.verdict} {each.words}" async for each in tls(given)]


async def one(start: str, **settings: Any) -> str:
    """The one line about this connection."""
    found = [line for line in await examined(**settings) if line.split(" ", 1)[1].startswith(start)]
    assert len(found) == 1, found
    return found[0]


async def test_an_installation_on_one_machine_has_nothing_to_mend() -> None:
    assert await examined() == [
        "ok http: plain on loopback; whoever comes from outside needs TLS before it",
        "ok database: a file of this machine",
        "ok ari: plain on loopback",
        "ok ami: plain on loopback",
    ]


@pytest.mark.parametrize("host", ["::", "10.0.0.1", "portal.example"])
async def test_http_that_strangers_reach_must_not_be_plain(host: str) -> None:
    assert (await one("http", http={"host": host})).startswith(f"fail http: plain on {host}: set http.tls_certificate")


def files(pair: Pair) -> dict[str, Any]:
    return {"http": {"host": "::", "tls_certificate": pair.certificate, "tls_key": pair.key}}


async def test_https_says_how_long_its_certificate_lasts(ours: Authority) -> None:
    assert (await one("http", **files(ours.pair("service")))).startswith("ok http: TLS, certificate until 20")


@pytest.mark.parametrize(
    ("life", "found"),
    [
        (timedelta(days=10, hours=1), "warn http: TLS, but the certificate of .* ends in 10 days: renew it"),
        (-timedelta(days=1), "fail http: TLS, but the certificate of .* ended on 20..-..-..: renew it"),
    ],
)
async def test_a_certificate_that_ends_is_told_in_time(ours: Authority, life: timedelta, found: str) -> None:
    line = await one("http", **files(ours.issue("service", life=life)))
    assert re.fullmatch(found, line), line


async def test_a_key_that_everybody_may_read_is_no_secret(ours: Authority) -> None:
    pair = ours.pair("service")
    for mode, verdict in ((0o600, "ok"), (0o640, "ok"), (0o644, "fail")):
        pair.key.chmod(mode)
        assert (await one("http", **files(pair))).startswith(verdict)


async def test_files_that_cannot_be_used_are_told_with_what_to_do(ours: Authority) -> None:
    wrong = Pair(ours.pair("service").certificate, ours.pair("other").key)
    assert "is not the key of" in await one("http", **files(wrong))
    nothing = Pair(Path("/nonexistent/a.pem"), wrong.key)
    assert (await one("http", **files(nothing))).startswith("fail http: /nonexistent/a.pem cannot be read")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://u:secret@127.0.0.1/calls", "ok database: plain on loopback"),
        ("postgresql:///calls", "ok database: plain on loopback"),
        ("postgresql://u:secret@db.example/calls?ssl=verify-full", "ok database: TLS (verify-full)"),
        ("postgresql://u:secret@db.example/calls?ssl=require", "warn database: TLS with whoever answers at db.example"),
        ("postgresql://u:secret@db.example/calls", "warn database: plain, or TLS with whoever answers, at db.example"),
    ],
)
async def test_a_database_elsewhere_must_prove_its_name(url: str, found: str) -> None:
    line = await one("database", database={"url": url})
    assert line.startswith(found)
    assert "secret" not in line


@pytest.mark.parametrize(
    ("url", "verdict"),
    [("https://sms.example/x?key=hidden", "ok"), ("http://localhost/x", "ok"), ("http://sms.example/x/hidden", "fail")],
)
async def test_codes_do_not_travel_in_the_clear(url: str, verdict: str) -> None:
    line = await one("sms", sms={"url": url})
    assert line.startswith(f"{verdict} sms: ")
    assert "hidden" not in line


async def test_every_way_to_an_issuer_is_looked_at() -> None:
    named = {"issuer": "https://portal.example", "audience": "pbx"}
    issuers = [
        {**named, "jwks_url": "https://portal.example/keys", "introspection_url": "http://portal.example/ask"},
        {**named, "jwks_url": "http://portal.example/keys"},
    ]
    verdicts = [line.split(": ")[0] for line in await examined(issuers=issuers) if "issuers" in line]
    assert verdicts == [
        "ok issuers[0].jwks_url",
        "fail issuers[0].introspection_url",
        "fail issuers[1].jwks_url",
    ]


async def test_plain_to_another_machine_stays_a_warning_even_when_it_was_said_aloud() -> None:
    away = {"ari_url": "http://asterisk.invalid:1", "ami_host": "asterisk.invalid", "allow_plain": True}
    for what in ("ari", "ami"):
        assert (await one(what, asterisk=away)).startswith(f"warn {what}: plain to asterisk.invalid")


@asynccontextmanager
async def shown(pair: Pair) -> AsyncIterator[int]:
    """Somebody who shows this certificate, and says no word; the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_what_asterisk_shows_counts_not_what_lies_in_the_file(ours: Authority) -> None:
    async with shown(ours.issue("old", life=timedelta(days=2, hours=1))) as port:
        ours.issue("old")
        for what in ("ari", "ami"):
            secure = {"ari_url": f"https://127.0.0.1:{port}", "ami_port": port, "ami_tls": True, "ca_file": ours.path}
            line = await one(what, asterisk=secure)
            assert line == f"warn {what}: TLS, but the certificate of 127.0.0.1:{port} ends in 2 days: renew it"
