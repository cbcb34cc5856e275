"""Attacks on the operator's bill: numbers that cost, numbers abroad, and numbers that are something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hostile.fort import ANNA, BORIS, Fort

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

REFUSED = (403, "destination-refused")
MOSCOW = "+74951234567"


@pytest.fixture
def chosen() -> dict[str, Any]:
    moscow = {"queue": "support", "prefixes": ["+7495"]}
    return {"services": {"support": "support", "moscow": moscow}}


@pytest.mark.parametrize(
    "number",
    [
        "+78091234567",  # premium rate in Russia
        "+78031234567",
        "+77011234567",  # Kazakhstan, whose numbers begin like Russia's
        "+77271234567",
        "+76001234567",
        "+380441234567",
        "+12125550123",
        "+19005550123",
        "+18765550123",  # a ring and it costs: Jamaica looks like home in North America
        "+4490912345678",
        "+88213123456",  # satellite
        "+87812345678",
        "+37517123456",
    ],
)
async def test_a_number_that_costs_or_is_abroad(fort: Fort, number: str) -> None:
    programs = [await fort.program(second_step=step) for step in ("none", "click", "code")]
    for program in programs:
        assert (await program.initiates(number)).status in (403, 422)
        as_device: dict[str, Any] = {"devices": [{"kind": "mobile", "number": number}]}
        answer = await program.initiates(ANNA, **as_device)
        assert answer.status in (403, 422)
    anna = await fort.citizen("anna", number)
    assert (await anna.initiates()).status in (403, 422)
    assert not fort.gateway.messages
    assert fort.nothing_rang


async def test_a_dear_number_hidden_behind_good_ones(fort: Fort) -> None:
    program = await fort.program(second_step="none")
    devices = [{"kind": "mobile"}, {"kind": "browser"}, {"kind": "mobile", "number": "+77011234567"}]
    answer = await program.initiates(ANNA, devices=devices)
    assert (answer.refused, answer.json["pointer"]) == (REFUSED, "/devices/2/number")
    assert fort.nothing_rang


async def test_a_code_is_sent_abroad_no_more_than_a_call(fort: Fort) -> None:
    """The device rung would be fine; the message alone would go to the attacker's premium number."""
    for channel in ("sms", "voice"):
        devices = [{"kind": "mobile", "number": ANNA}]
        answer = await fort.portal.initiates("+77011234567", devices=devices, code_channel=channel)
        assert answer.refused == REFUSED
    assert not fort.gateway.messages
    assert fort.nothing_rang


async def test_a_number_outside_the_programs_own_list(fort: Fort) -> None:
    program = await fort.program(prefixes=["+7916222", "+7495"])
    assert (await program.initiates(ANNA)).refused == REFUSED
    assert (await program.initiates(BORIS)).status == 202


async def test_a_list_of_nothing_allows_nothing(fort: Fort) -> None:
    program = await fort.program(prefixes=[])
    assert (await program.initiates(ANNA)).refused == REFUSED


async def test_a_programs_list_opens_nothing_that_the_operator_closed(fort: Fort) -> None:
    program = await fort.program(prefixes=["+", "+77"], second_step="none")
    assert (await program.initiates("+77011234567")).refused == REFUSED
    assert fort.nothing_rang


async def test_a_number_outside_the_services_list(fort: Fort) -> None:
    program = await fort.program(second_step="none")
    body = {"service": "moscow", "user": {"id": "u-1", "phone": ANNA}}
    assert (await program.ask("POST", "/v1/calls", body, Idempotency_Key="a")).refused == REFUSED
    body = {"service": "moscow", "user": {"id": "u-1", "phone": MOSCOW}}
    assert (await program.ask("POST", "/v1/calls", body, Idempotency_Key="b")).status == 202


async def test_a_service_that_is_not_the_programs(fort: Fort) -> None:
    program = await fort.program(services=["moscow"], second_step="none")
    assert (await program.initiates(ANNA)).refused == (403, "service-refused")
    assert fort.nothing_rang


async def test_one_telephone_by_ten_thousand_names(fort: Fort) -> None:
    """An operator that drops digits too many would ring Anna, and each name would have limits of its own."""
    for more in ("0001", "9999"):
        for program in (fort.portal, await fort.program(second_step="none")):
            assert (await program.initiates(ANNA + more)).refused == REFUSED
            assert (
                await program.initiates(ANNA, devices=[{"kind": "mobile", "number": ANNA + more}])
            ).refused == REFUSED
    assert not fort.gateway.messages
    assert fort.nothing_rang


TRICKS = [
    "+7 916 111 11 11", "+7-916-111-11-11", "+7(916)1111111", "89161111111", "79161111111", "8 800 555 35 35",
    "+7916111111a", "+7916ABCDEFG", "+٧٩١٦١١١١١١١", "+７９１６１１１１１１１", "＋79161111111", "+7916111111\u0661",
    "+79161111111;ext=1", "+79161111111,1", "+79161111111w1", "+79161111111p809", "+79161111111#", "*21*79161111111#",
    "+79161111111@evil.example", "sip:+79161111111@evil.example", "tel:+79161111111", "PJSIP/79161111111@operator",
    "Local/100@default", "+79161111111&PJSIP/evil", "+79161111111/n", "+79161111111|30", "+79161111111${HANGUP}",
    "+79161111111\r\nAction: Originate", "+79161111111\n", "\r\n+79161111111", "+79161111111\u0000",
    "+79161111111\u2028", "+79161111111 ", " +79161111111", "++79161111111", "+", "", "112", "+7" + "9" * 60000,
    "+0079161111111", "+7916111111", "0", "-79161111111", "+7916%31111111", "+79161111111\u202e",
]  # fmt: skip


async def test_a_number_that_is_something_else(fort: Fort) -> None:
    """In one go: each as the citizen's own number and as a device's."""
    program = await fort.program(second_step="none")
    for each, trick in enumerate(TRICKS):
        for body in (
            {"service": "support", "user": {"id": "u-1", "phone": trick}},
            program.wish(ANNA) | {"devices": [{"kind": "mobile", "number": trick}]},
        ):
            answer = await program.ask("POST", "/v1/calls", body, Idempotency_Key=f"k{each}")
            assert answer.refused in ((422, "validation-failed"), (413, "too-large")), trick
            assert trick == "" or trick.strip("+ ") in ("", "0", "112") or trick.encode() not in answer.body
    assert fort.nothing_rang


@pytest.mark.parametrize("number", [*TRICKS[:12], "+79161111111;ext=1", "+77011234567x"])
async def test_such_a_number_in_a_citizens_own_token_is_none(fort: Fort, number: str) -> None:
    subject = await fort.issuer.token("anna", phone=number)
    anna = await fort.portal.speaks_for("anna", "", subject)
    kept = await fort.rooms.ledger.citizen(fort.portal.id, "anna")
    # People write numbers for each other: blanks, dashes and brackets are taken away, and nothing else.
    assert kept is None or kept.data["phone"] == ANNA
    assert (await anna.initiates()).status in ((202,) if kept else (422,))


@pytest.mark.parametrize(
    "address",
    [
        "alice@evil.example", "alice;transport=udp", "alice/n", "alice&bob", "alice,bob", "PJSIP/alice", "a b",
        "a\r\nb", "${HANGUP}", "alice|30", "alice?x=1", "sip:alice", "..", "алиса", "a" * 65, "",
        "alice\u0000", "alice\n",
        "*", "%61",
    ],
)  # fmt: skip
async def test_a_softphone_that_is_something_else(fort: Fort, address: str) -> None:
    program = await fort.program(second_step="none")
    fort.fake.citizen(address, answers=True)
    answer = await program.initiates(ANNA, devices=[{"kind": "sip", "address": address}])
    if answer.status == 202:  # `..` is a name like another; nobody has registered it at a real Asterisk
        assert address == ".."
        return
    assert answer.refused == (422, "validation-failed")
    assert fort.nothing_rang
