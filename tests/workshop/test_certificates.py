"""Certificates for development: believed by those who know the authority, and made anew in time."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from workshop.certificates import HOSTS, Authority, Pair, authority

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path, now=NOW)


def test_done_twice_it_changes_nothing(ours: Authority, tmp_path: Path) -> None:
    ours.pair("service", now=NOW)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name for path in before} == {"ca.pem", "ca.key", "service.pem", "service.key"}
    authority(tmp_path, now=NOW).pair("service", now=NOW)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_keys_are_for_their_owner_only(ours: Authority, tmp_path: Path) -> None:
    ours.pair("service", now=NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.key")} == {0o600}


def test_a_certificate_is_for_this_machine_and_ninety_days(ours: Authority) -> None:
    found = read(ours.pair("service", now=NOW))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == set(HOSTS)
    assert found.not_valid_before_utc < NOW
    assert found.not_valid_after_utc - NOW == timedelta(days=90)


def test_it_is_believed_by_openssls_strictest_rules(tmp_path: Path) -> None:
    ours = authority(tmp_path)
    pair = ours.pair("service")
    believes = ssl.create_default_context(cafile=str(ours.path))
    believes.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    shows = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shows.load_cert_chain(pair.certificate, pair.key)
    for host in HOSTS:
        shake_hands(believes, shows, host)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(believes, shows, "portal.example")


def shake_hands(believes: ssl.SSLContext, shows: ssl.SSLContext, host: str) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = believes.wrap_bio(to_client, to_server, server_hostname=host)
    server = shows.wrap_bio(to_server, to_client, server_side=True)
    for step in (client, server, client, server):
        try:
            step.do_handshake()
        except ssl.SSLWantReadError:
            continue


def broken(pair: Pair) -> None:
    pair.certificate.write_text("nonsense")


def of_another(pair: Pair) -> None:
    pair.certificate.write_bytes(authority(pair.key.parent / "x", now=NOW).pair("x", now=NOW).certificate.read_bytes())


@pytest.mark.parametrize("damage", [lambda pair: pair.key.unlink(), broken, of_another])
def test_what_is_damaged_is_made_anew(ours: Authority, damage: Callable[[Pair], None]) -> None:
    before = read(ours.pair("service", now=NOW))
    damage(ours.pair("service", now=NOW))
    after = read(ours.pair("service", now=NOW))
    assert after.serial_number != before.serial_number
    after.verify_directly_issued_by(x509.load_pem_x509_certificate(ours.path.read_bytes()))


def test_other_hosts_need_another_certificate(ours: Authority) -> None:
    before = read(ours.pair("service", now=NOW)).serial_number
    assert read(ours.pair("service", ("portal.example",), now=NOW)).serial_number != before


@pytest.mark.parametrize(("days", "renewed"), [(50, False), (60, True), (100, True)])
def test_it_is_made_anew_before_the_doctor_would_warn(ours: Authority, days: int, renewed: bool) -> None:
    before = read(ours.pair("service", now=NOW)).serial_number
    after = read(ours.pair("service", now=NOW + timedelta(days=days))).serial_number
    assert (after != before) is renewed


def test_an_authority_that_would_end_first_is_made_anew_with_what_it_signed(ours: Authority, tmp_path: Path) -> None:
    before = ours.path.read_bytes()
    later = NOW + timedelta(days=700)
    after = authority(tmp_path, now=later).pair("service", now=later)
    assert ours.path.read_bytes() != before
    read(after).verify_directly_issued_by(x509.load_pem_x509_certificate(ours.path.read_bytes()))
