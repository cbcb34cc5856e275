"""What an operator does at the machine: verify the audit, export and erase a citizen; said in sentences."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from pbx_bridge.identity import Identity, Snils
from pbx_bridge.ledger import Ledger
from pbx_bridge.ledger.access import Citizen, Client
from pbx_bridge.ledger.values import AuditFilter, CallFilter
from pbx_bridge.phone import Phone
from pbx_bridge.upkeep import audit_verify, citizen_erase, citizen_export, operator, reseal

from .ledger_calls import KEY, NOON, PEPPER, aborting, birth, change, newborn

pytest_plugins = ("tests.ledger_plugin",)

ANNA = Identity(snils=Snils("112-233-445 95"))


@dataclass
class Operator:
    """Somebody at the machine, and what they read."""

    ledger: Ledger
    read: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        self.read.append(sentence)

    async def erase(self, client: str = "portal") -> bool:
        return await citizen_erase(self.ledger, client, "u-1", NOON, self.say)

    async def export(self, client: str = "portal") -> bytes | None:
        return await citizen_export(self.ledger, client, "u-1", NOON, self.say)

    async def verify(self, *anchors: str) -> bool:
        self.read.clear()
        return await audit_verify(self.ledger, self.say, anchors)

    async def noted(self) -> list[tuple[str, str, str]]:
        lines = await self.ledger.audit_page(AuditFilter(citizen=("portal", "u-1")))
        return [(each.line.actor, each.line.action, each.line.verdict) for each in lines]


@pytest.fixture
async def person(sqlite_ledger: Ledger) -> Operator:
    await sqlite_ledger.add_client(Client("portal", "portal", frozenset(), NOON, 600))
    await sqlite_ledger.keep_citizen(Citizen("portal", "u-1", ANNA.to_data(), ANNA.marks(), NOON))
    return Operator(sqlite_ledger)


async def test_an_export_is_everything_in_clear_and_a_line(person: Operator) -> None:
    exported = await person.export()
    assert exported
    assert json.loads(exported)["citizen"]["data"]["snils"] == "11223344595"
    assert await person.noted() == [(operator(), "export", "taken")]


async def test_an_erased_citizen_is_gone_and_that_is_a_line(person: Operator) -> None:
    assert await person.erase()
    assert await person.ledger.citizen("portal", "u-1") is None
    assert "1 records are gone" in person.read[0]
    assert await person.noted() == [(operator(), "erase", "taken")]


async def test_a_citizen_whose_call_goes_on_is_not_erased(person: Operator) -> None:
    call = newborn("u-1")
    async with person.ledger.transaction() as transaction:
        await transaction.write([birth(call)], NOON)
    assert not await person.erase()
    assert person.read == [f"Nothing was erased: call {call.id} of this citizen is going on. End it first."]
    assert await person.ledger.citizen("portal", "u-1")
    assert [verdict for _, action, verdict in await person.noted() if action == "erase"] == ["taken", "refused"]


async def test_a_mistyped_program_is_told(person: Operator) -> None:
    assert await person.export("prtal") is None
    assert not await person.erase("prtal")
    assert person.read == ["There is no program prtal; `pbx-bridge client list` shows them."] * 2
    assert await person.ledger.audit_page(AuditFilter()) == []


async def test_who_dialled_the_public_number_is_found_by_name_and_by_number(person: Operator) -> None:
    phone = Phone("+79161234567")
    user = f"caller-{person.ledger.blind(phone)}"
    call = newborn(user, client="hotline", phone=phone)
    async with person.ledger.transaction() as transaction:
        await transaction.write([birth(call)], NOON)
        await transaction.write([change(call, aborting(call), NOON)], NOON)
    for name in (user, phone.e164):
        exported = await citizen_export(person.ledger, "hotline", name, NOON, person.say)
        assert [each["id"] for each in json.loads(exported or b"")["calls"]] == [call.id]
    assert await citizen_erase(person.ledger, "hotline", phone.e164, NOON, person.say)
    assert (await person.ledger.calls(CallFilter(phone=phone))).calls == ()
    assert phone.e164 not in " ".join(person.read)
    lines = await person.ledger.audit_page(AuditFilter(citizen=("hotline", user)))
    assert [each.line.action for each in lines] == ["export", "export", "erase"]


async def test_an_audit_that_holds_gives_an_anchor_for_later(person: Operator) -> None:
    await person.export()
    assert await person.verify()
    assert person.read[0] == "The audit holds: 1 line."
    anchor = person.read[1].removeprefix("anchor ")
    await person.export()
    assert await person.verify(anchor)
    assert person.read[0] == "The audit holds: 2 lines."
    assert not await person.verify("1:" + "0" * 64)
    assert "anchored" in person.read[0]


async def test_an_audit_without_lines_holds_and_has_no_anchor(person: Operator) -> None:
    assert await person.verify()
    assert person.read == ["The audit holds: 0 lines."]


async def test_a_changed_audit_does_not_hold(person: Operator) -> None:
    for _ in range(3):
        await person.export()
    async with person.ledger._store.writing() as store:
        await store.run(lambda connection: connection.execute(text("UPDATE audit SET action = 'look' WHERE id = 2")))
    assert not await person.verify()
    assert person.read[0].startswith("The audit does NOT hold: line 2 was changed")
    assert person.read[1] == "Before that: 1 line as written."


async def test_resealing_says_how_much_it_was(person: Operator, sqlite_url: str) -> None:
    rotated = await Ledger.open(sqlite_url, [bytes(32), KEY], pepper=PEPPER)
    await reseal(rotated, person.say)
    await reseal(rotated, person.say)
    await rotated.close()
    assert [sentence.split(".")[0] for sentence in person.read] == ["Sealed anew: 1 values", "Sealed anew: 0 values"]
    fresh = await Ledger.open(sqlite_url, [bytes(32)], pepper=PEPPER)
    assert await fresh.citizen("portal", "u-1")
    await fresh.close()


@pytest.mark.parametrize("anchor", ["1", "1:", ":a", "1:a b", "x:1", "1:ü"])
async def test_what_is_no_anchor_is_told(person: Operator, anchor: str) -> None:
    assert not await person.verify(anchor)
    assert person.read == ["An anchor is `id:chain`, as an earlier verification printed it."]


def test_who_has_no_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    assert operator().removeprefix("operator:").isdigit()
