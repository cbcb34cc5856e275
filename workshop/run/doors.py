"""The ports that people meet: they stay the same from run to run, and a taken one is told, never stolen.

Media and the simulated operator take theirs from a block of workshop/ports.py, where nobody looks.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from workshop.run.errors import RunFailed
from workshop.run.options import USUAL_PORTS

HOST = "127.0.0.1"
MEANING = {
    "HTTP_PORT": "the service's HTTP API",
    "ARI_PORT": "Asterisk's ARI",
    "AMI_PORT": "Asterisk's AMI",
    "SIP_PORT": "Asterisk's SIP",
}
#: How many ports above the usual one are tried.
NEXT = 50
#: After a run that was killed, the kernel may need a moment to take its children along.
PATIENCE_S = 3.0


@dataclass(frozen=True)
class Doors:
    """Where each is; `remarks` are sentences about those that had to move."""

    http: int
    ari: int
    ami: int
    sip: int
    remarks: tuple[str, ...] = ()


def choose(named: Mapping[str, int], kept: Mapping[str, int], *, after_a_crash: bool = False) -> Doors:
    """A free port for each: as named, else as kept from the last run, else the usual one, else one above it.

    Raises RunFailed when a named one is taken, or all are.
    """
    chosen: dict[str, int] = {}
    remarks: list[str] = []
    patience = PATIENCE_S if after_a_crash else 0.0
    for name, usual in USUAL_PORTS.items():
        wanted = named.get(name) or kept.get(name) or usual
        taken = set(chosen.values()) | (set(named.values()) - {wanted})
        if wanted not in taken and _becomes_free(wanted, patience):
            chosen[name] = wanted
            continue
        if name in named:
            raise RunFailed(
                f"Port {wanted}, which {name} names for {MEANING[name]}, is taken. `ss -lntup` shows by whom: "
                f"stop that program, or choose another port."
            )
        chosen[name] = _next_free(name, wanted, taken)
        remarks.append(
            f"Port {wanted} is taken by another program, so {MEANING[name]} is on {chosen[name]}; "
            f"`make run {name}=…` chooses another."
        )
    http, ari, ami, sip = chosen.values()
    return Doors(http, ari, ami, sip, tuple(remarks))


def _next_free(name: str, wanted: int, taken: set[int]) -> int:
    for port in range(wanted + 1, min(wanted + NEXT, 65_535) + 1):
        if port not in taken and is_free(port):
            return port
    raise RunFailed(f"No port from {wanted} to {wanted + NEXT} is free for {MEANING[name]}: choose one, {name}=…")


def _becomes_free(port: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not is_free(port):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def is_free(port: int) -> bool:
    """Whether TCP and UDP could listen there."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # As servers do it: connections of the last run that are only dying do not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True
