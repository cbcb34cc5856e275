"""Attacks that make the service ask somebody for the attacker: addresses of the operator's own network, redirects."""

from __future__ import annotations

import asyncio

import pytest
from yarl import URL

from tests.hostile.fort import ANNA, Fort
from tests.hostile.trap import Trap

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

INSIDE = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0.0.0.0",  # noqa: S104  to be refused
    "0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "ip6-localhost",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "127.0.0.0x1",
    "127.0.0.0x",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12::1]",
    "[ff02::1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:db8::1]",
    "[2001:0:7f00:1::]",
    "[fe80::1%25eth0]",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "ⓛocalhost",
    "metadata.google.internal",
    "printer.local",
    "asterisk",
    "db",
]
ODD = [
    "http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "//example.org/",
    "example.org", "https://", "https:///x", "https://user@example.org/", "https://user:pass@example.org/",
    "https://example.org@127.0.0.1/", "https://127.0.0.1@example.org/", "https://example.org/#x",
    "https://example.org:99999/", "https://example.org:x/", "https://exa mple.org/", "https://example.org\r\nX: 1/",
    "https://exam\tple.org/", "https://example.org\\@127.0.0.1/", "javascript:alert(1)", "", "https://[::1",
    "https://exam\u0000ple.org/", "https://" + "a" * 2000 + ".org/",
]  # fmt: skip


async def test_no_program_is_told_of_its_calls_at_our_own_machines(fort: Fort) -> None:
    admin = await fort.program("admin")
    urls = [f"https://{host}{port}/hook" for host in INSIDE for port in ("", ":8443")] + ODD
    taken = []
    for url in urls:
        new = await admin.ask("POST", "/v1/clients", {"name": "x", "callback_url": url})
        old = await admin.ask("PATCH", f"/v1/clients/{fort.portal.id}", {"callback_url": url})
        if (new.refused, old.refused) != ((422, "validation-failed"),) * 2:
            taken.append(url)
    assert taken == []
    good = await admin.ask(
        "PATCH", f"/v1/clients/{fort.portal.id}", {"callback_url": "https://portal.example.org/hook"}
    )
    assert good.status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_an_issuer_that_sends_us_elsewhere_is_not_followed(fort: Fort, trap: Trap, status: int) -> None:
    subject = await fort.issuer.token("anna", phone=ANNA)
    fort.issuer.url, truly = trap.url, fort.issuer.url  # where its Location points to
    fort.issuer.status = status
    assert (await fort.portal.exchanges(subject)).refused == (503, "temporarily_unavailable")
    fort.issuer.url = truly
    assert sum(fort.issuer.asked.values()) == 1
    assert not trap.hits


async def test_a_gateway_that_sends_us_elsewhere_is_not_followed(fort: Fort, trap: Trap) -> None:
    fort.gateway.manner = "forwards"
    fort.gateway.port = URL(trap.url).port or 0  # where its Location points to
    anna = await fort.citizen("anna")
    await anna.wants_call()
    await fort.time.advance(5)
    assert fort.gateway.requests
    assert not trap.hits
    assert not fort.gateway.messages
    assert fort.nothing_rang


async def test_no_text_of_a_request_is_an_address_that_we_ask(fort: Fort, trap: Trap) -> None:
    program = await fort.program(second_step="none")
    told = {"session_id": trap.url, "subject": trap.url, "client_ref": trap.url}
    answer = await program.initiates(ANNA, user=trap.url, **told)
    assert answer.status == 202
    await program.ask("GET", f"/v1/calls?user={trap.url}", Origin=trap.url, Referer=trap.url, X_Forwarded_Host=trap.url)
    await asyncio.gather(*(program.exchanges(each) for each in (trap.url, f"{trap.url}/.well-known/jwks.json")))
    await fort.time.advance(30)
    assert not trap.hits
