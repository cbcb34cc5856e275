"""Ports: nobody gets the same ones, and they come back."""

from __future__ import annotations

import socket

import pytest

from workshop import ports


def all_of(claimed: ports.Ports) -> set[int]:
    named = {claimed.http, claimed.https, claimed.ami, claimed.sip}
    return named | set(claimed.spare) | set(range(claimed.rtp[0], claimed.rtp[1] + 1))


def test_two_claims_never_share_a_port() -> None:
    one, two = ports.claim(), ports.claim(rtp_ports=2000)
    assert all_of(one).isdisjoint(all_of(two))
    assert len(all_of(two)) == 4 + 90 + 2000
    one.release()
    two.release()


def test_released_ports_are_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # One block that no other test asks for: elsewhere a neighbour could take what was released.
    monkeypatch.setattr(ports, "FIRST", ports.LAST + 1)
    monkeypatch.setattr(ports, "LAST", ports.LAST + ports.BLOCK)
    one = ports.claim()
    with pytest.raises(ports.NoPorts):
        ports.claim()
    one.release()
    two = ports.claim()
    assert two == one
    two.release()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_block_with_a_stranger_in_it_is_skipped(kind: socket.SocketKind) -> None:
    free = ports.claim()
    with socket.socket(socket.AF_INET, kind) as stranger:
        stranger.bind(("127.0.0.1", free.ami))
        if kind == socket.SOCK_STREAM:
            stranger.listen()
        # Only now: a neighbour who takes the block between the two would be there before the stranger.
        free.release()
        claimed = ports.claim()
    assert free.ami not in all_of(claimed)
    claimed.release()


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(ports.NoPorts, match="free ports in a row"):
        ports.claim(rtp_ports=30_000)
