"""HTTPS: certificates change while streams go on, and what cannot be used changes nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pbx_bridge.portal.certificates import BadCertificate, Certificate
from workshop.certificates import Authority, Pair, authority

from .portal_house import House, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)


@dataclass
class SecureSite(Site):
    """The portal behind TLS, and somebody who believes its authority."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path)


@pytest.fixture
def pair(ours: Authority) -> Pair:
    return ours.pair("service")


@pytest.fixture
def certificate(pair: Pair) -> Certificate:
    return Certificate(pair.certificate, pair.key)


@asynccontextmanager
async def secure(house: House, certificate: Certificate, ours: Authority) -> AsyncIterator[SecureSite]:
    trusts = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(ours.path)), force_close=True)
    async with serve(house) as site, aiohttp.ClientSession(connector=trusts) as session:
        await web.TCPSite(site.runner, "127.0.0.1", 0, ssl_context=certificate.context).start()
        port = site.runner.addresses[-1][1]
        yield SecureSite(house, site.app, site.runner, session, port, site.client, site.secret)


async def shown(port: int, *, server_name: str | None = "localhost", **limits: ssl.TLSVersion) -> int:
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, version in limits.items():
        setattr(context, name, version)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=server_name)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(found).serial_number


def number(pair: Pair) -> int:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number


def look_twice(certificate: Certificate) -> None:
    """Once to see the change, once to see that nobody writes any more."""
    certificate.look()
    certificate.look()


async def test_a_new_certificate_is_shown_to_new_connections_and_open_streams_go_on(
    house: House, certificate: Certificate, ours: Authority, pair: Pair
) -> None:
    async with secure(house, certificate, ours) as site:
        call_id = await site.open_call()
        async with site.follow(call_id) as stream:
            assert [(await stream.event() or {})["id"] for _ in range(2)] == ["1", "2"]
            first = number(pair)
            assert await shown(site.port) == first
            ours.issue("service")
            look_twice(certificate)
            assert await shown(site.port) == number(pair) != first
            assert await shown(site.port, server_name="127.0.0.1") == number(pair)
            house.rings(call_id)
            house.hangs_up(call_id)
            assert await stream.rest() == [3, 4]


async def test_files_that_change_are_read_without_being_asked(certificate: Certificate, ours: Authority) -> None:
    certificate_was_read = asyncio.Event()
    loop = asyncio.get_running_loop()
    reload = certificate.reload

    def noticed() -> bool:
        loop.call_soon(certificate_was_read.set)
        return reload()

    certificate.reload = noticed  # type: ignore[method-assign]
    watching = asyncio.create_task(certificate.watch(every_s=0.001))
    ours.issue("service")
    await asyncio.wait_for(certificate_was_read.wait(), 5)
    watching.cancel()


async def test_a_broken_file_keeps_the_old_certificate_and_is_told_once(
    house: House, certificate: Certificate, ours: Authority, pair: Pair
) -> None:
    first = number(pair)
    async with secure(house, certificate, ours) as site:
        for broken in ("nonsense", "", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
            pair.key.write_text(broken)
            with structlog.testing.capture_logs() as logs:
                for _ in range(3):
                    look_twice(certificate)
            assert [(entry["log_level"], str(pair.key) in entry["why"]) for entry in logs] == [("error", True)]
            assert await shown(site.port) == first
        ours.issue("service")
        look_twice(certificate)
        assert await shown(site.port) == number(pair) != first


async def test_a_file_that_is_being_written_is_waited_for(
    certificate: Certificate, ours: Authority, pair: Pair
) -> None:
    whole = pair.key.read_text()
    with structlog.testing.capture_logs() as logs:
        for part in (10, 20, len(whole)):
            pair.key.write_text(whole[:part])
            certificate.look()
        assert logs == []
        certificate.look()
    assert [entry["log_level"] for entry in logs] == ["info"]


async def test_a_key_that_was_taken_away_changes_nothing(
    house: House, certificate: Certificate, ours: Authority, pair: Pair
) -> None:
    pair.key.unlink()
    with structlog.testing.capture_logs() as logs:
        assert not certificate.reload()
    assert "cannot be read" in logs[0]["why"]
    async with secure(house, certificate, ours) as site:
        assert (await site.get("/healthz")).status == 200


async def test_old_protocols_are_refused(house: House, certificate: Certificate, ours: Authority) -> None:
    async with secure(house, certificate, ours) as site:
        await shown(site.port, maximum_version=ssl.TLSVersion.TLSv1_2)
        await shown(site.port, minimum_version=ssl.TLSVersion.TLSv1_3)
        with pytest.warns(DeprecationWarning, match="TLSv1"), pytest.raises(ssl.SSLError):
            await shown(site.port, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_every_cipher_keeps_the_past_secret(certificate: Certificate) -> None:
    for cipher in certificate.context.get_ciphers():
        assert cipher["aead"], cipher["name"]
        assert cipher["name"].startswith(("TLS_", "ECDHE-")), cipher["name"]


async def test_answers_over_tls_tell_browsers_to_stay_there(
    house: House, certificate: Certificate, ours: Authority, site: Site
) -> None:
    assert "Strict-Transport-Security" not in (await site.get("/healthz")).headers
    async with secure(house, certificate, ours) as behind_tls:
        for path in ("/healthz", "/nowhere"):
            assert (await behind_tls.get(path)).headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_certificate_and_another_ones_key_do_not_start(ours: Authority, pair: Pair) -> None:
    other = ours.pair("other")
    with pytest.raises(BadCertificate, match=rf"{other.key} is not the key of {pair.certificate}"):
        Certificate(pair.certificate, other.key)


def test_a_key_with_a_password_does_not_ask_the_terminal_for_it(pair: Pair) -> None:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"password")
    pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    with pytest.raises(BadCertificate, match="is locked with a password"):
        Certificate(pair.certificate, pair.key)


def test_a_key_that_cannot_be_read_is_told_before_the_start(pair: Pair) -> None:
    # A folder in its place: what a mode forbids, root may read all the same.
    pair.key.unlink()
    pair.key.mkdir()
    with pytest.raises(BadCertificate, match=f"{pair.key} cannot be read"):
        Certificate(pair.certificate, pair.key)


def test_a_certificate_near_its_end_is_a_warning(ours: Authority) -> None:
    late = ours.issue("late", life=timedelta(days=3))
    with structlog.testing.capture_logs() as logs:
        Certificate(late.certificate, late.key)
    assert [(entry["log_level"], entry["file"]) for entry in logs] == [("warning", str(late.certificate))]
