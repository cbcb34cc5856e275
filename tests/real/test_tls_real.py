"""TLS with a real Asterisk: telephones and browsers that encrypt, an operator that proves its name, ARI and AMI."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.ari import Ari
from pbx_bridge.asterisk.errors import AmiUnreachable, Refused, Unreachable
from pbx_bridge.asterisk.tls import trust
from tests.real.conftest import MakeAsterisk
from tests.real.serial import serial
from workshop.certificates import Authority, Pair, authority
from workshop.phone import Phone, PhoneError
from workshop.server import AsteriskServer

if TYPE_CHECKING:  # pytest wants to be the first to import a plugin
    from tests.phones_plugin import MakePhone

pytest_plugins = ("tests.phones_plugin", "tests.tls_plugin")


def registrar(pbx: AsteriskServer, port: int = 0) -> dict[str, str]:
    return {"registrar": f"127.0.0.1:{port or pbx.ports.sips}", "password": "secret"}


@asynccontextmanager
async def ari(pbx: AsteriskServer, believes: Path) -> AsyncIterator[Ari]:
    url = f"https://localhost:{pbx.ports.https}"
    made = Ari(url, pbx.ari_user, pbx.ari_password, "test", tls=trust(believes))
    yield made
    await made.close()


async def secured(pbx: AsteriskServer, ours: Authority) -> dict[str, str | None]:
    """Of each channel, what Asterisk says of its sound: "1" is SRTP."""
    async with ari(pbx, ours.path) as asterisk:
        return {
            each["name"].split("-")[0]: await asterisk.variable(each["id"], "CHANNEL(rtp,secure,audio)")
            for each in await asterisk.channels()
        }


async def talking(caller: Phone, callee: Phone) -> None:
    await caller.call(callee.user)
    await asyncio.gather(caller.talks(), callee.talks())
    await asyncio.gather(caller.hears(callee.tone_hz), callee.hears(caller.tone_hz))


async def test_two_phones_talk_over_tls_and_srtp_and_stay_there_when_the_certificate_changes(
    pbx: AsteriskServer, phones: MakePhone, ours: Authority
) -> None:
    before = await serial(pbx.ports.sips)
    ann, bob = [await phones(name, **registrar(pbx), believes=ours.path) for name in ("ann", "bob")]
    await talking(ann, bob)
    assert await secured(pbx, ours) == {"PJSIP/ann": "1", "PJSIP/bob": "1"}
    ours.issue("asterisk")
    await pbx.cli("module reload res_pjsip.so")
    assert await serial(pbx.ports.sips) != before
    await ann.hears_sound()
    await ann.hang_up()
    await bob.ended()
    # Over the connection by which it registered before: nobody had to register anew.
    await talking(bob, ann)


async def test_a_phone_that_was_never_registered_over_tls_is_not_rung_in_the_clear(
    pbx: AsteriskServer, phones: MakePhone, ours: Authority
) -> None:
    ann = await phones("ann", **registrar(pbx), believes=ours.path)
    bob = await phones("bob", **registrar(pbx, pbx.ports.sip), srtp=True)
    await ann.call("bob")
    await ann.ended()
    assert re.search(r"bob/sip:bob@127\.0\.0\.1:\d+ ", await pbx.cli("pjsip show contacts"))
    assert bob.rung_count == 0


async def test_a_phone_without_srtp_gets_no_sound_in_the_clear(
    pbx: AsteriskServer, phones: MakePhone, ours: Authority
) -> None:
    old = await phones("old", **registrar(pbx, pbx.ports.sip))
    ann = await phones("ann", **registrar(pbx, pbx.ports.sip), register=False)
    await ann.call("old")
    assert (await ann.ended()).code == 488
    assert old.rung_count == 0


async def test_a_phone_does_not_register_with_a_strangers_certificate(
    pbx: AsteriskServer, phones: MakePhone, tmp_path: Path
) -> None:
    with pytest.raises(PhoneError):
        await phones("ann", **registrar(pbx), believes=authority(tmp_path / "strangers").path)
    assert "ann/sip" not in await pbx.cli("pjsip show contacts")


class Operator:
    """The far end of a trunk over TLS. It keeps what each caller says, and answers 603."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(re.findall(r"(?im)^Content-Length: *(\d+)", head)[0])
                whole = head + (await reader.readexactly(length)).decode()
                if not head.startswith("ACK "):
                    self.said.put_nowait(whole)
                    kept = [line for line in head.split("\r\n") if re.match("(Via|From|To|Call-ID|CSeq):", line)]
                    writer.write("\r\n".join(["SIP/2.0 603 Decline", *kept, "Content-Length: 0", "", ""]).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            self.said.put_nowait("")  # hung up
        writer.close()

    async def hears(self) -> str:
        async with asyncio.timeout(10):
            return await self.said.get()


@asynccontextmanager
async def operator(port: int, pair: Pair) -> AsyncIterator[Operator]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    there = Operator()
    server = await asyncio.start_server(there.serve, "127.0.0.1", port, ssl=context)
    yield there
    server.close()


async def call_out(
    pbx: AsteriskServer, ours: Authority, endpoint: str = "PJSIP/+79161234567@operator", call: str = "one"
) -> None:
    async with ari(pbx, ours.path) as asterisk:
        with suppress(Refused):
            await asterisk.originate(call, endpoint, context="from-test", extension="x", timeout_s=8, variables={})


async def test_an_operator_is_called_over_tls_and_offered_srtp_and_nothing_else(
    pbx: AsteriskServer, ours: Authority, operator_port: int
) -> None:
    async with operator(operator_port, ours.pair("operator")) as there:
        await call_out(pbx, ours)
        invite = await there.hears()
    assert invite.startswith("INVITE sip:+79161234567@127.0.0.1:")
    assert "SIP/2.0/TLS" in invite
    assert re.findall(r"^m=\S+ \d+ (\S+)", invite, re.MULTILINE) == ["RTP/SAVP"]
    assert "a=crypto:" in invite


async def test_a_browser_is_offered_dtls_with_a_certificate_made_for_the_call(
    pbx: AsteriskServer, ours: Authority, operator_port: int
) -> None:
    fingerprints = set()
    async with operator(operator_port, ours.pair("operator")) as there:
        for call in ("one", "two"):
            await call_out(pbx, ours, "PJSIP/browser", call)
            invite = await there.hears()
            assert re.findall(r"^m=\S+ \d+ (\S+)", invite, re.MULTILINE) == ["UDP/TLS/RTP/SAVPF"]
            fingerprints |= set(re.findall(r"a=fingerprint:SHA-256 (\S+)", invite))
            assert {"a=rtcp-mux", "a=setup:actpass"} <= set(invite.splitlines())
    assert len(fingerprints) == 2


@pytest.mark.parametrize("hosts", [("localhost", "operator.example"), None])
async def test_an_operator_that_does_not_prove_its_name_is_told_no_number(
    pbx: AsteriskServer, ours: Authority, operator_port: int, tmp_path: Path, hosts: tuple[str, ...] | None
) -> None:
    false = ours.pair("false", hosts) if hosts else authority(tmp_path / "strangers").pair("operator")
    async with operator(operator_port, false) as there:
        await call_out(pbx, ours)
        assert await there.hears() == ""


async def test_a_browsers_phone_comes_by_wss_and_plain_only_from_this_machine(
    pbx: AsteriskServer, ours: Authority
) -> None:
    async with aiohttp.ClientSession() as session:
        secure = f"wss://localhost:{pbx.ports.https}/ws"
        async with session.ws_connect(secure, protocols=("sip",), ssl=trust(ours.path)) as browser:
            assert browser.protocol == "sip"
            await browser.send_str(OPTIONS)
            assert (await browser.receive_str(timeout=5)).startswith("SIP/2.0 ")
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.ws_connect(secure, protocols=("sip",))
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.ws_connect(f"ws://127.0.0.2:{pbx.ports.http}/ws", protocols=("sip",))


OPTIONS = "\r\n".join(
    [
        "OPTIONS sip:localhost SIP/2.0",
        "Via: SIP/2.0/WSS browser.invalid;branch=z9hG4bK1",
        "Max-Forwards: 70",
        "From: <sip:browser@localhost>;tag=1",
        "To: <sip:localhost>",
        "Call-ID: 1@browser.invalid",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
        "",
        "",
    ]
)


async def test_ari_and_ami_over_tls_and_their_certificates_change_without_a_restart(
    pbx: AsteriskServer, ours: Authority, tmp_path: Path
) -> None:
    strangers = authority(tmp_path / "strangers").path
    before = [await serial(port) for port in (pbx.ports.https, pbx.ports.amis)]
    ami = Ami("localhost", pbx.ports.amis, pbx.ami_user, pbx.ami_password, tls=trust(ours.path))
    async with ari(pbx, ours.path) as asterisk, asterisk.listen(), ami.listen():
        ours.issue("asterisk")
        # 22.10.1 reads AMI's certificate only when manager.conf itself is newer than before.
        os.utime(pbx.etc / "manager.conf")
        for module in ("http", "manager"):
            await pbx.cli(f"module reload {module}")
        after = [await serial(port) for port in (pbx.ports.https, pbx.ports.amis)]
        assert set(before).isdisjoint(after)
        await asterisk.healthy()
        await ami.ping()
    async with ari(pbx, strangers) as fooled:
        with pytest.raises(Unreachable, match="certificate"):
            await fooled.healthy()
    with pytest.raises(AmiUnreachable, match="certificate"):
        await Ami("localhost", pbx.ports.amis, "x", "y", tls=trust(strangers)).listen().__aenter__()


async def test_old_protocols_are_refused_everywhere(pbx: AsteriskServer, ours: Authority) -> None:
    for port in (pbx.ports.https, pbx.ports.amis, pbx.ports.sips):
        context = trust(ours.path)
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError, match="ALERT"):
            await asyncio.open_connection("localhost", port, ssl=context)


async def test_sip_without_tls_can_be_closed(make_asterisk: MakeAsterisk, pair: Pair) -> None:
    server = make_asterisk(tls=pair, sip_plain=False)
    await server.start()
    assert server.errors() == []
    await serial(server.ports.sips)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.ports.sip)
