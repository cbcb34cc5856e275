"""An Asterisk that is its own telephones: what it dials through SIP comes back to itself and is answered.

No other program is needed, so that a test of the two connections tests them and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from pbx_bridge.asterisk.ami import Ami, AmiEvent
from pbx_bridge.asterisk.ari import Ari
from pbx_bridge.asterisk.ari_models import AriEvent
from workshop.server import AsteriskServer

APP = "pb-loop"
# Endpoints that we dial, by what the far side does.
PHONES = ("answers", "rings", "busy")

DIALPLAN = f"""
[ours]
exten => stasis,1,Stasis({APP},one,два)
 same => n,UserEvent(Left,Status: ${{STASISSTATUS}})
 same => n,Wait(30)
exten => plain,1,UserEvent(Plain,Слово: привет)
 same => n,Wait(30)
exten => remembered,1,Set(DB(pb-loop/1/a.b-1)=значение: 1)
 same => n,Set(DB(pb-loop/1/имя)=)
 same => n,Set(DB(pb-loop/12/c)=3)
 same => n,UserEvent(Remembered)
 same => n,Wait(30)
exten => queue,1,Queue(support)
 same => n,UserEvent(Left,Status: ${{QUEUESTATUS}})
 same => n,Hangup()
exten => nobody,1,Queue(night)

[theirs]
exten => answers,1,Answer()
 same => n,Wait(30)
exten => rings,1,Ringing()
 same => n,Wait(30)
exten => busy,1,Hangup(17)

[agents]
exten => anna,1,Answer()
 same => n,Wait(30)
"""

QUEUES = """
[general]
[support]
strategy = rrmemory
ringinuse = no
member => Local/anna@agents/n,0,Анна Ёлкина
[night]
strategy = ringall
joinempty = yes
"""


def pjsip(port: int) -> str:
    """Endpoints that lead back here, and one that takes what comes. `moh_passthrough` sends hold as SIP does."""
    text = '#include "pjsip_transports.conf"\n'
    for name in (*PHONES, "theirs"):
        text += f"[{name}]\ntype=endpoint\ncontext=theirs\nallow=!all,alaw\nmoh_passthrough=yes\naors={name}\n"
    for name in PHONES:
        text += f"[{name}]\ntype=aor\ncontact=sip:{name}@127.0.0.1:{port}\n"
    return text + "[theirs]\ntype=identify\nendpoint=theirs\nmatch=127.0.0.1\n"


@asynccontextmanager
async def listening(ari: Ari) -> AsyncIterator[AsyncIterator[AriEvent]]:
    """A line on which all our phones, and what they call, are followed."""
    async with ari.listen() as events:
        for each in (*PHONES, "theirs"):
            await ari.follow(each)
        yield events


def unfiltered(server: AsteriskServer) -> str:
    """The manager.conf that is shipped, without the event filters: these tests also ask for what nobody else does."""
    server.write_conf()
    lines = (server.etc / "manager.conf").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("eventfilter"))


async def start(server: AsteriskServer, *, filtered: bool = False) -> AsteriskServer:
    """Give a server that is not started yet this configuration, and start it."""
    server.extra |= {
        "extensions.conf": DIALPLAN,
        "queues.conf": QUEUES,
        "pjsip.conf": pjsip(server.ports.sip),
    }
    if not filtered:
        server.extra["manager.conf"] = unfiltered(server)
    await server.start()
    return server


def ari(server: AsteriskServer, **options: Any) -> Ari:
    """Ours, for this server; close it."""
    return Ari(f"http://127.0.0.1:{server.ports.http}", server.ari_user, server.ari_password, APP, **options)


def ami(server: AsteriskServer, **options: Any) -> Ami:
    """Ours, for this server."""
    return Ami("127.0.0.1", server.ports.ami, server.ami_user, server.ami_password, **options)


async def dial(connection: Ari, channel_id: str, phone: str, extension: str) -> None:
    """Ring one of the PHONES with our id; who answers goes to `extension` of [ours]."""
    await connection.originate(
        channel_id, f"PJSIP/{phone}", context="ours", extension=extension, timeout_s=10, variables={"PB_NAME": "Ёж"}
    )


async def both_entered(events: AsyncIterator[AmiEvent]) -> None:
    """Returns when a bridge has two channels; `events` must bring BridgeEnter."""
    async with asyncio.timeout(10):
        while (await anext(events))["BridgeNumChannels"] != "2":
            pass


@contextmanager
def frozen(server: AsteriskServer) -> Iterator[None]:
    """As if the machine had been unplugged: its connections stay, and nobody answers."""
    os.kill(server.pid, signal.SIGSTOP)
    # A signal is not instant: this returns when the last thread stands still.
    os.waitid(os.P_PID, server.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGCONT)
