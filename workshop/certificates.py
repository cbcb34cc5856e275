"""Certificates for development: a small authority of one's own, and certificates for this machine by it.

    made = authority(folder)                      # folder/ca.pem, to be trusted by whoever connects
    pair = made.pair("service")                   # folder/service.pem and folder/service.key
    curl --cacert folder/ca.pem https://localhost:8080/healthz

Done twice, it changes nothing until what is there nears its end; then it is made anew. The private keys are readable
by their owner only. For production there are real authorities: docs/how-to/tls.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pbx_bridge.provision import write_secret

#: How long a certificate lives, and how long before its end it is made anew. The doctor warns at 30 days.
LIFE = timedelta(days=90)
RENEW = timedelta(days=35)
#: The authority outlives many certificates, for people put it into their browser.
LIFE_OF_AUTHORITY = timedelta(days=730)
#: Clocks of containers and telephones may be late.
EARLY = timedelta(hours=1)
#: The names that this machine has for itself.
HOSTS = ("localhost", "127.0.0.1", "::1")
CA, CA_KEY = "ca.pem", "ca.key"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key: PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates. `path` is its own certificate, for those who shall believe them."""

    def __init__(self, path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.path = path
        self._certificate = certificate
        self._key = key

    def pair(self, name: str, hosts: tuple[str, ...] = HOSTS, *, now: datetime | None = None) -> Pair:
        """The certificate of this name for these hosts, as it is there, or new when it is not or nears its end."""
        pair = Pair(self.path.with_name(f"{name}.pem"), self.path.with_name(f"{name}.key"))
        if not self._serves(pair, hosts, now or datetime.now(UTC)):
            self.issue(name, hosts, now=now)
        return pair

    def issue(
        self, name: str, hosts: tuple[str, ...] = HOSTS, *, life: timedelta = LIFE, now: datetime | None = None
    ) -> Pair:
        """A new certificate, in place of the one that was there. With a negative `life` it has ended already."""
        pair = Pair(self.path.with_name(f"{name}.pem"), self.path.with_name(f"{name}.key"))
        began = (now or datetime.now(UTC)) - EARLY + min(life, timedelta())
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(name, self._certificate.subject, key, began, began + EARLY + abs(life))
            .add_extension(x509.SubjectAlternativeName(list(_names(hosts))), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_identifier_of(self._key), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        # The key first: whoever watches the certificate finds both when it changes.
        _write_key(pair.key, key)
        _write_certificate(pair.certificate, certificate)
        return pair

    def _serves(self, pair: Pair, hosts: tuple[str, ...], now: datetime) -> bool:
        """Whether what is there is ours, for these hosts, and good for a while yet."""
        try:
            held = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
            key = _read_key(pair.key)
            held.verify_directly_issued_by(self._certificate)
            names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        fits = held.public_key() == key.public_key() and set(names) == set(_names(hosts))
        return fits and held.not_valid_after_utc - now > RENEW


def authority(folder: Path, *, now: datetime | None = None) -> Authority:
    """The authority of this folder; made when there is none, or it would end before a certificate of today."""
    at = now or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, key_path = folder / CA, folder / CA_KEY
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = _read_key(key_path)
        if certificate.public_key() == key.public_key() and certificate.not_valid_after_utc - at > LIFE:
            return Authority(path, certificate, key)
    except (OSError, ValueError, TypeError):
        pass  # none yet, or half of one
    return _new_authority(path, key_path, at)


def _new_authority(path: Path, key_path: Path, at: datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    only_signs = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False, **usage
    )
    name = "pbx-bridge development authority"
    certificate = (
        _builder(name, None, key, at - EARLY, at + LIFE_OF_AUTHORITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(only_signs, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_path, key)
    _write_certificate(path, certificate)
    return Authority(path, certificate, key)


def _builder(
    name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey, began: datetime, ends: datetime
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    public, number = key.public_key(), x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer or subject, subject, public, number, began, ends)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _names(hosts: Iterable[str]) -> Iterable[x509.GeneralName]:
    for host in hosts:
        try:
            yield x509.IPAddress(ip_address(host))
        except ValueError:
            yield x509.DNSName(host)


def _identifier_of(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds another kind of key than ours")
    return key


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_secret(path, text.decode())


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    fresh = path.with_name(f".{path.name}")
    fresh.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    fresh.replace(path)
