"""Export and erasure: all that is known of one citizen comes out in clear, and then nothing of it can be found."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pbx_bridge.call.model import Call, Consent, Device, DeviceKind
from pbx_bridge.call.states import State
from pbx_bridge.ledger import AuditFilter, AuditLine, CallFilter, Erased, Ledger, StillActive
from pbx_bridge.ledger.access import Authenticator, Citizen, NewTry, Revocation, TryKind
from pbx_bridge.ledger.erase import without_person
from pbx_bridge.ledger.forms import write_birth

from .ledger_calls import KEY, NOON, PEPPER, aborting, birth, change, dialling, newborn, put, scheduling
from .test_ledger_secrets import everything_in

pytest_plugins = ["tests.ledger_plugin"]

WHOSE = ("portal", "anna-4711")
NUMBER = "+79161234567"
#: What the calls of Anna's carry that may lead to her.
TELLING = [
    "anna-4711", "9161234567", "4567", "browser-of-anna", "Не приходит СМС", "order 4711", "session-of-anna",
    "told-to-anna",
]  # fmt: skip


async def ended_call(ledger: Ledger, user: str = WHOSE[1]) -> Call:
    """A call that rang, was put off and cancelled, with an idempotency key, tries and audit."""
    call = newborn(user, session_id="session-of-anna", consent=Consent(True, False, "told-to-anna"))
    opened = NewTry(TryKind.OPENED, "portal", user, NUMBER)
    await put(ledger, replace(birth(call, f"key of {call.id}"), tries=(opened,)))
    put_off = scheduling(call)
    await put(ledger, change(call, put_off, NOON))
    end = aborting(put_off.call, NOON + timedelta(minutes=1))
    await put(ledger, change(put_off.call, end, NOON + timedelta(minutes=1)))
    return end.call


@pytest.fixture
async def anna(ledger: Ledger) -> tuple[Call, Call]:
    """Two calls of Anna's that are over, her record, her app; and as much of Boris."""
    for user in (WHOSE[1], "boris"):
        data = {"snils": f"112-233-445 95 of {user}"}
        await ledger.keep_citizen(Citizen("portal", user, data, {"snils": user}, NOON))
        await ledger.keep_authenticator(Authenticator("portal", user, "SECRET", NOON, NOON))
    await ended_call(ledger, "boris")
    calls = (await ended_call(ledger), await ended_call(ledger))
    await ledger.note([AuditLine(NOON, "client:portal", "citizen.read", "taken", citizen=WHOSE)])
    return calls


async def everything_known(ledger: Ledger, user: str) -> str:
    return json.dumps(await ledger.export("portal", user), ensure_ascii=False)


# ── export ───────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_export_has_everything_in_clear(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    told = await ledger.export(*WHOSE)
    assert (told["client"], told["user"]) == WHOSE
    assert told["citizen"]["data"] == {"snils": "112-233-445 95 of anna-4711"}
    assert [call["id"] for call in told["calls"]] == [call.id for call in anna]
    one = told["calls"][0]
    assert one["request"]["phone"] == one["request"]["devices"][0]["phone"] == NUMBER
    assert (one["request"]["subject"], one["state"], one["outcome"]) == ("Не приходит СМС", "ended", "cancelled")
    assert (one["accepted_at"], one["ended_at"]) == ("2026-01-12T12:00:00Z", "2026-01-12T12:01:00Z")
    assert one["idempotency_key"] == f"key of {anna[0].id}"
    assert [event["type"] for event in one["events"]] == ["call.accepted", "call.scheduled", "call.ended"]
    assert one["events"][0]["data"]["call"]["user"]["id"] == "anna-4711"
    assert told["tries"] == [{"kind": "opened", "at": "2026-01-12T12:00:00Z"}] * 2
    assert [line["action"] for line in told["audit"]] == ["open", "fact", "fact"] * 2 + ["citizen.read"]


async def test_the_export_is_json_and_tells_nothing_of_others(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    assert "boris" not in await everything_known(ledger, WHOSE[1])


async def test_of_an_authenticator_only_its_being_there_is_told(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    told = await ledger.export(*WHOSE)
    assert told["authenticator"] == {"created_at": "2026-01-12T12:00:00Z", "confirmed_at": "2026-01-12T12:00:00Z"}
    assert "SECRET" not in json.dumps(told)


async def test_revoked_tokens_are_told(ledger: Ledger) -> None:
    await ledger.revoke(Revocation("portal", NOON, NOON + timedelta(hours=1), citizen=WHOSE[1]))
    await ledger.revoke(Revocation("portal", NOON, NOON + timedelta(hours=1), citizen="boris"))
    told = await ledger.export(*WHOSE)
    assert told["revocations"] == [{"at": "2026-01-12T12:00:00Z", "until": "2026-01-12T13:00:00Z"}]


async def test_of_a_stranger_there_is_nothing(ledger: Ledger) -> None:
    told = await ledger.export("portal", "stranger")
    assert {name: value for name, value in told.items() if value} == {"client": "portal", "user": "stranger"}


# ── erasure ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_afterwards_nothing_leads_to_the_citizen(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    boris = await everything_known(ledger, "boris")
    assert await ledger.erase(*WHOSE, NOON) == Erased(calls=2, events=6, records=6)
    assert await ledger.citizen(*WHOSE) is None
    assert await ledger.authenticator(*WHOSE) is None
    assert await ledger.find_citizens("portal", "snils", WHOSE[1]) == []
    assert (await ledger.calls(CallFilter(user=WHOSE[1]))).calls == ()
    assert await ledger.idempotent("portal", f"key of {anna[0].id}") is None
    assert (await ledger.export(*WHOSE))["tries"] == []
    assert await everything_known(ledger, "boris") == boris, "others lost something"


async def test_what_is_left_of_the_calls_tells_nothing(
    ledger: Ledger, ledger_url: str, anna: tuple[Call, Call]
) -> None:
    await ledger.erase(*WHOSE, NOON)
    fresh = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    for who in (ledger, fresh):
        for before in anna:
            after = await who.call(before.id)
            assert after
            left = write_birth(after.request, after.terms).decode() + str(await who.events(before.id))
            assert [word for word in TELLING if word in left] == []
    await fresh.close()


async def test_no_clear_column_tells_anything(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    await ledger.erase(*WHOSE, NOON)

    def dump(connection: Any) -> str:
        names = ["calls", "events", "outbox", "audit", "idempotency", "citizens", "citizen_marks", "tries"]
        return str([connection.execute(text(f"SELECT * FROM {name}")).all() for name in names])  # noqa: S608

    rows = await ledger._read(dump)
    assert "boris" in rows, "this test would not find anything"
    assert WHOSE[1] not in rows
    assert ledger._rows.marks.citizen(*WHOSE) in rows, "the audit keeps its lines, with a mark"


async def test_what_happened_stays_for_the_figures(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    await ledger.erase(*WHOSE, NOON)
    first, second = [await ledger.call(before.id) for before in anna]
    assert first
    assert second
    assert first.request.user == second.request.user != WHOSE[1]
    assert first.request.user.startswith("erased:")
    for name in ("id", "ticket", "terms", "accepted_at", "ended_at", "state", "outcome", "cause", "revision"):
        assert getattr(first, name) == getattr(anna[0], name)
    for name in ("client", "service", "queue", "locale", "time_zone"):
        assert getattr(first.request, name) == getattr(anna[0].request, name)
    assert first.request.devices == (Device(DeviceKind.MOBILE), Device(DeviceKind.BROWSER))
    events = await ledger.events(first.id)
    assert [event.sequence for event in events] == [1, 2, 3]
    assert events[-1].data["call"]["user"] == {"id": first.request.user, "phone": None}


async def test_the_number_of_an_erased_call_leaves_no_mark(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    def marks(connection: Any) -> Any:
        return connection.execute(text("SELECT number_mark FROM calls ORDER BY id")).scalars().all()

    before = await ledger._read(marks)
    assert len(set(before)) == 1, "one number, one mark"
    assert before[0] == ledger._rows.marks.number(NUMBER)
    await ledger.erase(*WHOSE, NOON)
    assert await ledger._read(marks) == [before[0], None, None]


async def test_the_audit_keeps_its_chain_and_its_lines(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    lines = await ledger.audit()
    await ledger.erase(*WHOSE, NOON)
    assert await ledger.audit() == lines
    assert (await ledger.verify_audit()).fault is None
    assert len(await ledger.audit_page(AuditFilter(citizen=WHOSE))) == 1


@pytest.mark.parametrize("step", [dialling, scheduling])
async def test_a_citizen_with_a_call_that_has_not_ended_is_not_erased(
    ledger: Ledger, anna: tuple[Call, Call], step: Any
) -> None:
    call = newborn(WHOSE[1])
    await put(ledger, birth(call))
    await put(ledger, change(call, step(call), NOON))
    before = await everything_known(ledger, WHOSE[1])
    with pytest.raises(StillActive, match=f"call {call.id} has not ended") as refusal:
        await ledger.erase(*WHOSE, NOON)
    assert refusal.value.call_id == call.id
    assert await everything_known(ledger, WHOSE[1]) == before


async def test_a_process_that_had_opened_the_call_gives_nothing_out_of_its_memory(
    ledger: Ledger, ledger_url: str, anna: tuple[Call, Call]
) -> None:
    other = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    assert await other.call(anna[0].id) == anna[0]
    await ledger.erase(*WHOSE, NOON)
    after = await other.call(anna[0].id)
    assert after
    assert after.request.phone is None
    await other.close()


async def test_erasing_twice_finds_nothing_the_second_time(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    await ledger.erase(*WHOSE, NOON)
    assert await ledger.erase(*WHOSE, NOON) == Erased(0, 0, 0)


async def test_many_calls_are_erased_in_batches(
    ledger: Ledger, anna: tuple[Call, Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.ledger.erase.AT_ONCE", 1)
    monkeypatch.setattr("pbx_bridge.ledger.export.AT_ONCE", 1)
    assert len((await ledger.export(*WHOSE))["calls"]) == 2
    assert (await ledger.erase(*WHOSE, NOON)).calls == 2


async def test_the_citizen_may_come_back(ledger: Ledger, anna: tuple[Call, Call]) -> None:
    await ledger.erase(*WHOSE, NOON)
    again = await ended_call(ledger)
    assert [call["id"] for call in (await ledger.export(*WHOSE))["calls"]] == [again.id]
    assert again.state is State.ENDED


async def test_an_sqlite_file_forgets_what_it_said(sqlite_url: str, tmp_path: Path) -> None:
    ledger = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER)
    for user in (WHOSE[1], "boris"):
        for _ in range(30):
            await ended_call(ledger, user)
    assert (await ledger.erase(*WHOSE, NOON)).calls == 30
    await ledger.close()
    stored = everything_in(tmp_path)
    assert b"boris" in stored, "this test would not find anything"
    assert WHOSE[1].encode() not in stored


def test_a_snapshot_without_its_person_keeps_what_happened() -> None:
    told = {
        "call": {
            "user": {"id": "anna", "phone": "+7916***4567", "name": "Anna"},
            "confirmation": {"to": "+7916***4567", "codes_left": 2},
            "legs": [{"party": "citizen", "device": {"kind": "mobile", "number": "+7916***4567"}}],
            "queue": {"name": "support", "position": 3},
            "subject": "s",
        }
    }
    assert without_person(told, "erased:1") == {
        "call": {
            "user": {"id": "erased:1", "phone": None},
            "confirmation": {"to": None, "codes_left": 2},
            "legs": [{"party": "citizen", "device": {"kind": "mobile", "number": None}}],
            "queue": {"name": "support", "position": 3},
            "subject": None,
        }
    }
