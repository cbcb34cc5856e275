"""Where the service may go when somebody else names the place: the open Internet, and what the operator allows.

Pure: texts and addresses in, a verdict out. What a name resolves to is looked at where it is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: A host whose last part is a number: what resolves it reads `127.1` and `0x7f.1` as addresses (WHATWG URL, 4.4).
_SHORTHAND = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)$")
#: Global unicast (RFC 4291, 2.4). Outside of it there are ways to write an IPv4 address, such as 64:ff9b::/96.
_UNICAST = ip_network("2000::/3")


@dataclass(frozen=True, slots=True)
class Reach:
    """What the operator allows beside the open Internet: `networks` of their own, and `plain` http."""

    networks: tuple[Network, ...] = ()
    plain: bool = False

    def allows(self, address: Address) -> bool:
        """Whether a connection to this address may be made."""
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return _is_public(address) or any((mapped or address) in network for network in self.networks)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address not in _UNICAST or address.sixtofour or address.teredo):
        return False
    return address.is_global and not address.is_multicast


def fault_of(url: str, reach: Reach) -> str | None:
    """Why a URL cannot be a program's address, as far as its text tells; None when it can."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be written in printable ASCII without blanks"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be a URL"
    schemes = ("https", "http") if reach.plain else ("https",)
    if parts.scheme not in schemes or not host or parts.username or parts.password or parts.fragment:
        return "must be an https URL without user, password or fragment"
    return fault_of_host(host, reach)


def fault_of_host(host: str, reach: Reach) -> str | None:
    """Why a host cannot be in a program's address; None when it can."""
    host = host.lower().rstrip(".")  # the root may be written, and changes nothing
    try:
        address = ip_address(host)
    except ValueError:
        return _fault_of_name(host, reach)
    return None if reach.allows(address) else "must not be a private, loopback or reserved address"


def _fault_of_name(name: str, reach: Reach) -> str | None:
    if _SHORTHAND.search(name):
        return "must not be an address in another form than 203.0.113.5 or [2001:db8::5]"
    own = name == "localhost" or "." not in name or name.endswith((".localhost", ".internal", ".local"))
    if own and not reach.networks:
        return "must not name a machine of the operator's own network"
    return None


def host_of(url: str) -> str:
    """The host of a URL in the form in which hosts are compared; "" where there is none."""
    return (urlsplit(url).hostname or "").rstrip(".")


def is_among(url: str, hosts: Iterable[str]) -> bool:
    """Whether the URL's host is one of these."""
    return host_of(url) in {each.lower().rstrip(".") for each in hosts}
