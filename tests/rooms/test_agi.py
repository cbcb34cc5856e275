"""Asterisk's questions about who dialled in, and what strangers may send to the same port."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from pbx_bridge.asterisk import agi
from pbx_bridge.asterisk.agi import Agi, BadReception, commands
from pbx_bridge.call.model import WhenFull
from pbx_bridge.conductor.ports import Incoming, Reception
from pbx_bridge.phone import Phone

AT = datetime(2026, 1, 12, 6, tzinfo=UTC)
LEG = "pb.call_h1763858613x42.1"
HEAD = {
    "agi_network": "yes",
    "agi_network_script": "hotline",
    "agi_channel": "PJSIP/operator-00000001",
    "agi_uniqueid": "1763858613.42",
    "agi_callerid": "9161234567",
    "agi_arg_1": LEG,
    "agi_arg_2": "88001002030",
}
OPEN = Reception(
    "123456789", "ru-RU", "support", time_limit_s=1800, queue_s=900, welcome=("welcome",), opens=("ticket",)
)


class Porter:
    """Decides, and remembers about whom."""

    def __init__(self, reception: Reception | None = OPEN) -> None:
        self.reception = reception
        self.came: list[Incoming] = []
        self.met: list[str] = []
        self.decided = 0
        self.arrived: asyncio.Queue[Incoming] = asyncio.Queue()
        self.waits = asyncio.Event()
        self.waits.set()

    async def answer(self, incoming: Incoming) -> Reception | None:
        self.came.append(incoming)
        self.arrived.put_nowait(incoming)
        await self.waits.wait()
        self.decided += 1
        return self.reception

    async def meet(self, channel: str) -> None:
        self.met.append(channel)


@asynccontextmanager
async def listening(porter: Porter, deadline_s: float = 5.0) -> AsyncIterator[int]:
    async with Agi(porter.answer, porter.meet, lambda: AT, deadline_s=deadline_s).listen("127.0.0.1", 0) as port:
        yield port


def question(**more: str) -> bytes:
    return "".join(f"{name}: {value}\n" for name, value in {**HEAD, **more}.items()).encode() + b"\n"


async def ask(port: int, head: bytes, answers: str = "200 result=1\n") -> list[str]:
    """Send a question and answer each command; the commands, when the connection is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    told: list[str] = []
    try:
        writer.write(head)
        async with asyncio.timeout(10):
            while line := (await reader.readline()).decode():
                told.append(line.rstrip("\n"))
                writer.write(answers.encode())
    except ConnectionError:
        pass
    finally:
        writer.close()
    return told


async def test_asterisk_is_told_what_was_decided() -> None:
    porter = Porter()
    async with listening(porter) as port:
        told = await ask(port, question())
    assert told == [
        'SET VARIABLE PB_WELCOME "pbx-bridge/welcome&pbx-bridge/ticket"',
        "EXEC MSet PB_LIMIT_S=1800,PB_QUEUE_S=900,PB_TICKET=123456789,CHANNEL(language)=ru,PB_HOME=support,"
        "PB_RECEPTION=open",
    ]
    assert porter.came == [Incoming(LEG, "88001002030", Phone("+79161234567"), AT)]
    assert porter.met == ["PJSIP/operator-00000001"]


async def test_a_caller_without_a_number_is_nobody_and_welcome() -> None:
    porter = Porter()
    async with listening(porter) as port:
        assert await ask(port, question(agi_callerid="unknown"))
    assert porter.came[0].caller is None


async def test_without_a_decision_nothing_is_told() -> None:
    async with listening(Porter(None)) as port:
        assert await ask(port, question()) == []


async def test_a_decision_that_is_late_is_not_told_but_goes_on() -> None:
    porter = Porter()
    porter.waits.clear()
    async with listening(porter, deadline_s=0.05) as port:
        assert await ask(port, question()) == []
        porter.waits.set()
    assert porter.decided == 1


async def test_when_asterisk_does_not_take_the_first_command_it_hears_no_second() -> None:
    async with listening(Porter()) as port:
        assert len(await ask(port, question(), answers="511 Command Not Permitted on a dead channel\n")) == 1
        assert len(await ask(port, question(), answers="HANGUP\n")) == 1


STRANGERS: dict[str, bytes] = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no-utf-8": b"\xff\xfe\x00\n\n",
    "a-line-without-end": b"a" * 100_000,
    "lines-without-end": b"agi_x: y\n" * 50_000,
    "another-script": question(agi_network_script="../../etc/passwd"),
    "no-leg-of-ours": question(agi_arg_1="1763858613.42"),
    "a-leg-that-was-dialled": question(agi_arg_1="pb.call_x.1"),
    "a-leg-of-another-channel": question(agi_uniqueid="1763858613.43"),
    "no-number-dialled": question(agi_arg_2="sip:me@evil"),
    "a-number-too-long": question(agi_arg_2="1" * 100),
}


@pytest.mark.parametrize("bytes_", STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_is_told_nothing_and_the_next_caller_is_answered(bytes_: bytes) -> None:
    porter = Porter()
    async with listening(porter, deadline_s=0.5) as port:
        assert await ask(port, bytes_) == []
        assert porter.came == []
        assert len(await ask(port, question())) == 2


async def test_who_connects_and_closes_at_once_stops_nobody() -> None:
    async with listening(Porter()) as port:
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
        assert len(await ask(port, question())) == 2


async def test_slow_peers_are_let_go_and_do_not_slow_others_down() -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(listening(Porter(), deadline_s=0.3))
        readers = []
        for _ in range(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(b"agi_network: yes\n")
            readers.append(reader)
        assert len(await ask(port, question())) == 2
        async with asyncio.timeout(5):
            assert await asyncio.gather(*(reader.read() for reader in readers)) == [b""] * 30


async def test_more_than_can_be_heard_are_closed_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "CONNECTIONS", 3)
    porter = Porter()
    porter.waits.clear()
    async with listening(porter) as port:
        first = [asyncio.create_task(ask(port, question())) for _ in range(3)]
        for _ in first:
            await porter.arrived.get()
        assert await ask(port, question()) == []
        porter.waits.set()
        assert [len(told) for told in await asyncio.gather(*first)] == [2, 2, 2]


async def test_one_who_decides_and_fails_leaves_the_door_open() -> None:
    calls = itertools.count()

    async def answer(_: Incoming) -> Reception | None:
        if next(calls) == 0:
            raise RuntimeError("out of order")
        return OPEN

    async with Agi(answer, Porter().meet, lambda: AT).listen("127.0.0.1", 0) as port:
        assert await ask(port, question()) == []
        assert len(await ask(port, question())) == 2


async def test_no_number_gets_into_the_log() -> None:
    with capture_logs() as logs:
        async with listening(Porter(replace_queue("a,b"))) as port:
            for bytes_ in (question(), *STRANGERS.values()):
                await ask(port, bytes_ + b"\n")
    assert logs
    assert "9161234567" not in str(logs)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────
def replace_queue(queue: str | None, **more: Any) -> Reception:
    return Reception("123456789", "en", queue, time_limit_s=60, queue_s=30, **more)


def test_only_what_differs_is_told() -> None:
    told = commands(replace_queue("support", then=WhenFull.OVERFLOW, overflow="other", priority=3))[1]
    assert "PB_THEN=overflow,PB_OVERFLOW=other,QUEUE_PRIO=3" in told
    plain = commands(replace_queue("support"))[1]
    assert not {"PB_THEN", "PB_OVERFLOW", "QUEUE_PRIO", "PB_OFFER"} & {each.split("=")[0] for each in plain.split(",")}


def test_a_closed_desk_is_told_as_closed_and_its_offer_too() -> None:
    assert commands(replace_queue(None))[1].endswith("PB_RECEPTION=closed")
    assert "PB_OFFER=1" in commands(replace_queue(None, offer=True))[1]


@pytest.mark.parametrize("name", ["a,b", "a&b", 'a"', "a\n", "${X}", "../a", "a b", "", "A"])
def test_a_prompt_that_would_mean_something_else_is_refused(name: str) -> None:
    with pytest.raises(BadReception):
        commands(replace_queue("support", opens=(name,)))


@pytest.mark.parametrize("queue", ["a,b", "a=b", "a b", "${X}", "a\n"])
def test_a_queue_that_would_mean_something_else_is_refused(queue: str) -> None:
    with pytest.raises(BadReception):
        commands(replace_queue(queue))


def test_more_than_asterisk_takes_at_once_is_refused() -> None:
    with pytest.raises(BadReception):
        commands(replace_queue("support", opens=("digit-1",) * 200))
