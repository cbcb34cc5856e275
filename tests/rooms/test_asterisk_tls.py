"""Both connections over TLS: with an authority that is ours, and never with a stranger's certificate."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pbx_bridge.asterisk import errors
from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.ari import Ari
from tests.rooms import ami_desk, ari_desk


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that signs itself; tmp_path/cert.pem is its authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "asterisk")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


async def test_ari_trusts_our_authority_and_no_stranger(server_tls: ssl.SSLContext, tmp_path: Path) -> None:
    desk, app = ari_desk.Desk(), web.Application()
    app.router.add_route("*", "/{anything:.*}", desk.handle)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=server_tls, shutdown_timeout=0.1)
    url = str(server.make_url(""))
    ours = Ari(url, "pbx", "s", "pb", tls=ssl.create_default_context(cafile=str(tmp_path / "cert.pem")))
    strange = Ari(url, "pbx", "s", "pb")
    async with ours.listen():
        await ours.healthy()
    for attempt in (strange.healthy(), strange.listen().__aenter__()):
        with pytest.raises(errors.Unreachable, match="certificate") as caught:
            await attempt
        assert not caught.value.maybe_done
    await ours.close()
    await strange.close()
    await server.close()


async def test_ami_trusts_our_authority_and_no_stranger(server_tls: ssl.SSLContext, tmp_path: Path) -> None:
    desk = ami_desk.Desk()
    server = await asyncio.start_server(desk.serve, "127.0.0.1", 0, ssl=server_tls)
    port = server.sockets[0].getsockname()[1]
    ours = Ami("127.0.0.1", port, "pbx", "s", tls=ssl.create_default_context(cafile=str(tmp_path / "cert.pem")))
    async with ours.listen():
        await ours.ping()
    strange = Ami("127.0.0.1", port, "pbx", "s", tls=ssl.create_default_context())
    with pytest.raises(errors.AmiUnreachable, match="certificate"):
        async with strange.listen():
            pass
    assert "Login" in desk.names()
    assert desk.names().count("Login") == 1
    server.close()
