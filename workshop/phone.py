"""A real SIP telephone for tests, demonstrations and the bench: it rings, talks, hums its tone and listens.

    ann = Phone("ann", registrar="127.0.0.1:5060", user="ann", password="…", tone_hz=440)
    async with ann:
        await ann.rings()
        await ann.talks()
        await ann.hears(880)

Each phone is a process of its own (workshop/phone_process.py), has no sound card, lives on the loopback
interface and dies with its parent. Waiting is for facts, never for time: `rings`, `talks` and `ended` each
return the next call that has got so far, in order, so nothing that already happened is missed. All of them
raise PhoneError, which says what the phone has seen so far.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from workshop.phone_link import Link, OrderRefused
from workshop.tones import Heard

START_S = 15.0
FACT_S = 10.0

# answer: 200 after `answer_after_s`; decline: 603, busy: 486, likewise; ring: 180 and no more until told.
Behaviour = Literal["answer", "ring", "decline", "busy"]

STAGES = ("rang", "answered", "ended")

_T = TypeVar("_T")


class PhoneError(AssertionError):
    """The phone did not do what was waited for or asked; the text says what it did instead."""


@dataclass
class PhoneCall:
    """One call as the phone saw it. Times are time.monotonic(), comparable between phones; None: not yet."""

    id: str
    incoming: bool
    number: str
    name: str
    # What was asked for: the user part of To, or of the address this phone called.
    dialled: str
    started: float
    rang: float | None = None
    answered: float | None = None
    ended: float | None = None
    # "hung up here/there", "cancelled here/there", "declined 603", "transferred", "486 Busy Here", …
    how: str = ""
    code: int | None = None
    # Whether the other side holds us.
    held: bool = False
    digits: str = ""

    def __str__(self) -> str:
        stage = self.how or ("talks" if self.answered else "rings" if self.rang else "begins")
        return f"{'from' if self.incoming else 'to'} {self.number or 'somebody'}: {stage}"


class Phone:
    """One telephone. Its `name` is for people and the default of `user`."""

    def __init__(
        self,
        name: str,
        *,
        user: str = "",
        password: str = "",
        registrar: str = "",
        register: bool | None = None,
        listen_port: int = 0,
        catchall: bool = False,
        behaviour: Behaviour = "answer",
        answer_after_s: float = 0.0,
        tone_hz: int = 440,
        lines: int | None = None,
        codecs: tuple[str, ...] = ("pcma", "pcmu"),
        believes: Path | None = None,
        srtp: bool | None = None,
    ) -> None:
        """`registrar` is host:port; the phone registers there unless `register` is False.

        `catchall` accepts calls for any number, as the far end of a trunk. `listen_port` 0 lets the kernel
        choose; see `port`. `lines` is how many calls it takes at once (None: any), more get 486 unseen.
        With `believes`, a file of authorities, it speaks TLS with whom they know. With `srtp`, or over TLS unless it
        is False, calls have SRTP or are none.
        """
        self.name = name
        self.user = user or name
        self.tone_hz = tone_hz
        self.calls: list[PhoneCall] = []
        self.port = 0
        self._setup = {
            "name": name,
            "user": self.user,
            "password": password,
            "registrar": registrar,
            "register": bool(registrar) if register is None else register,
            "listen_port": listen_port,
            "catchall": catchall,
            "lines": lines,
            "tone_hz": tone_hz,
            "behaviour": behaviour,
            "answer_after_s": answer_after_s,
            "codecs": codecs,
            "believes": str(believes or ""),
            "srtp": bool(believes) if srtp is None else srtp,
        }
        self._link = Link(self._on_fact)
        self._news = asyncio.Event()
        self._failed = ""
        # By call: the last of STAGES that a wait has returned.
        self._seen: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Phone {self.name} on {self.port or 'no port'}>"

    # Life.

    async def start(self) -> None:
        """Switch on, and register if it should; returns when calls can come (about 0.2 s)."""
        self._failed, self.port = "", 0
        await self._link.open(self._setup)
        try:
            await self._until("to switch on", lambda: self.port or None, START_S)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Hang up, unregister, switch off. Harmless when repeated; `calls` stay for a look."""
        await self._link.close()

    async def vanish(self) -> None:
        """Die without a word, as a phone does whose battery is empty: no BYE, no goodbye to the registrar."""
        await self._link.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # What happened.

    @property
    def address(self) -> str:
        """Where this phone can be called without any Asterisk."""
        return f"sip:{self.user}@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Of its process, for those who measure."""
        return self._link.pid

    @property
    def rung_count(self) -> int:
        """How many calls have rung here since the phone was made; an INVITE sent again is no new call."""
        return sum(call.rang is not None for call in self.calls if call.incoming)

    @property
    def live_calls(self) -> list[PhoneCall]:
        return [call for call in self.calls if call.ended is None]

    async def rings(self, within_s: float = FACT_S) -> PhoneCall:
        """The next call that rings here, or has rung since the last wait."""
        return await self._next("rang", "to ring", within_s, incoming=True)

    async def rings_there(self, within_s: float = FACT_S) -> PhoneCall:
        """The next call from here that rings at the other side (180)."""
        return await self._next("rang", "to hear it ring", within_s, incoming=False)

    async def talks(self, within_s: float = FACT_S) -> PhoneCall:
        """The next call that is answered, here or there."""
        return await self._next("answered", "to talk", within_s)

    async def ended(self, within_s: float = FACT_S) -> PhoneCall:
        """The next call that is over; `how` and `code` say why."""
        return await self._next("ended", "its call to end", within_s)

    async def is_held(self, held: bool = True, within_s: float = FACT_S) -> PhoneCall:
        """The call in which the other side holds us, or, with False, does not hold us any more."""
        return await self._until(
            "to be held" if held else "to be off hold",
            lambda: next((each for each in self.live_calls if each.answered and each.held is held), None),
            within_s,
        )

    async def receives_digits(self, digits: str, within_s: float = FACT_S) -> PhoneCall:
        """The call in which the other side has pressed exactly these keys."""
        return await self._until(
            f"to receive the digits {digits}",
            lambda: next((each for each in self.calls if each.digits == digits), None),
            within_s,
        )

    # What it does.

    async def set_behaviour(self, behaviour: Behaviour, answer_after_s: float = 0.0) -> None:
        """How it treats the calls that come from now on."""
        await self._order("behave", behaviour=behaviour, answer_after_s=answer_after_s)

    async def answer(self, call: PhoneCall | None = None) -> None:
        """Pick up the newest ringing call; `talks()` tells when it stands."""
        await self._order("answer", call=call)

    async def decline(self, code: int = 603, call: PhoneCall | None = None) -> None:
        """Refuse the newest ringing call with any code from 400 to 699."""
        await self._order("decline", code=code, call=call)

    async def hang_up(self, call: PhoneCall | None = None) -> None:
        """End the newest live call: BYE, or CANCEL for one that was not answered yet."""
        await self._order("hang_up", call=call)

    async def hold(self, call: PhoneCall | None = None) -> None:
        await self._order("hold", call=call)

    async def unhold(self, call: PhoneCall | None = None) -> None:
        await self._order("unhold", call=call)

    async def transfer(self, uri: str, call: PhoneCall | None = None, within_s: float = FACT_S) -> None:
        """Send the other side to `uri` (blind, REFER); returns when they are talking there and we are out."""
        await self._order("transfer", uri=uri, within_s=within_s, patience_s=within_s, call=call)

    async def join(self, call: PhoneCall, to: PhoneCall, within_s: float = FACT_S) -> None:
        """Let the other sides of two calls talk to each other (attended, REFER with Replaces); returns when we are
        out."""
        await self._order("join", call=call, to=to.id, within_s=within_s, patience_s=within_s)

    async def dtmf(self, digits: str, call: PhoneCall | None = None) -> None:
        """Press keys, 0.1 s each (RTP events)."""
        await self._order("dtmf", digits=digits, patience_s=len(digits) * 0.25, call=call)

    async def call(self, uri: str) -> PhoneCall:
        """Dial a SIP address, or a number at the registrar; returns when the INVITE is on its way."""
        done = await self._order("call", uri=uri)
        return await self._until(
            "to dial", lambda: next((each for each in self.calls if each.id == done["call"]), None), FACT_S
        )

    # What it hears: in `call` if given, else in the newest call that talks, whichever that is at the time.

    async def hears(self, hz: float, within_s: float = FACT_S, call: PhoneCall | None = None) -> float:
        """Wait until the tone is in what it receives from now on; the seconds that took."""
        done = await self._order("hears", hz=hz, within_s=within_s, patience_s=within_s, call=call)
        return float(done["after_s"])

    async def hears_sound(self, within_s: float = FACT_S, call: PhoneCall | None = None) -> float:
        """Wait until any sound comes: music, a prompt, a voice; the seconds that took."""
        done = await self._order("hears_sound", within_s=within_s, patience_s=within_s, call=call)
        return float(done["after_s"])

    async def hears_nothing(self, within_s: float = FACT_S, call: PhoneCall | None = None) -> None:
        """Wait until there is 0.3 s of silence, or of nothing received at all."""
        await self._order("hears_nothing", within_s=within_s, patience_s=within_s, call=call)

    async def heard(self, call: PhoneCall | None = None) -> Heard:
        """The dominant tone and the level of the next 100 ms."""
        done = await self._order("heard", call=call)
        return Heard(done["hz"], done["level_dbfs"])

    async def records(self, file: Path, within_s: float = FACT_S, call: PhoneCall | None = None) -> float:
        """Write what it hears from now on until the call is over to a WAV file; how many seconds that is."""
        done = await self._order("record", file=str(file), within_s=within_s, patience_s=within_s, call=call)
        return float(done["seconds"])

    # Beneath.

    async def _order(
        self, do: str, call: PhoneCall | None = None, patience_s: float = 0.0, **arguments: object
    ) -> dict[str, Any]:
        if call is not None:
            arguments["call"] = call.id
        try:
            return await self._link.order(do, patience_s, arguments)
        except OrderRefused as error:
            raise PhoneError(f"{self.name}, {do.replace('_', ' ')}: {error}. {self._story()}") from None

    def _on_fact(self, message: dict[str, Any]) -> None:
        fact = message["fact"]
        if fact == "ready":
            self.port = message["port"]
        elif fact == "failed":
            self._failed = message["why"]
        elif fact == "gone":
            self.port, self._failed = 0, self._failed or "it is switched off"
        elif fact in ("rang", "dialled"):
            began = {key: message[key] for key in ("incoming", "number", "name", "dialled")}
            rang = message["at"] if fact == "rang" else None
            self.calls.append(PhoneCall(message["call"], **began, started=message["at"], rang=rang))
        else:
            _note(next(each for each in reversed(self.calls) if each.id == message["call"]), message)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _next(self, fact: str, what: str, within_s: float, incoming: bool | None = None) -> PhoneCall:
        """The first call that no wait has returned for this fact or a later one."""
        stage = STAGES.index(fact)

        def find() -> PhoneCall | None:
            for call in self.calls:
                fits = incoming is None or call.incoming is incoming
                if fits and getattr(call, fact) is not None and self._seen.get(call.id, -1) < stage:
                    self._seen[call.id] = stage
                    return call
            return None

        return await self._until(what, find, within_s)

    async def _until(self, what: str, find: Callable[[], _T | None], within_s: float) -> _T:
        deadline = time.monotonic() + within_s
        while True:
            news = self._news
            if (found := find()) is not None:
                return found
            if self._failed:
                raise PhoneError(f"{self.name} was expected {what}, but {self._failed}. {self._story()}")
            try:
                await asyncio.wait_for(news.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise PhoneError(f"{self.name} was expected {what} within {within_s:g} s. {self._story()}") from None

    def _story(self) -> str:
        calls = "; ".join(map(str, self.calls)) or "none"
        words = "\n".join(self._link.last_words)
        return f"Its calls so far: {calls}." + (f" It complained:\n{words}" if words else "")


def _note(call: PhoneCall, message: dict[str, Any]) -> None:
    """Add a fact to the call it is about."""
    match message["fact"]:
        case "rings there":
            call.rang = call.rang or message["at"]
        case "talks":
            call.answered = message["at"]
        case "held":
            call.held = message["held"]
        case "digit":
            call.digits += message["digit"]
        case "ended":
            call.ended, call.how, call.code = message["at"], message["how"], message["code"]
