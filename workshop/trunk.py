"""A trunk to nowhere: sipp answers every call by the number called, so each ending has a number to try.

    trunk = Trunk(prefix, folder)
    await trunk.start()                  # then a PJSIP endpoint with contact sip:127.0.0.1:{trunk.port}
    await trunk.is_called("+79000000486")
    assert len(await trunk.invites("+79000000486")) == 1

The scenario is workshop/sipp/trunk.xml. It sends no sound of its own but returns what it gets, so the
other side hears itself and no RTP timeout ends a long call. `Agents` is a second use of sipp: many support
agents on one port, for load.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from workshop import children, ports
from workshop.ports import Ports
from workshop.prefix import Prefix

SCENARIOS = Path(__file__).resolve().parent / "sipp"
LOOPBACK = "127.0.0.1"
START_S = 5.0
FACT_S = 10.0
FOREVER_MS = 7 * 24 * 3600 * 1000

# Russian mobile numbers of a range without subscribers. Any other number rings for a second and is answered.
SANDBOX = {
    "+79000000000": "stays silent: not even 100 Trying",
    "+79000000100": "says 100 Trying and nothing more",
    "+79000000180": "rings for ever",
    "+79000000200": "rings, is answered after 50 ms, talks until the other side hangs up",
    "+79000000202": "rings for a second, is answered, talks until the other side hangs up",
    "+79000000210": "is answered after 50 ms, hangs up after ten seconds",
    "+79000000403": "forbidden (403)",
    "+79000000404": "no such number (404)",
    "+79000000408": "the operator's time-out (408)",
    "+79000000480": "temporarily unavailable: switched off or out of reach (480)",
    "+79000000484": "incomplete number (484)",
    "+79000000486": "busy (486)",
    "+79000000488": "no common codec (488)",
    "+79000000500": "an error at the operator (500)",
    "+79000000503": "congestion (503)",
    "+79000000603": "declined (603)",
}


class TrunkError(AssertionError):
    """sipp did not start, or what was waited for did not come; the text says what did."""


@dataclass(frozen=True)
class Invite:
    """One call that reached sipp; an INVITE sent again is no second one. `caller` is its From header."""

    call_id: str
    number: str
    caller: str
    # In order: ACK (of the answer), BYE (they hung up), HANGUP (we did), CANCEL (they gave up).
    facts: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        return bool({"BYE", "HANGUP", "CANCEL"}.intersection(self.facts))


class Sipp:
    """A sipp that answers calls on one UDP port of the loopback interface."""

    scenario = "trunk.xml"

    def __init__(self, prefix: Prefix, folder: Path, *, port: int = 0, media_port: int = 0) -> None:
        """`folder` gets its logs. Ports are claimed when not given; the media takes four from `media_port`."""
        self.port, self._media_port = port, media_port
        self._prefix, self._folder = prefix, folder.absolute()
        self._claimed: Ports | None = None
        self._child: children.Child | None = None

    @property
    def log_path(self) -> Path:
        """What came: one line for each fact of a call."""
        return self._folder / "calls.log"

    @property
    def errors_path(self) -> Path:
        """Messages that sipp did not expect, and its own troubles; absent when there were none."""
        return self._folder / "errors.log"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    async def start(self) -> None:
        """Returns when it answers (about 0.1 s). Raises TrunkError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.port:
            self._claimed = ports.claim()
            self.port, self._media_port = self._claimed.sip, self._claimed.rtp[0]
        self.log_path.write_text("")
        self._child = await children.start(
            "sipp", self._prefix.sipp(*self._arguments()), log=self._folder / "sipp.log", cwd=self._folder
        )
        try:
            await self._answers(self._child)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it and give the ports back. Harmless when repeated; the logs stay."""
        if self._child is not None:
            await self._child.stop()
        if self._claimed is not None:
            self._claimed.release()
            self._claimed, self.port = None, 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def invites(self, number: str = "") -> list[Invite]:
        """The calls so far, in order of arrival; to `number` only, if given."""
        return [each for each in self._read() if number in ("", each.number)]

    async def is_called(self, number: str = "", within_s: float = FACT_S) -> Invite:
        """The first call to the number, when it has come."""
        return await self._first(number, "be called", lambda _: True, within_s)

    async def is_left(self, number: str = "", within_s: float = FACT_S) -> Invite:
        """The first call to the number that is over by BYE or CANCEL, when it is."""
        return await self._first(number, "be left", lambda each: each.over, within_s)

    async def _first(self, number: str, what: str, true_of: Callable[[Invite], bool], within_s: float) -> Invite:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for each in await self.invites(number):
                if true_of(each):
                    return each
            await asyncio.sleep(0.01)
        seen = "; ".join(f"{each.number} {' '.join(each.facts)}" for each in self._read()) or "none"
        raise TrunkError(f"{number or 'Any number'} was to {what} within {within_s:g} s. Calls so far: {seen}.")

    def _read(self) -> list[Invite]:
        calls: dict[str, Invite] = {}
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        for line in text.splitlines():
            word, call_id, number, *caller = line.split(" ", 3)
            known = calls.get(call_id)
            if word == "INVITE" and known is None:
                calls[call_id] = Invite(call_id, number, "".join(caller))
            elif word != "INVITE" and known is not None:
                calls[call_id] = Invite(call_id, known.number, known.caller, (*known.facts, word))
        return list(calls.values())

    def _scenario(self) -> Path:
        return SCENARIOS / self.scenario

    def _arguments(self) -> list[str]:
        here = ["-i", LOOPBACK, "-p", str(self.port), "-bind_local", "-mi", LOOPBACK, "-ci", LOOPBACK]
        media = ["-rtp_echo", "-min_rtp_port", str(self._media_port), "-max_rtp_port", str(self._media_port + 3)]
        # The watchdog ends sipp after it was starved of the processor a few times: not our sipp.
        manners = ["-aa", "-default_behaviors", "pingreply", "-nostdin", "-f", "86400", "-watchdog_interval", "0"]
        logs = ["-trace_logs", "-log_file", str(self.log_path), "-trace_err", "-error_file", str(self.errors_path)]
        return ["-sf", str(self._scenario()), *here, *media, *manners, *logs]

    async def _answers(self, child: children.Child) -> None:
        """Wait until an OPTIONS gets its 200: then the port is bound, and by our sipp."""
        deadline = time.monotonic() + START_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.setblocking(False)
            probe.bind((LOOPBACK, 0))
            while child.running and time.monotonic() < deadline:
                with contextlib.suppress(OSError, TimeoutError):
                    probe.sendto(self._options(probe.getsockname()[1]), (LOOPBACK, self.port))
                    await asyncio.wait_for(asyncio.get_running_loop().sock_recv(probe, 4096), 0.05)
                    return
        why = "did not answer" if child.running else f"ended with code {child.process.returncode}"
        raise TrunkError(f"sipp on port {self.port} {why}. Its last words:\n{child.tail()}")

    def _options(self, port: int) -> bytes:
        return (
            f"OPTIONS sip:{LOOPBACK}:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {LOOPBACK}:{port};rport;branch=z9hG4bK{time.monotonic_ns()}\r\n"
            f"From: <sip:workshop@{LOOPBACK}>;tag=1\r\nTo: <sip:{LOOPBACK}:{self.port}>\r\n"
            f"Call-ID: {time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()


class Trunk(Sipp):
    """The operator's side of a trunk, see SANDBOX."""


class Agents(Sipp):
    """Any number of agents on one port, for load: agent N is the contact sip:agentN@127.0.0.1:port.

    Each answers every call, as many as come, and hangs up when the talk is over.
    """

    scenario = "agents.xml"

    def __init__(
        self,
        prefix: Prefix,
        folder: Path,
        *,
        answer_after_ms: int = 0,
        talk_ms: int = 0,
        port: int = 0,
        media_port: int = 0,
    ) -> None:
        """`talk_ms` 0: the agent never hangs up first."""
        super().__init__(prefix, folder, port=port, media_port=media_port)
        self._answer_after_ms, self._talk_ms = answer_after_ms, talk_ms

    def contact(self, number: int) -> str:
        return f"sip:agent{number}@{LOOPBACK}:{self.port}"

    def _scenario(self) -> Path:
        """A copy with the times filled in: sipp takes a time-out as a literal only."""
        text = (SCENARIOS / self.scenario).read_text(encoding="utf-8")
        text = text.replace("ANSWER_AFTER_MS", str(max(1, self._answer_after_ms)))
        filled = self._folder / self.scenario
        filled.write_text(text.replace("TALK_MS", str(self._talk_ms or FOREVER_MS)), encoding="utf-8")
        return filled
