"""Asterisk asks us what to do with somebody who dialled the public number (FastAGI, dialplan/hotline.conf).

The connection handler is our own: panoramisk's waits for ever for a peer that connects and closes. Whoever connects
may be anybody on this machine, so each connection has its limits and its end, and nothing that is read here reaches
the log. No caller waits for us longer than `deadline_s`: then Asterisk goes on by itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from panoramisk.fast_agi import Request

from ..call.model import call_of_leg
from ..conductor.ports import Clock, Incoming, Reception
from .act import in_vain, recorded, spoken
from .legs import caller, came_in, channel_of

log = structlog.get_logger(__name__)

#: Asterisk sends some 25 lines of 20-60 bytes; a line and all of them together may not be longer.
LONGEST_LINE, LONGEST_HEAD = 1024, 16384
#: Connections at once. More are closed unheard: Asterisk's own way is better than a wait.
CONNECTIONS = 200
#: Asterisk takes a command of this many bytes at most (res_agi.c, AGI_BUF_LEN).
LONGEST_COMMAND = 2048

Answer = Callable[[Incoming], Awaitable[Reception | None]]
Met = Callable[[str], Awaitable[None]]

_PROMPT = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_-]{0,80}", re.ASCII)


class BadReception(ValueError):
    """What was to be told to Asterisk would change the meaning of its dialplan."""


class Agi:
    """Listens for Asterisk's questions. `answer` decides; `met` is told the channel's name before."""

    def __init__(self, answer: Answer, met: Met, clock: Clock, *, deadline_s: float = 2.0) -> None:
        self._answer, self._met, self._clock = answer, met, clock
        self._deadline_s = deadline_s
        self._open = 0
        self._deciding: set[asyncio.Task[Reception | None]] = set()

    @asynccontextmanager
    async def listen(self, host: str, port: int) -> AsyncIterator[int]:
        """Gives the port, which the kernel chooses for 0. Raises OSError."""
        server = await asyncio.start_server(self._serve, host, port, limit=LONGEST_LINE)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            if self._deciding:
                await asyncio.wait(self._deciding, timeout=self._deadline_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its end. Nothing gets out of here."""
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                async with asyncio.timeout(self._deadline_s):
                    await self._talk(reader, writer)
            else:
                log.warning("more questions of Asterisk's at once than can be answered", connections=self._open)
        except TimeoutError:
            log.warning("a question of Asterisk's was not answered in time: its dialplan decides")
        except (ValueError, EOFError, ConnectionError) as error:
            # A line too long, no UTF-8, the end of the connection, an answer that may not be told.
            log.warning("a question of Asterisk's came to nothing: its dialplan decides", why=type(error).__name__)
        except Exception:  # the door must stay open for the next caller, whatever was wrong with this one
            log.exception("a question of Asterisk's could not be answered: its dialplan decides")
        finally:
            self._open -= 1
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await _head(reader)
        incoming = _incoming(head, self._clock())
        if incoming is None:
            raise ValueError("this is no question of the hotline's")
        reception = await self._decide(incoming, head.get("agi_channel", ""))
        if reception is None:
            return
        request = Request(self, head, reader, writer)
        for command in commands(reception, incoming.leg):
            result = await request.send_command(command)
            if result.get("status_code") != 200:
                raise EOFError("Asterisk did not take the answer")

    async def _decide(self, incoming: Incoming, channel: str) -> Reception | None:
        """A decision that comes too late is still written down: the task goes on when this is cancelled."""
        task = asyncio.create_task(self._meet_and_answer(incoming, channel))
        self._deciding.add(task)
        task.add_done_callback(self._decided)
        return await asyncio.shield(task)

    async def _meet_and_answer(self, incoming: Incoming, channel: str) -> Reception | None:
        await self._met(channel)
        return await self._answer(incoming)

    def _decided(self, task: asyncio.Task[Reception | None]) -> None:
        self._deciding.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has heard it; whoever gave up has logged that


async def _head(reader: asyncio.StreamReader) -> Mapping[str, str]:
    """The lines `agi_name: value` up to the empty one. Raises ValueError, EOFError."""
    head: dict[str, str] = {}
    size = 0
    while True:
        line = await reader.readline()
        size += len(line)
        if not line.endswith(b"\n"):
            raise EOFError("the connection ended")
        if size > LONGEST_HEAD:
            raise ValueError("too much was said")
        name, colon, value = line.decode().rstrip("\r\n").partition(": ")
        if not name.strip():
            return head
        if colon:
            head[name] = value


def _incoming(head: Mapping[str, str], at: datetime) -> Incoming | None:
    """Who asks, as Asterisk puts it; None unless it is about a leg that came in, and the two names of it agree."""
    leg, dialled = head.get("agi_arg_1", ""), head.get("agi_arg_2", "")
    if head.get("agi_network_script") != "hotline" or not call_of_leg(leg) or not came_in(leg):
        return None
    if head.get("agi_uniqueid") != channel_of(leg) or not re.fullmatch(r"[0-9]{1,32}", dialled, re.ASCII):
        return None
    return Incoming(leg, dialled, caller(head.get("agi_callerid", "")), at)


# ── what Asterisk is told ────────────────────────────────────────────────────────────────────────────────
def commands(reception: Reception, leg: str = "") -> tuple[str, ...]:
    """AGI commands for the leg; the last one alone makes the dialplan follow them. Raises BadReception."""
    variables = {
        "PB_LIMIT_S": str(reception.time_limit_s),
        "PB_QUEUE_S": str(reception.queue_s),
        "PB_TICKET": reception.ticket,
        "CHANNEL(language)": spoken(reception.locale),
        **in_vain(reception),
        **recorded(reception, leg),
    }
    if reception.queue is not None:
        variables["PB_HOME"] = reception.queue
    if reception.offer:
        variables["PB_OFFER"] = "1"
    variables["PB_RECEPTION"] = "open" if reception.queue is not None else "closed"
    if not all(_WORD.fullmatch(value) for value in variables.values()):
        raise BadReception("a queue's name or a ticket is made of letters, digits, - and _")
    words = "&".join(f"pbx-bridge/{_prompt(name)}" for name in (*reception.welcome, *reception.opens))
    told = (
        f'SET VARIABLE PB_WELCOME "{words}"',
        "EXEC MSet " + ",".join(f"{name}={value}" for name, value in variables.items()),
    )
    if any(len(command) >= LONGEST_COMMAND for command in told):
        raise BadReception("more prompts than Asterisk takes at once")
    return told


def _prompt(name: str) -> str:
    if not _PROMPT.fullmatch(name):
        raise BadReception("a prompt's name is made of a-z, 0-9, - and _")
    return name
