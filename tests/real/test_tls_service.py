"""TLS of the service as an operator meets it: started, renewed, refused, and looked at by the doctor."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pbx_bridge import doctor_tls, provision
from pbx_bridge.app import keep_fresh
from pbx_bridge.portal.certificates import LOOK_S, Certificate
from pbx_bridge.settings import Settings, load
from tests.real.conftest import MakeAsterisk
from tests.real.serial import serial
from workshop.certificates import Authority, Pair
from workshop.server import AsteriskServer
from workshop.service import Service, ServiceFailed

pytest_plugins = ("tests.tls_plugin",)


@asynccontextmanager
async def standing(server: AsteriskServer, folder: Path, pair: Pair, ours: Authority) -> AsyncIterator[Service]:
    """A service over HTTPS, alive; its Asterisk need not be there."""
    service = Service(folder, server, server.ports.spare[0], tls=pair, believes=ours.path)
    try:
        await service.start(until_ready=False)
        yield service
    finally:
        await service.kill()


def test_setup_takes_a_certificate_for_both(tmp_path: Path, ours: Authority) -> None:
    pair = ours.pair("service")
    config = provision.setup(tmp_path / "x", provision.Plan(tls=(pair.certificate, pair.key)), lambda line: None)
    http = load(config).http
    assert (http.tls_certificate, http.tls_key) == (pair.certificate, pair.key)
    for name in ("http.conf", "manager.conf", "pjsip_transports.conf"):
        assert str(pair.key) in (tmp_path / "x" / "asterisk" / name).read_text()


async def test_the_service_reads_a_renewed_certificate_on_sighup(
    make_asterisk: MakeAsterisk, tmp_path: Path, ours: Authority
) -> None:
    async with standing(make_asterisk(), tmp_path / "service", ours.pair("service"), ours) as service:
        before = await serial(service.http_port)
        ours.issue("service")
        os.kill(service.pid, signal.SIGHUP)
        async with asyncio.timeout(5):
            while await serial(service.http_port) == before:  # noqa: ASYNC110 - another process, which tells nobody
                await asyncio.sleep(0.01)
        await service.answers("/healthz")


async def test_the_service_watches_its_certificate_while_it_runs(ours: Authority) -> None:
    watched = asyncio.Event()

    class Watched(Certificate):
        async def watch(self, every_s: float = LOOK_S) -> None:
            watched.set()

    pair = ours.pair("service")
    tasks = keep_fresh(Watched(pair.certificate, pair.key))
    async with asyncio.timeout(5):
        await watched.wait()
    await asyncio.gather(*tasks)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PBX_HTTP__TLS_CERTIFICATE": "/nonexistent.pem"}, "tls_certificate and tls_key belong together"),
        ({"PBX_HTTP__TLS_CERTIFICATE": "{other}", "PBX_HTTP__TLS_KEY": "{key}"}, "is not the key of"),
        ({"PBX_HTTP__TLS_CERTIFICATE": "/nonexistent.pem", "PBX_HTTP__TLS_KEY": "{key}"}, "cannot be read"),
        ({"PBX_ASTERISK__AMI_HOST": "asterisk.invalid"}, "ami_host would carry passwords and numbers in the clear"),
        ({"PBX_ASTERISK__AMI_TLS": "yes", "PBX_ASTERISK__CA_FILE": "{key}"}, "holds no certificate that can be used"),
    ],
)
async def test_the_service_does_not_start_without_the_tls_that_it_was_told(
    make_asterisk: MakeAsterisk, tmp_path: Path, ours: Authority, environment: dict[str, str], words: str
) -> None:
    pair, other = ours.pair("service"), ours.pair("other")
    given = {name: text.format(key=pair.key, other=other.certificate) for name, text in environment.items()}
    server = make_asterisk()
    service = Service(tmp_path / "service", server, server.ports.spare[0], environment=given)
    with pytest.raises(ServiceFailed, match=words) as failed:
        await service.start()
    assert "Traceback" not in str(failed.value)


async def examined(pbx: AsteriskServer, ours: Authority) -> list[str]:
    """What the doctor says of SIP."""
    asterisk = {
        "ari_url": f"https://localhost:{pbx.ports.https}",
        "ari_password": pbx.ari_password,
        "ami_host": "localhost",
        "ami_port": pbx.ports.amis,
        "ami_tls": True,
        "ca_file": ours.path,
    }
    found = [each async for each in doctor_tls.tls(Settings.model_validate({"asterisk": asterisk}))]
    return [f"{each.verdict} {each.words}" for each in found if each.words.startswith("sip")]


async def test_the_doctor_sees_which_phones_may_speak_in_the_clear(
    pbx: AsteriskServer, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, loopback = await examined(pbx, ours)
    assert certificate.startswith("ok sip: transport-tls is TLS, certificate until ")
    assert loopback == "ok sip: reached from this machine only"
    # As it is where phones come from outside; no test opens a port there.
    monkeypatch.setattr(doctor_tls, "is_loopback", lambda host: host == "localhost")
    certificate, plain, sound = await examined(pbx, ours)
    assert certificate.startswith("ok sip: transport-tls is TLS, certificate until ")
    assert "transport-udp (127.0.0.1:" in plain
    assert "transport-tcp (127.0.0.1:" in plain
    assert "transport-tls" not in plain
    assert sound.startswith("warn sip: 1 of 5 endpoints need no encryption of sound (old): ")
