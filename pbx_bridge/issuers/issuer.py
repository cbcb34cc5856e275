"""An issuer as the operator describes it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Issuer:
    """Its tokens are checked by the keys at `jwks_url`, or asked about at `introspection_url`, or both: then both must
    agree. `audience` is what they must be for. Where the claim `<phone_claim>_verified` is true, `phone_claim` is a
    number that may be believed. Times are seconds. Raises ValueError with a sentence for what cannot be safe."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256",)
    jwks_url: str = ""
    introspection_url: str = ""
    introspection_client: str = ""
    introspection_secret: str = field(default="", repr=False)
    introspection_cache_s: int = 30
    leeway_s: int = 30
    subject_claim: str = "sub"
    phone_claim: str = "phone_number"
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what would be asked in clear over a network, or not at all."""
        if not self.jwks_url and not self.introspection_url:
            raise ValueError(f"the issuer {self.issuer} needs jwks_url, introspection_url or both")
        for url in (self.jwks_url, self.introspection_url):
            if url and not _is_safe(url):
                raise ValueError(f"the URLs of the issuer {self.issuer} must begin with https:// (or name this host)")


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_host(host))


def _is_this_host(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
