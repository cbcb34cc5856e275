"""The workshop's telephones: they do what they are told, and measure what they hear.

First they call each other directly, then with an Asterisk between.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.real.conftest import MakeAsterisk
from workshop.phone import Phone, PhoneError
from workshop.phone_link import TREE
from workshop.server import AsteriskServer
from workshop.trunk import Trunk

if TYPE_CHECKING:  # pytest wants to be the first to import a plugin
    from tests.phones_plugin import MakePhone

pytest_plugins = ("tests.phones_plugin",)


async def talking(caller: Phone, callee: Phone, uri: str = "") -> None:
    """They have each other on the line. Answered is not enough: Asterisk bridges the two a moment later."""
    await caller.call(uri or callee.address)
    await asyncio.gather(caller.talks(), callee.talks())
    await asyncio.gather(caller.hears(callee.tone_hz), callee.hears(caller.tone_hz))


async def test_two_phones_hear_each_other_and_only_each_other(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob")
    await talking(ann, bob)
    assert (await ann.heard()).hz == pytest.approx(bob.tone_hz, abs=2)
    assert (await bob.heard()).hz == pytest.approx(ann.tone_hz, abs=2)
    assert (await bob.heard()).level_dbfs == pytest.approx(-15, abs=2)


async def test_a_phone_rings_until_it_is_told(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob", behaviour="ring")
    await ann.call(bob.address)
    assert (await bob.rings()).number == "ann"
    await ann.rings_there()
    assert [call.answered for call in bob.calls] == [None]
    await bob.answer()
    await ann.talks()
    await ann.hang_up()
    assert (await bob.ended()).how == "hung up there"
    assert (await ann.ended()).how == "hung up here"


@pytest.mark.parametrize("code", [403, 480, 486, 603])
async def test_a_ringing_phone_declines_with_the_code_it_is_given(phones: MakePhone, code: int) -> None:
    ann, bob = await phones("ann"), await phones("bob", behaviour="ring")
    await ann.call(bob.address)
    await bob.rings()
    await bob.decline(code)
    assert (await ann.ended()).code == code
    assert (await bob.ended()).how == f"declined {code}"


@pytest.mark.parametrize(("behaviour", "code"), [("busy", 486), ("decline", 603)])
async def test_a_phone_refuses_by_itself_time_and_again(phones: MakePhone, behaviour: str, code: int) -> None:
    ann, bob = await phones("ann"), await phones("bob", behaviour=behaviour)
    for _ in range(5):
        await ann.call(bob.address)
        assert (await ann.ended()).code == code
    assert bob.rung_count == 5


async def test_a_caller_who_gives_up_is_seen_by_the_phone(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob", behaviour="ring")
    await ann.call(bob.address)
    await bob.rings()
    await ann.hang_up()
    assert (await bob.ended()).how == "cancelled there"


async def test_behaviour_can_change_between_calls(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob", behaviour="busy")
    await ann.call(bob.address)
    assert (await ann.ended()).code == 486
    await bob.set_behaviour("answer", answer_after_s=0.2)
    await ann.call(bob.address)
    call = await ann.talks()
    assert call.answered is not None
    assert call.rang is not None
    assert call.answered - call.rang >= 0.2


async def test_hold_is_silence_on_both_sides_until_it_ends(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob")
    await talking(ann, bob)
    await bob.hold()
    await ann.is_held()
    await asyncio.gather(ann.hears_nothing(), bob.hears_nothing())
    await bob.unhold()
    await ann.is_held(False)
    await asyncio.gather(ann.hears(bob.tone_hz), bob.hears(ann.tone_hz))


async def test_keys_arrive_in_order(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob")
    await talking(ann, bob)
    await ann.dtmf("09*#")
    await bob.receives_digits("09*#")


async def test_a_transfer_connects_the_other_side_to_a_third_phone(phones: MakePhone) -> None:
    ann, bob, cid = await phones("ann"), await phones("bob"), await phones("cid")
    await talking(ann, bob)
    await bob.transfer(cid.address)
    assert (await bob.ended()).how == "transferred"
    await cid.talks()
    await asyncio.gather(ann.hears(cid.tone_hz), cid.hears(ann.tone_hz))


async def test_a_catchall_phone_takes_calls_for_any_number(phones: MakePhone) -> None:
    ann, citizen = await phones("ann"), await phones("citizen", catchall=True)
    for number in ("+79161234567", "88001002030"):
        await talking(ann, citizen, f"sip:{number}@127.0.0.1:{citizen.port}")
        await ann.hang_up()
        assert (await citizen.ended()).dialled == number


async def test_a_phone_with_one_line_does_not_ring_twice(phones: MakePhone) -> None:
    ann, eve = await phones("ann"), await phones("eve")
    bob = await phones("bob", lines=1)
    await talking(ann, bob)
    await eve.call(bob.address)
    assert (await eve.ended()).code == 486
    assert bob.rung_count == 1


async def test_what_does_not_happen_is_told_with_what_did(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob", behaviour="busy")
    await ann.call(bob.address)
    await ann.ended()
    with pytest.raises(PhoneError, match=r"ann was expected to talk within 0\.1 s.*to bob: 486 Busy Here"):
        await ann.talks(within_s=0.1)
    with pytest.raises(PhoneError, match="no ringing call"):
        await bob.answer()


async def test_a_wrong_tone_is_told_with_the_one_heard(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob", tone_hz=610)
    await talking(ann, bob)
    with pytest.raises(PhoneError, match=r"1000 Hz not heard within .* but 610 Hz"):
        await ann.hears(1000, within_s=0.2)


async def test_a_phone_that_vanishes_says_no_goodbye(phones: MakePhone) -> None:
    ann, bob = await phones("ann"), await phones("bob")
    await talking(ann, bob)
    await bob.vanish()
    await ann.hears_nothing()
    assert [call.how for call in ann.live_calls] == [""]
    with pytest.raises(PhoneError, match="switched off"):
        await bob.hang_up()


def test_a_phone_dies_with_its_parent() -> None:
    """The parent is killed with SIGKILL, so nothing of Python can clean up."""
    script = """
import asyncio, signal
from workshop.phone import Phone

async def main():
    phone = Phone("ann")
    await phone.start()
    print(phone.pid, flush=True)
    signal.pause()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=TREE) as parent:
        assert parent.stdout is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    assert select.select([handle], [], [], 5)[0]
    os.close(handle)


# With an Asterisk between.

PHONE = """
[{name}](phone)
context = from-test
callerid = "Оператор {name}" <+7495000{name}>
auth = {name}
aors = {name}
[{name}](login)
username = {name}
password = secret-of-{name}
[{name}](place)
"""
OPERATOR = """
[operator](trunk)
aors = operator
[operator](place)
contact = sip:127.0.0.1:{port}
; The first OPTIONS to a contact that does not register goes out at a random time within this.
qualify_frequency = 1
"""
DIALPLAN = """
[from-test]
exten => _[a-z].,1,Dial(PJSIP/${EXTEN},20)
exten => _+X.,1,Dial(PJSIP/${EXTEN}@operator,20)
exten => 100,1,Answer()
 same => n,Read(KEYS,,4,,,5)
 same => n,Dial(PJSIP/${IF($["${KEYS}" = "2468"]?bob:nobody)},20)
"""


@pytest.fixture
async def exchange(make_asterisk: MakeAsterisk, trunk: Trunk) -> AsteriskServer:
    """An Asterisk that knows ann, bob and cid, connects whoever they dial, and reaches numbers by the trunk."""
    people = "".join(PHONE.format(name=name) for name in ("ann", "bob", "cid"))
    server = make_asterisk(
        extra={
            "pjsip.d/test.conf": people + OPERATOR.format(port=trunk.port),
            "dialplan/test.conf": DIALPLAN,
        }
    )
    await server.start()
    return server


def member(server: AsteriskServer, name: str) -> dict[str, str]:
    """How the phone of this name reaches the exchange."""
    return {"name": name, "password": f"secret-of-{name}", "registrar": f"127.0.0.1:{server.ports.sip}"}


async def test_phones_register_and_talk_through_asterisk(exchange: AsteriskServer, phones: MakePhone) -> None:
    ann, bob = await phones(**member(exchange, "ann")), await phones(**member(exchange, "bob"))
    assert "sip:bob" in await exchange.cli("pjsip show contacts")
    await talking(ann, bob, "bob")
    assert [(call.name, call.number) for call in bob.calls] == [("Оператор ann", "+7495000ann")]
    await bob.hang_up()
    assert (await ann.ended()).how == "hung up there"


async def test_a_wrong_password_is_told(exchange: AsteriskServer) -> None:
    phone = Phone("ann", password="wrong", registrar=f"127.0.0.1:{exchange.ports.sip}")
    with pytest.raises(PhoneError, match="ann was expected to switch on, but registration failed: 401"):
        await phone.start()


async def test_a_phone_that_stops_is_forgotten(exchange: AsteriskServer, phones: MakePhone) -> None:
    bob = await phones(**member(exchange, "bob"))
    await bob.stop()
    assert "sip:bob" not in await exchange.cli("pjsip show contacts")


async def test_hold_through_asterisk_plays_music_to_the_other_side(exchange: AsteriskServer, phones: MakePhone) -> None:
    ann, bob = await phones(**member(exchange, "ann")), await phones(**member(exchange, "bob"))
    await talking(ann, bob, "bob")
    await bob.hold()
    await asyncio.gather(ann.hears_nothing(), bob.hears_nothing())
    await ann.hears_sound()
    await bob.unhold()
    await asyncio.gather(ann.hears(bob.tone_hz), bob.hears(ann.tone_hz))


async def test_a_transfer_through_asterisk_reaches_the_third_phone(exchange: AsteriskServer, phones: MakePhone) -> None:
    ann, bob = await phones(**member(exchange, "ann")), await phones(**member(exchange, "bob"))
    cid = await phones(**member(exchange, "cid"))
    await talking(ann, bob, "bob")
    await bob.transfer("cid")
    await cid.talks()
    await asyncio.gather(ann.hears(cid.tone_hz), cid.hears(ann.tone_hz))


async def test_asterisk_understands_the_keys(exchange: AsteriskServer, phones: MakePhone) -> None:
    ann, bob = await phones(**member(exchange, "ann")), await phones(**member(exchange, "bob"))
    await ann.call("100")
    await ann.talks()
    await ann.dtmf("2468")
    await bob.rings()


@pytest.mark.parametrize("number", ["+79000000486", "+79000000603", "+79000000503"])
async def test_a_refused_number_is_tried_once(
    exchange: AsteriskServer, phones: MakePhone, trunk: Trunk, number: str
) -> None:
    ann = await phones(**member(exchange, "ann"))
    await ann.call(number)
    await ann.ended()
    assert len(await trunk.invites(number)) == 1


async def test_a_citizen_behind_the_trunk_talks_to_an_agent(make_asterisk: MakeAsterisk, phones: MakePhone) -> None:
    citizen = await phones("citizen", catchall=True, behaviour="ring")
    extra = PHONE.format(name="ann") + OPERATOR.format(port=citizen.port)
    server = make_asterisk(extra={"pjsip.d/test.conf": extra, "dialplan/test.conf": DIALPLAN})
    await server.start()
    ann = await phones(**member(server, "ann"))
    await ann.call("+79161234567")
    assert (await citizen.rings()).dialled == "+79161234567"
    await citizen.answer()
    await asyncio.gather(ann.talks(), citizen.talks())
    await asyncio.gather(ann.hears(citizen.tone_hz), citizen.hears(ann.tone_hz))
    await citizen.hang_up()
    assert (await ann.ended()).how == "hung up there"


async def test_asterisk_finds_the_trunk_and_the_phone_reachable(
    exchange: AsteriskServer, phones: MakePhone, trunk: Trunk
) -> None:
    """Both answer Asterisk's OPTIONS."""
    ann = await phones(**member(exchange, "ann"))
    async with asyncio.timeout(5):
        for contact in (f"operator/sip:127.0.0.1:{trunk.port}", f"ann/sip:ann@127.0.0.1:{ann.port}"):
            while not re.search(re.escape(contact) + r"\s+\S+\s+Avail", await exchange.cli("pjsip show contacts")):
                pass  # asking is the wait
