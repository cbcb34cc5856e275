"""Every way in which a phone is not answered has its outcome, its codes and its words.

All the calls ring at once, when the first test asks: waiting for the slowest is waiting for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
import pytest_asyncio

from tests.ending import Cause, Ending
from tests.stage import Plan, Stage
from workshop import ports

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Endpoints of trunks in every kind of trouble; `{dead}` is a port where nobody listens.
TRUNKS = """
[silent](trunk)
aors = silent
[silent](place)
contact = sip:127.0.0.1:{dead}
qualify_frequency = 0

[refusing](trunk)
aors = refusing
transport = transport-tcp
[refusing](place)
contact = sip:127.0.0.1:{dead}\\;transport=tcp
qualify_frequency = 0

[offline](trunk)
aors = offline
[offline](place)
contact = sip:127.0.0.1:{dead}
qualify_frequency = 1
qualify_timeout = 0.2

[nameless](trunk)
aors = nameless
[nameless](place)
contact = sip:operator.invalid
qualify_frequency = 0
"""
ROUTES = (
    ("+7902", "silent"),
    ("+7903", "refusing"),
    ("+7904", "offline"),
    ("+7905", "missing"),
    ("+7906", "nameless"),
)

AT_ONCE = "requested dialing ended"
RANG = "requested dialing ringing ended"

#: number → path, outcome, cause, words for engineers, words for the citizen, INVITEs that reach the operator
ENDINGS: Mapping[str, tuple[str, str, Cause, str, str, int]] = {
    "+79000000486": (AT_ONCE, "busy", Cause("busy", "network", 486, 17), "the device is busy", "Ваш телефон занят.", 1),
    "+79000000603": (
        AT_ONCE,
        "rejected",
        Cause("rejected", "network", 603, 21),
        "the citizen declined the call",
        "Вы отклонили звонок.",
        1,
    ),
    "+79000000403": (
        AT_ONCE,
        "rejected",
        Cause("refused_by_network", "network", 403, 21),
        "the network or the device refused the call",
        "Оператор связи или ваш телефон отклонил звонок.",
        1,
    ),
    "+79000000404": (
        AT_ONCE,
        "invalid_number",
        Cause("unknown_number", "network", 404, 1),
        "the network does not know the number",
        "Номер не существует.",
        1,
    ),
    "+79000000484": (
        AT_ONCE,
        "invalid_number",
        Cause("incomplete_number", "network", 484, 28),
        "the network says that digits are missing",
        "Номер указан не полностью.",
        1,
    ),
    "+79000000480": (
        AT_ONCE,
        "unreachable",
        Cause("unavailable", "network", 480, 19),
        "the device is switched off or out of reach",
        "Телефон выключен или вне зоны действия сети.",
        1,
    ),
    "+79000000408": (
        AT_ONCE,
        "unreachable",
        Cause("silent_device", "network", 408, 18),
        "neither the device nor the network gave an answer",
        "Сеть не ответила на вызов.",
        1,
    ),
    "+79000000488": (
        AT_ONCE,
        "failed",
        Cause("no_common_codec", "network", 488, 58),
        "the device and Asterisk share no codec",
        "Не удалось согласовать звук.",
        1,
    ),
    "+79000000500": (
        AT_ONCE,
        "failed",
        Cause("network_failure", "network", 500, 38),
        "the network reported a failure",
        "Сбой в сети оператора.",
        1,
    ),
    "+79000000503": (
        AT_ONCE,
        "congestion",
        Cause("congestion", "network", 503, 34),
        "the network is congested",
        "Сеть перегружена.",
        1,
    ),
    "+79000000180": (
        RANG,
        "no_answer",
        Cause("no_answer", "timer", None, 19),
        "the device rang and nobody answered",
        "Вы не ответили на звонок.",
        1,
    ),
    "+79000000100": (
        AT_ONCE,
        "unreachable",
        Cause("silent_device", "timer", None, 19),
        "neither the device nor the network gave an answer",
        "Сеть не ответила на вызов.",
        1,
    ),
    "+79000000000": (
        AT_ONCE,
        "unreachable",
        Cause("silent_device", "timer", None, 19),
        "neither the device nor the network gave an answer",
        "Сеть не ответила на вызов.",
        1,
    ),
    # A trunk whose operator is not there, as far as SIP over UDP can tell: nothing comes back.
    "+79021000001": (
        AT_ONCE,
        "unreachable",
        Cause("silent_device", "timer", None, 19),
        "neither the device nor the network gave an answer",
        "Сеть не ответила на вызов.",
        0,
    ),
    # Over TCP, and when the name does not resolve, Asterisk itself says 503.
    "+79031000001": (
        AT_ONCE,
        "congestion",
        Cause("congestion", "network", 503, 34),
        "the network is congested",
        "Сеть перегружена.",
        0,
    ),
    "+79061000001": (
        AT_ONCE,
        "congestion",
        Cause("congestion", "network", 503, 34),
        "the network is congested",
        "Сеть перегружена.",
        0,
    ),
    "+79041000001": (
        AT_ONCE,
        "congestion",
        Cause("trunk_down", "network"),
        "the trunk does not answer or has no free line",
        "Линия связи недоступна.",
        0,
    ),
    "+79051000001": (
        AT_ONCE,
        "unreachable",
        Cause("no_endpoint", "service"),
        "Asterisk has no such endpoint, or the device is not registered",
        "Устройство не подключено.",
        0,
    ),
    # No trunk carries such numbers.
    "+74951000001": (
        AT_ONCE,
        "unreachable",
        Cause("no_endpoint", "service"),
        "Asterisk has no such endpoint, or the device is not registered",
        "Устройство не подключено.",
        0,
    ),
}


@pytest.fixture(scope="module")
def plan(dead_port: int) -> Plan:
    return Plan(pjsip=TRUNKS.replace("{dead}", str(dead_port)), routes=ROUTES, citizens=("alice",))


@pytest.fixture(scope="module")
def dead_port():  # type: ignore[no-untyped-def]
    """A port of our own on which nobody listens."""
    claimed = ports.claim()
    yield claimed.sip
    claimed.release()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endings(standing_stage: Stage) -> Mapping[str, Ending]:
    """Every number called at once, by its end."""
    stage = standing_stage
    calls = await asyncio.gather(*map(stage.call, ENDINGS))
    return dict(zip(ENDINGS, await stage.ends(*calls), strict=True))


@pytest.mark.parametrize("number", ENDINGS)
async def test_a_phone_that_is_not_answered_says_why(stage: Stage, endings: Mapping[str, Ending], number: str) -> None:
    path, outcome, cause, words, words_ru, invites = ENDINGS[number]
    end = endings[number]
    assert end.path == path
    assert end.outcome == outcome
    assert end.cause == cause
    assert (end.words, end.words_ru) == (words, words_ru)
    assert len(await stage.trunk.invites(number)) == invites


@pytest.mark.parametrize(
    ("code", "outcome", "cause"),
    [
        (486, "busy", Cause("busy", "network", 486, 17)),
        (603, "rejected", Cause("rejected", "network", 603, 21)),
        # What rings is neither switched off nor out of reach: the operator's own timer spoke.
        (480, "no_answer", Cause("no_answer", "network", 480, 19)),
    ],
)
async def test_a_citizen_who_declines_while_it_rings_is_believed(
    stage: Stage, code: int, outcome: str, cause: Cause
) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    await citizen.decline(code)
    end = await stage.end(call)
    assert end.path == RANG
    assert end.outcome == outcome
    assert end.cause == cause
    assert citizen.rung_count == 1


async def test_a_citizen_who_is_busy_by_himself_is_busy(stage: Stage) -> None:
    citizen = await stage.citizen(behaviour="busy")
    end = await stage.end(await stage.call(citizen))
    assert end.outcome == "busy"
    assert end.cause == Cause("busy", "network", 486, 17)
    assert citizen.rung_count == 1


async def test_a_softphone_that_is_not_registered_is_not_connected(stage: Stage) -> None:
    call = await stage.call("+79001000000", devices=[{"kind": "sip", "address": "alice"}])
    end = await stage.end(call)
    assert end.path == AT_ONCE
    assert end.outcome == "unreachable"
    assert end.cause == Cause("no_endpoint", "network")
    assert end.words_ru == "Устройство не подключено."
    assert await stage.rings(call) == 0


async def test_no_request_can_dial_an_agent_or_a_trunk_by_name(stage: Stage) -> None:
    ann = await stage.agent("ann")
    call = await stage.call("+79001000000", devices=[{"kind": "sip", "address": "ann"}])
    end = await stage.end(call)
    assert end.cause == Cause("no_endpoint", "service")
    assert ann.rung_count == 0


async def test_a_phone_that_rings_out_sees_the_call_given_up_once(stage: Stage) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    end = await stage.end(call)
    assert end.path == RANG
    assert end.cause == Cause("no_answer", "timer", None, 19)
    assert (await citizen.ended()).how == "cancelled there"
    assert citizen.rung_count == 1
