"""Both connections over TLS: with an authority that is ours, and never with a stranger's certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from pbx_bridge.asterisk import errors
from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.ari import Ari
from pbx_bridge.asterisk.tls import BadAuthority, is_loopback, trust
from pbx_bridge.settings import Asterisk
from tests.rooms import ami_desk, ari_desk
from workshop.certificates import Authority, Pair, authority


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path / "ours")


@pytest.fixture
def pair(ours: Authority) -> Pair:
    return ours.pair("asterisk")


def server_side(pair: Pair) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@asynccontextmanager
async def ari_server(pair: Pair) -> AsyncIterator[str]:
    """Its address."""
    desk, app = ari_desk.Desk(), web.Application()
    app.router.add_route("*", "/{anything:.*}", desk.handle)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=server_side(pair), shutdown_timeout=0.1)
    yield str(server.make_url(""))
    await server.close()


@asynccontextmanager
async def ari(url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Ari]:
    made = Ari(url, "pbx", "s", "pb", tls=tls)
    yield made
    await made.close()


@asynccontextmanager
async def ami_server(desk: ami_desk.Desk, pair: Pair | None) -> AsyncIterator[int]:
    """Its port."""
    server = await asyncio.start_server(desk.serve, "127.0.0.1", 0, ssl=server_side(pair) if pair else None)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_ari_trusts_our_authority(pair: Pair, ours: Authority) -> None:
    async with ari_server(pair) as url, ari(url, trust(ours.path)) as asterisk, asterisk.listen():
        await asterisk.healthy()


async def test_ari_asks_nothing_of_a_stranger(pair: Pair, tmp_path: Path) -> None:
    strangers = authority(tmp_path / "strangers")
    async with ari_server(pair) as url:
        for believed in (trust(None), trust(strangers.path), None):
            async with ari(url, believed) as asterisk:
                for attempt in (asterisk.healthy(), asterisk.listen().__aenter__()):
                    with pytest.raises(errors.Unreachable, match=r"certificate.*asterisk\.ca_file") as caught:
                        await attempt
                    assert not caught.value.maybe_done


@pytest.mark.parametrize("hosts", [("localhost",), ("asterisk.example", "127.0.0.2")])
async def test_a_certificate_for_another_host_is_a_strangers(ours: Authority, hosts: tuple[str, ...]) -> None:
    pair = ours.pair("another", hosts)
    async with ari_server(pair) as url, ari(url.replace("localhost", "127.0.0.1"), trust(ours.path)) as asterisk:
        with pytest.raises(errors.Unreachable, match=r"asterisk\.ari_url the name it was made out to"):
            await asterisk.healthy()
    desk = ami_desk.Desk()
    async with ami_server(desk, pair) as port:
        with pytest.raises(errors.AmiUnreachable, match=r"asterisk\.ami_host the name it was made out to"):
            await Ami("127.0.0.1", port, "pbx", "s", tls=trust(ours.path)).listen().__aenter__()
    assert desk.names() == []


async def test_a_certificate_that_has_ended_is_not_believed(ours: Authority) -> None:
    ended = ours.issue("ended", life=-timedelta(days=1))
    async with ari_server(ended) as url, ari(url, trust(ours.path)) as asterisk:
        with pytest.raises(errors.Unreachable, match="expired"):
            await asterisk.healthy()


async def test_ami_trusts_our_authority_and_tells_a_stranger_no_password(
    pair: Pair, ours: Authority, tmp_path: Path
) -> None:
    desk = ami_desk.Desk()
    async with ami_server(desk, pair) as port:
        async with Ami("127.0.0.1", port, "pbx", "s", tls=trust(ours.path)).listen():
            pass
        assert desk.names().count("Login") == 1
        for believed in (trust(None), trust(authority(tmp_path / "strangers").path)):
            with pytest.raises(errors.AmiUnreachable, match=r"certificate.*asterisk\.ca_file"):
                await Ami("127.0.0.1", port, "pbx", "s", tls=believed).listen().__aenter__()
    assert desk.names().count("Login") == 1


async def test_a_plain_port_asked_for_tls_is_told_with_what_to_do(ours: Authority) -> None:
    desk = ami_desk.Desk()
    async with ami_server(desk, None) as port:
        with pytest.raises(errors.AmiUnreachable, match=r"correct the port, or set asterisk\.ami_tls = false"):
            await Ami("127.0.0.1", port, "pbx", "s", tls=trust(ours.path)).listen().__aenter__()
        async with ari(f"https://127.0.0.1:{port}", trust(ours.path)) as asterisk:
            with pytest.raises(errors.Unreachable, match=r"correct the port, or let asterisk\.ari_url say http:"):
                await asterisk.healthy()
    assert desk.names() == []


def test_an_authority_that_cannot_be_used_is_named(tmp_path: Path, pair: Pair) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for path in (tmp_path / "nothing.pem", nonsense, pair.key):
        with pytest.raises(BadAuthority, match=rf"{path}.*asterisk\.ca_file"):
            trust(path)


def test_old_protocols_are_not_spoken() -> None:
    assert trust(None).minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST.", "pbx.localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "::", "localhost.example", "127.0.0.1.example", "notlocalhost", ""])
def test_anything_else_may_be_another_machine(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"ari_url": "http://10.0.0.1:8088"}, "ari_url"),
        ({"ari_url": "http://asterisk.example:8088"}, "ari_url"),
        ({"ami_host": "asterisk.example"}, "ami_host"),
        ({"ari_url": "http://127.0.0.1@10.0.0.1:8088"}, "ari_url"),
        ({"ari_url": "http://asterisk.example", "ami_host": "asterisk.example"}, "ari_url and ami_host"),
    ],
)
def test_plain_to_another_machine_is_refused_unless_it_is_said_aloud(settings: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=rf"{named} would carry passwords.*docs/how-to/tls\.md"):
        Asterisk.model_validate(settings)
    assert Asterisk.model_validate({**settings, "allow_plain": True}).plain_ways()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ari_url": "http://localhost:8088", "ami_host": "localhost"},
        {"ari_url": "https://asterisk.example:8089", "ami_host": "asterisk.example", "ami_tls": True},
        {"ari_url": "http://[::1]:8088"},
    ],
)
def test_tls_and_loopback_need_nothing_said(settings: dict[str, object]) -> None:
    assert Asterisk.model_validate(settings).plain_ways() == []


@pytest.mark.parametrize("url", ["asterisk.example:8089", "ftp://asterisk.example", "https://", "", "127.0.0.1"])
def test_an_ari_url_that_is_none_is_told(url: str) -> None:
    with pytest.raises(ValidationError, match=r"must be like https://asterisk\.example:8089"):
        Asterisk.model_validate({"ari_url": url})
