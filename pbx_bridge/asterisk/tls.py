"""Who is believed at the far end of a connection to Asterisk, and which far ends are this machine itself."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path

from .errors import AsteriskError


class BadAuthority(AsteriskError):
    """The file of authorities cannot be used. The text names it and says what to do."""


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Believe certificates by these authorities (PEM; None: the system's), for the host that was asked for
    and no other. TLS 1.2 and newer. Raises BadAuthority.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except ssl.SSLError as error:
        raise BadAuthority(
            f"{ca_file} holds no certificate that can be used ({error.reason or 'not PEM'}): asterisk.ca_file is a PEM "
            "file with the certificate of the authority that signed Asterisk's."
        ) from None
    except OSError as error:
        raise BadAuthority(f"{ca_file} cannot be read ({error.strerror}): correct asterisk.ca_file.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def advice(error: BaseException, setting: str, without: str) -> str:
    """What to do about a handshake that failed; empty when it was something else. `setting` names the host that was
    asked for, `without` how to ask for no TLS."""
    found: BaseException | None = (
        error if isinstance(error, ssl.SSLError) else getattr(error, "certificate_error", None)
    )
    found = found or getattr(error, "os_error", None)
    if isinstance(found, ssl.SSLCertVerificationError):
        return (
            "Its certificate is not believed: asterisk.ca_file must hold the authority that signed it, and "
            f"{setting} the name it was made out to."
        )
    if isinstance(found, ssl.SSLError):
        return f"What is there does not speak our TLS: correct the port, or {without}."
    return ""


def is_loopback(host: str) -> bool:
    """Whether what is sent there never leaves this machine. Names are not looked up: only `localhost` counts."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")
