"""The workshop's trunk: each of its numbers behaves as it says, and it counts who called.

The caller is a telephone without any Asterisk, so the SIP codes are the trunk's own.
"""

from __future__ import annotations

import os
import select
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workshop.phone import PhoneError
from workshop.prefix import Prefix
from workshop.trunk import SANDBOX, Agents, Trunk, TrunkError

if TYPE_CHECKING:  # pytest wants to be the first to import a plugin
    from tests.phones_plugin import MakePhone

pytest_plugins = ("tests.phones_plugin",)

REFUSALS = [(number, int(number[-3:])) for number in SANDBOX if int(number[-3:]) >= 300]


@pytest.mark.parametrize(("number", "code"), REFUSALS)
async def test_each_refusing_number_gives_its_code(phones: MakePhone, trunk: Trunk, number: str, code: int) -> None:
    ann = await phones("ann")
    await ann.call(f"sip:{number}@127.0.0.1:{trunk.port}")
    assert (await ann.ended()).code == code
    assert [each.number for each in await trunk.invites()] == [number]


async def test_the_ringing_number_rings_until_the_caller_gives_up(phones: MakePhone, trunk: Trunk) -> None:
    ann = await phones("ann")
    await ann.call(f"sip:+79000000180@127.0.0.1:{trunk.port}")
    await ann.rings_there()
    await ann.hang_up()
    assert (await trunk.is_left("+79000000180")).facts == ("CANCEL",)


@pytest.mark.parametrize("number", ["+79000000100", "+79000000000"])
async def test_a_silent_number_never_rings(phones: MakePhone, trunk: Trunk, number: str) -> None:
    ann = await phones("ann")
    await ann.call(f"sip:{number}@127.0.0.1:{trunk.port}")
    await trunk.is_called(number)
    with pytest.raises(PhoneError, match="expected to hear it ring"):
        await ann.rings_there(within_s=1.2)  # two retransmissions of the INVITE
    assert len(await trunk.invites(number)) == 1


async def test_an_answering_number_returns_the_callers_voice(phones: MakePhone, trunk: Trunk) -> None:
    ann = await phones("ann")
    await ann.call(f"sip:+79000000200@127.0.0.1:{trunk.port}")
    call = await ann.talks()
    await ann.hears(ann.tone_hz)
    await ann.hold()
    await ann.unhold()
    await ann.hears(ann.tone_hz)
    await ann.hang_up()
    assert (await trunk.is_left()).facts == ("ACK", "BYE")
    assert call.answered is not None
    assert call.rang is not None
    assert call.answered - call.rang > 0.04


async def test_any_other_number_rings_for_a_second(phones: MakePhone, trunk: Trunk) -> None:
    ann = await phones("ann")
    await ann.call(f"sip:+79261112233@127.0.0.1:{trunk.port}")
    call = await ann.talks()
    assert call.answered is not None
    assert call.rang is not None
    assert call.answered - call.rang > 0.95


async def test_one_number_hangs_up_after_ten_seconds(phones: MakePhone, trunk: Trunk) -> None:
    ann = await phones("ann")
    await ann.call(f"sip:+79000000210@127.0.0.1:{trunk.port}")
    await ann.talks()
    call = await ann.ended(within_s=13)
    assert call.how == "hung up there"
    assert call.ended is not None
    assert call.answered is not None
    assert call.ended - call.answered > 9.5
    assert (await trunk.is_left()).facts == ("ACK", "HANGUP")


async def test_many_calls_at_once_do_not_confuse_the_trunk(phones: MakePhone, trunk: Trunk) -> None:
    ann = await phones("ann")
    for number, _ in REFUSALS * 5:
        await ann.call(f"sip:{number}@127.0.0.1:{trunk.port}")
    for _ in REFUSALS * 5:
        call = await ann.ended()
        assert f"+79000000{call.code}" == call.dialled
    assert len(await trunk.invites()) == len(REFUSALS * 5)


STRAYS = [
    b"\0\1\2 no SIP at all",
    b"\r\n\r\n",
    b"SIP/2.0 200 OK\r\nCall-ID: nobody\r\nCSeq: 1 INVITE\r\n\r\n",
    *(
        f"{method} sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{method}\r\n"
        f"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>;tag=2\r\nCall-ID: stray-{method}\r\n"
        f"CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n".encode()
        for method in ("ACK", "BYE", "CANCEL", "INFO", "UPDATE", "MESSAGE", "NOTIFY", "PUBLISH")
    ),
]


async def test_strays_do_not_harm_the_trunk(phones: MakePhone, trunk: Trunk) -> None:
    ann = await phones("ann")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for stray in STRAYS:
            stranger.sendto(stray, ("127.0.0.1", trunk.port))
    await ann.call(f"sip:+79000000486@127.0.0.1:{trunk.port}")
    assert (await ann.ended()).code == 486
    assert trunk.running
    assert len(await trunk.invites()) == 1


async def test_a_number_nobody_called_is_told_with_those_called(trunk: Trunk) -> None:
    with pytest.raises(TrunkError, match=r"\+79000000486 was to be called .* Calls so far: none"):
        await trunk.is_called("+79000000486", within_s=0.1)


async def test_two_trunks_at_once_share_nothing(phones: MakePhone, prefix: Prefix, tmp_path: Path) -> None:
    ann = await phones("ann")
    async with Trunk(prefix, tmp_path / "one") as one, Trunk(prefix, tmp_path / "two") as two:
        for each in (one, two):
            await ann.call(f"sip:+79000000200@127.0.0.1:{each.port}")
            call = await ann.talks()
            await ann.hears(ann.tone_hz, call=call)
        assert len(await one.invites()) == len(await two.invites()) == 1


async def test_a_stopped_trunk_leaves_no_process(prefix: Prefix, tmp_path: Path) -> None:
    trunk = Trunk(prefix, tmp_path / "trunk")
    await trunk.start()
    assert trunk.pid is not None
    handle = os.pidfd_open(trunk.pid)
    await trunk.stop()
    assert select.select([handle], [], [], 0)[0]
    os.close(handle)


async def test_agents_answer_and_hang_up_as_told(phones: MakePhone, prefix: Prefix, tmp_path: Path) -> None:
    ann = await phones("ann")
    async with Agents(prefix, tmp_path, answer_after_ms=100, talk_ms=300) as agents:
        for number in (1, 2):
            await ann.call(agents.contact(number))
            call = await ann.talks()
            assert (await ann.ended()).how == "hung up there"
            assert call.answered is not None
            assert call.rang is not None
            assert call.ended is not None
            assert call.answered - call.rang > 0.09
            assert call.ended - call.answered > 0.25
        assert [each.number for each in await agents.invites()] == ["agent1", "agent2"]
