"""HTTPS of the service: its certificate is read again when the files change, and no connection notices.

A handshake gets the certificate that was read last; streams that are open go on with the one they began with. Files
that cannot be used change nothing: the log says what is wrong with them, once, and the old certificate stays.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509

log = structlog.get_logger(__name__)

#: Seconds between two looks at the files.
LOOK_S = 5.0
#: A certificate that ends sooner than this should have been renewed.
SOON = timedelta(days=30)
#: For TLS 1.2; those of 1.3 are all fine. Forward secrecy and authenticated encryption, nothing else (RFC 9325).
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

#: What tells that a file was replaced: time of change (ns), size, inode; None when it is not there.
_Stamp = tuple[tuple[int, int, int] | None, ...]


class BadCertificate(Exception):
    """The files cannot be used. The text names them and says what to do."""


class Certificate:
    """One certificate with its key, as two PEM files; the first may hold the whole chain, the server's own first.

    Listen with `context`, and let `watch()` run beside it. Raises BadCertificate when the files cannot be used now.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._paths = certificate, key
        self._stamp = self._look()
        self._seen = self._stamp
        self._current = load(certificate, key)
        # The listener keeps this one for ever; each handshake is given the newest.
        self.context = load(certificate, key)
        self.context.sni_callback = self._choose
        self._tell()

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        """Called in each handshake, for clients that name no server, too."""
        connection.context = self._current

    async def watch(self, every_s: float = LOOK_S) -> None:
        """Read the files again when they change, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self.look()

    def look(self) -> None:
        """Read the files again when they have changed, and have not since the last look: they may be half written."""
        stamp, before = self._look(), self._seen
        self._seen = stamp
        if stamp == before != self._stamp:
            self.reload()

    def reload(self) -> bool:
        """Read the files again, now. False when they cannot be used: what was read before goes on."""
        self._stamp = self._seen = self._look()
        try:
            self._current = load(*self._paths)
        except BadCertificate as error:
            log.error("the new certificate cannot be used; the old one stays", why=str(error))
            return False
        self._tell()
        return True

    def _tell(self) -> None:
        ends = ends_at(self._paths[0])
        if ends - datetime.now(UTC) < SOON:
            log.warning("the certificate ends soon: renew it", file=str(self._paths[0]), ends=ends.isoformat())
        else:
            log.info("a certificate was read", file=str(self._paths[0]), ends=ends.isoformat())

    def _look(self) -> _Stamp:
        return tuple(_stamp(path) for path in self._paths)


def load(certificate: Path, key: Path) -> ssl.SSLContext:
    """What to listen with: TLS 1.2 and newer. Raises BadCertificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    for path in (certificate, key):
        _readable(path)
    try:
        # Without a password given, OpenSSL would ask the terminal for one and the service would hang.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        raise BadCertificate(_why(error, certificate, key)) from None
    ends_at(certificate)
    return context


def ends_at(certificate: Path) -> datetime:
    """When the certificate ends: the first of the file, which is the server's own. Raises BadCertificate."""
    _readable(certificate)
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except ValueError:
        raise BadCertificate(f"{certificate} begins with no certificate: it must be a PEM file.") from None


def _readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise BadCertificate(
            f"{path} cannot be read ({error.strerror}): correct [http] tls_certificate and tls_key, or let the "
            "service's user read it."
        ) from None


def _why(error: ssl.SSLError, certificate: Path, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{key} is not the key of {certificate}: put the two that were made together in place."
    if "ENCRYPTED" in key.read_text(encoding="ascii", errors="replace"):
        return f"{key} is locked with a password: take it off (`openssl pkey -in … -out …`), and let only us read it."
    return (
        f"{certificate} and {key} are no certificate and its key ({error.reason or 'not PEM'}): both must be PEM "
        "files, the server's own certificate first and those that lead to its authority after it."
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
