"""The child process of a workshop phone: one baresip, driven by lines of JSON.

baresip's state is global to a process, so each phone is a process of its own; workshop/phone.py starts it.

    stdin    first line: the Setup. Then orders: {"order": 7, "do": "decline", "code": 603}
    stdout   facts:   {"fact": "rang", "call": "4f2…", "number": "+79…", "at": 1234.567}
             replies: {"order": 7, "done": {…}} or {"order": 7, "failed": "why"}

`at` is CLOCK_MONOTONIC, which all processes of a machine share. The end of stdin ends the phone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import socket
import sys
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from baresip import Account, Call, Config, Event, Runtime, StackEvent, UserAgent
from baresip.audio import CallAudio
from baresip.errors import BaresipError, StaleHandleError

from workshop.mortal import die_with_parent
from workshop.phone_decline import decline
from workshop.phone_ear import Ear, NotHeard

LOOPBACK = "127.0.0.1"
# Above the blocks of workshop/ports.py, so that no phone sits on a port an Asterisk is about to take.
RTP_PORTS = "33000-60999"
REFRESH_S = 2.0

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Setup:
    """What the phone is. `registrar` and `listen_port` (0: any) are on the loopback interface."""

    name: str
    user: str
    password: str = ""
    registrar: str = ""
    register: bool = False
    listen_port: int = 0
    catchall: bool = False
    lines: int | None = None
    tone_hz: int = 440
    behaviour: str = "answer"
    answer_after_s: float = 0.0
    codecs: tuple[str, ...] = ("pcma", "pcmu")
    # A file of authorities: TLS to those whom they know.
    believes: str = ""
    # SRTP or no call.
    srtp: bool = False
    sip_trace: bool = False


class OrderFailed(Exception):
    """An order that makes no sense now; the text says why."""


class Line:
    """One call of the phone. `call` is missing for a moment: the stack tells of it before dial() returns."""

    def __init__(self, call_id: str, incoming: bool, call: Call | None = None) -> None:
        self.id = call_id
        self.incoming = incoming
        self.call = call
        self.talking = False
        self.ending = ""

    @property
    def sure(self) -> Call:
        if self.call is None:
            raise OrderFailed(f"call {self.id} is only being set up")
        return self.call


class Device:
    """The phone itself: keeps the lines, says facts, obeys orders (the methods named do_…)."""

    def __init__(self, setup: Setup, say: Say) -> None:
        self.setup = setup
        self._say = say
        self._behaviour, self._answer_after_s = setup.behaviour, setup.answer_after_s
        self._runtime = Runtime()
        self._lines: dict[int, Line] = {}  # by baresip's handle, in order of arrival
        self._dialled: dict[int, str] = {}  # call ids, kept for dial(), which may return after the end
        self._tasks: set[asyncio.Task[None]] = set()
        self._agent: UserAgent | None = None

    async def power_on(self) -> int:
        """Start the stack, register if asked to; the UDP port it listens on."""
        # baresip makes a folder, keeps nothing in it, and leaves it behind when it is killed.
        with tempfile.TemporaryDirectory(prefix="phone-") as tempfile.tempdir:
            await self._runtime.start(self._config())
        port = _udp_port()
        self._runtime.subscribe(self._on_event)
        self._agent = await UserAgent.create(self._runtime, self._account(), transfer_policy="auto")
        self._agent.on_incoming(self._on_incoming)
        self._agent.on_transfer_call(self._attach)
        if self.setup.register:
            await self._agent.register()
        return port

    async def power_off(self) -> None:
        """Hang up, forget the registration, stop the stack."""
        for line in list(self._lines.values()):
            with contextlib.suppress(BaresipError, OrderFailed):
                await line.sure.hangup()
        if self.setup.register and self._agent is not None:
            with contextlib.suppress(BaresipError):
                await self._agent.unregister(timeout=1.0)
        with contextlib.suppress(BaresipError):
            await self._runtime.close()

    def _config(self) -> Config:
        setup = self.setup
        secure = f"sip_cafile {setup.believes}\nsip_verify_server yes\n" if setup.believes else ""
        return Config(
            net_interface=LOOPBACK,
            audio_source=f"ausine,{setup.tone_hz}",
            audio_player="aumem",
            max_concurrent_calls=setup.lines,
            expose_headers=("From", "To"),
            sip_trace=setup.sip_trace,
            extra_config_text=f"rtp_ports {RTP_PORTS}\nsip_listen {LOOPBACK}:{setup.listen_port}\n{secure}",
        )

    def _account(self) -> Account:
        setup = self.setup
        extra = ["catchall=yes"] if setup.catchall else []
        if setup.srtp:
            extra.append("mediaenc=srtp-mand")
        return Account(
            user=setup.user,
            domain=setup.registrar or LOOPBACK,
            password=setup.password,
            reg_interval=600 if setup.register else 0,
            audio_codecs=setup.codecs,
            transport="tls" if setup.believes else "udp",
            extra_params=tuple(extra),
        )

    # What the stack says.

    def _on_incoming(self, call: Call) -> None:
        self._lines[call.handle] = line = Line(call.call_id or "", True, call)
        caller, called = call.headers.get("From", ""), call.headers.get("To", "")
        self._fact(line, "rang", number=_user(caller), name=_display(caller), dialled=_user(called))
        if self._behaviour != "ring":
            self._spawn(self._behave(line))

    async def _behave(self, line: Line) -> None:
        """What the phone does by itself with a call that rings."""
        if self._answer_after_s:
            await asyncio.sleep(self._answer_after_s)
        with contextlib.suppress(StaleHandleError, OrderFailed):
            if self._behaviour == "answer":
                await line.sure.answer()
            elif self._behaviour in ("busy", "decline"):
                await self.do_decline(line.id, 486 if self._behaviour == "busy" else 603)

    def _on_event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_OUTGOING:
            self._lines[event.call] = Line(event.call_id or "", False)
            self._dialled[event.call] = event.call_id or ""
            number = _user(event.peer or "")
            self._fact(self._lines[event.call], "dialled", number=number, name="", dialled=number)
        elif line := self._lines.get(event.call):
            self._on_line_event(line, event)

    def _on_line_event(self, line: Line, event: StackEvent) -> None:
        if event.event is Event.CALL_CLOSED:
            del self._lines[event.call]
            how = line.ending or _how_it_ended(line, event.text or "")
            self._fact(line, "ended", how=how, code=_code(how))
        elif event.event is Event.CALL_ESTABLISHED:
            line.talking = True
            self._fact(line, "talks")
        elif event.event is Event.CALL_RINGING and not line.incoming:
            self._fact(line, "rings there")
        elif event.event is Event.CALL_DTMF_START:
            self._fact(line, "digit", digit=event.text)
        elif event.event in (Event.CALL_HOLD, Event.CALL_RESUME):
            self._fact(line, "held", held=event.event is Event.CALL_HOLD)

    def _attach(self, call: Call) -> None:
        """Add the call object to a line the stack has told of already, unless it is over already, too."""
        line = self._lines.get(call.handle)
        if line is not None:
            line.call = call

    def _fact(self, line: Line, fact: str, **more: object) -> None:
        self._say({"fact": fact, "call": line.id, "at": time.monotonic(), "incoming": line.incoming, **more})

    # What the parent orders.

    async def do_behave(self, behaviour: str, answer_after_s: float) -> None:
        self._behaviour, self._answer_after_s = behaviour, answer_after_s

    async def do_answer(self, call: str = "") -> None:
        await self._line(call, "ringing").sure.answer()

    async def do_decline(self, call: str = "", code: int = 603) -> None:
        line = self._line(call, "ringing")
        line.ending = f"declined {code}"
        if not await decline(self._runtime, line.id, code):
            raise OrderFailed(f"call {line.id} was over before it could be declined")

    async def do_hang_up(self, call: str = "") -> None:
        line = self._line(call)
        line.ending = "hung up here" if line.talking else "cancelled here"
        await line.sure.hangup()

    async def do_hold(self, call: str = "") -> None:
        await _when_settled(self._line(call, "talking").sure.hold)

    async def do_unhold(self, call: str = "") -> None:
        await _when_settled(self._line(call, "talking").sure.resume)

    async def do_transfer(self, uri: str, call: str = "", within_s: float = 10.0) -> None:
        line = self._line(call, "talking")
        line.ending = "transferred"
        try:
            await line.sure.transfer(self._uri(uri), timeout=within_s)
        except BaresipError:
            line.ending = ""
            raise

    async def do_join(self, call: str, to: str, within_s: float = 10.0) -> None:
        line, other = self._line(call, "talking"), self._line(to, "talking")
        line.ending = other.ending = "transferred"
        await line.sure.attended_transfer(other.sure, timeout=within_s)

    async def do_dtmf(self, digits: str, call: str = "") -> None:
        await self._line(call, "talking").sure.send_dtmf(digits)

    async def do_call(self, uri: str) -> dict[str, Any]:
        if self._agent is None:
            raise OrderFailed("the phone is not switched on")
        call = await self._agent.dial(self._uri(uri))
        self._attach(call)
        return {"call": self._dialled.pop(call.handle)}

    async def do_hears(self, hz: float, within_s: float, call: str = "") -> dict[str, Any]:
        return {"after_s": await self._ear(call).hears(hz, within_s)}

    async def do_hears_sound(self, within_s: float, call: str = "") -> dict[str, Any]:
        return {"after_s": await self._ear(call).hears_sound(within_s)}

    async def do_hears_nothing(self, within_s: float, call: str = "") -> None:
        await self._ear(call).hears_nothing(within_s)

    async def do_heard(self, call: str = "") -> dict[str, Any]:
        heard = await self._ear(call).heard()
        return {"hz": heard.hz, "level_dbfs": heard.level_dbfs}

    async def do_record(self, file: str, within_s: float, call: str = "") -> dict[str, Any]:
        samples, rate = await self._ear(call).record(within_s)
        with wave.open(file, "wb") as written:
            written.setparams((1, samples.itemsize, rate, 0, "NONE", ""))
            written.writeframes(samples.tobytes())
        return {"seconds": len(samples) / rate}

    def _ear(self, call_id: str) -> Ear:
        """An ear for this call, or for the newest one that talks, whichever that is at the time."""

        def source() -> CallAudio | None:
            fits = (each for each in reversed(self._lines.values()) if call_id in ("", each.id))
            return next((each.call.audio for each in fits if each.call and each.talking), None)

        return Ear(source)

    def _line(self, call_id: str, needed: str = "") -> Line:
        """The line with this id, or the newest that rings or talks as needed."""
        for line in reversed(self._lines.values()):
            rings = line.incoming and not line.talking
            fits = not needed or (line.talking if needed == "talking" else rings)
            if fits and call_id in ("", line.id):
                return line
        raise OrderFailed(f"no {needed or 'live'} call{' ' + call_id if call_id else ''} on this phone now")

    def _uri(self, target: str) -> str:
        """A bare number is dialled at the registrar."""
        if target.startswith(("sip:", "sips:")):
            return target
        if not self.setup.registrar:
            raise OrderFailed(f"{target!r} needs a host: this phone has no registrar")
        return f"sip:{target}@{self.setup.registrar}"

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _when_settled(change: Callable[[], Awaitable[None]]) -> None:
    """Hold or unhold, as soon as a re-INVITE under way is done: baresip refuses a second one meanwhile.

    It sends one of its own 0.1 s after each answer, so this is the common case (RFC 3261, 14.1).
    """
    deadline = time.monotonic() + REFRESH_S
    while True:
        try:
            return await change()
        except BaresipError as error:
            if "in flight" not in str(error) or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.01)


def _how_it_ended(line: Line, text: str) -> str:
    """baresip's reason in our words: for every BYE or CANCEL from the other side it says "reset by peer"."""
    if "reset by peer" not in text:
        return text or "ended"
    return "hung up there" if line.talking else "cancelled there"


def _code(how: str) -> int | None:
    found = re.search(r"\b[3-6]\d\d\b", how)
    return int(found[0]) if found else None


def _user(header: str) -> str:
    return found[1] if (found := re.search(r"sips?:([^@>;]+)@", header)) else ""


def _display(header: str) -> str:
    return header.partition("<")[0].strip().strip('"')


def _udp_port() -> int:
    """Where baresip listens: it does not tell, but it is this process's only UDP socket on loopback."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as found:
            if found.family == socket.AF_INET and found.type == socket.SOCK_DGRAM:
                host, port = found.getsockname()
                if host == LOOPBACK:
                    return int(port)
    raise OrderFailed("baresip opened no UDP port on the loopback interface")


def _speaker() -> Say:
    """Writes one line for each message; stdout itself is kept away from everybody else."""
    output = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return lambda message: print(json.dumps(message, ensure_ascii=False), file=output)


async def _obey(device: Device, order: dict[str, Any], say: Say) -> None:
    number = order.pop("order")
    try:
        done = await getattr(device, "do_" + order.pop("do"))(**order)
    except (BaresipError, OrderFailed, NotHeard, ValueError) as error:
        say({"order": number, "failed": str(error) or type(error).__name__})
    else:
        say({"order": number, "done": done or {}})


async def _run(say: Say) -> None:
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    first = json.loads(await orders.readline())
    device = Device(Setup(**{**first, "codecs": tuple(first["codecs"])}), say)
    try:
        say({"fact": "ready", "port": await device.power_on()})
        running: set[asyncio.Task[None]] = set()
        while line := await orders.readline():
            task = loop.create_task(_obey(device, json.loads(line), say))
            running.add(task)
            task.add_done_callback(running.discard)
    except (BaresipError, OrderFailed) as error:
        say({"fact": "failed", "why": str(error)})
    finally:
        await device.power_off()


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to act on
    logging.basicConfig(level=logging.DEBUG if os.environ.get("PHONE_DEBUG") else logging.ERROR)
    asyncio.run(_run(_speaker()))


if __name__ == "__main__":
    main()
