"""Ports that belong to one server, whatever else runs on this machine.

Asking the kernel for a free port and closing it again is a race when tests run side by side, and RTP needs
hundreds in a row. So ports come in blocks, and a block is held by a socket in Linux's abstract namespace:
it has the same reach as the ports themselves (the network namespace) and vanishes with its process.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

FIRST, LAST = 10_000, 31_999  # below Linux's ephemeral ports, which start at 32,768
BLOCK = 500
HOST = "127.0.0.1"


class NoPorts(Exception):
    """Every block of ports is taken."""


@dataclass(frozen=True)
class Ports:
    """The ports of one Asterisk on 127.0.0.1. `rtp` is (first, last), both included."""

    http: int
    https: int
    ami: int
    sip: int
    # AMI and SIP over TLS.
    amis: int
    sips: int
    rtp: tuple[int, int]
    # For whatever lives beside it: AGI, the portal, sipp agents and their media.
    spare: range = range(0)
    _held: tuple[socket.socket, ...] = field(default=(), repr=False, compare=False)

    def release(self) -> None:
        """Give the blocks back; the ports must be closed by then. Harmless when repeated."""
        for each in self._held:
            each.close()


def claim(rtp_ports: int = 400) -> Ports:
    """Ports nobody else has: about 100 for services, then `rtp_ports` (a call's leg takes two).

    Raises NoPorts when no stretch is free.
    """
    blocks = -(-(rtp_ports + 100) // BLOCK)
    for base in range(FIRST, LAST + 2 - blocks * BLOCK, BLOCK):
        held = _hold(base, blocks)
        if held and all(_is_free(port) for port in range(base, base + 6)):
            return Ports(
                http=base,
                https=base + 1,
                ami=base + 2,
                sip=base + 3,
                amis=base + 4,
                sips=base + 5,
                rtp=(base + 100, base + 99 + rtp_ports),
                spare=range(base + 10, base + 100),
                _held=held,
            )
        for each in held:
            each.close()
    raise NoPorts(f"No {blocks * BLOCK} free ports in a row between {FIRST} and {LAST}: stop other test runs.")


def _hold(base: int, blocks: int) -> tuple[socket.socket, ...]:
    """Sockets that mark the blocks as ours, or none when one of them is taken."""
    held: list[socket.socket] = []
    for start in range(base, base + blocks * BLOCK, BLOCK):
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        held.append(mark)
        try:
            mark.bind(f"\0pbx-bridge-ports-{start}")
        except OSError:
            for each in held:
                each.close()
            return ()
    return tuple(held)


def _is_free(port: int) -> bool:
    """Whether both TCP and UDP could listen there: a stranger's program knows nothing of our blocks."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True
