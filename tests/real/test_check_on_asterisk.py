"""What `check` reads out of Asterisk's files is what a real Asterisk makes of them."""

from __future__ import annotations

from datetime import date

import pytest

from pbx_bridge.check import Places, check_folder
from pbx_bridge.check_asterisk_conf import read_conf
from pbx_bridge.check_members import Member, members_of
from pbx_bridge.check_queues import queues_of, strategy_of
from tests.directory.files import SHIPPED, TREE
from tests.real import loop
from tests.real.conftest import MakeAsterisk
from workshop.server import AsteriskServer

#: Everything at once: templates of templates, sections gone on with, comments over lines, an include of an include.
QUEUES = """
[night](!,desk)
strategy = fewestcalls ; not the desk's
member => PJSIP/ann,1,Anna
[free](!)
strategy = leastrecent
wrapuptime = 3
[third](free)
wrapuptime = 4
[first](night)
member => PJSIP/bob
;-- [commented](desk)
member => PJSIP/nobody --;
[support](+)
strategy = random
[second](night)
#include "queues.d/more.inc"
strategy = linear
"""
MORE = "strategy => ringall\nmember=PJSIP/carl,2,Carl,PJSIP/carl\n"
PHONES = """
[plain](!)
type = endpoint
[ann](plain)
aors = ann
[ann]
type = aor
[bob](plain,agent)
aors = bob
[bob](place)
"""


@pytest.fixture
async def asterisk(make_asterisk: MakeAsterisk) -> AsteriskServer:
    files = {"queues.d/x.conf": QUEUES, "queues.d/more.inc": MORE, "pjsip.d/x.conf": PHONES}
    server = make_asterisk(extra=files)
    await server.start()
    return server


async def test_queues_their_strategies_and_members_are_those_of_asterisk(asterisk: AsteriskServer) -> None:
    read = queues_of(read_conf(asterisk.etc, "queues.conf"))
    ami = loop.ami(asterisk)
    async with ami.listen():
        real = (await ami.queue_status()).queues
    assert {name: strategy_of(each) for name, each in read.items()} == {
        name: each.strategy for name, each in real.items()
    }
    assert {name: sorted(_shown(each) for each in members_of(section)) for name, section in read.items()} == {
        name: sorted((each.name, each.interface) for each in queue.members) for name, queue in real.items()
    }


def _shown(member: Member) -> tuple[str, str]:
    # Without a name a member is called by its interface.
    interface = f"PJSIP/{member.endpoint}"
    return (interface if member.name == member.endpoint else member.name), interface


async def test_endpoints_are_those_of_asterisk(asterisk: AsteriskServer) -> None:
    read = read_conf(asterisk.etc, "pjsip.conf").alive()
    ari = loop.ari(asterisk)
    try:
        real = {each["resource"] for each in await ari.endpoints("PJSIP")}
    finally:
        await ari.close()
    assert {each.name for each in read if each.get("type") == "endpoint"} == real >= {"ann", "bob"}


async def test_the_shipped_services_fit_what_runs(make_asterisk: MakeAsterisk) -> None:
    server = make_asterisk()
    await server.start()
    places = Places(server.etc, TREE / "prompts")
    assert {each.verdict for each in check_folder(SHIPPED, places, date(2026, 6, 1))} == {"ok"}
