"""The audit over HTTP: who may read it, what it says, and that a look at it is in it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from pbx_bridge.ledger.access import Role
from pbx_bridge.portal.rights import SCOPES_OF

from .citizen_desk import Desk, house_of, is_nowhere
from .portal_house import House, Reply, Site, away

pytest_plugins = ("tests.rooms.portal_fixtures", "tests.ledger_plugin")


@pytest.fixture(params=["memory", "paper"])
def house(request: pytest.FixtureRequest) -> House:
    return house_of(request)


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


async def audit(desk: Desk, query: str = "", by: Role = Role.AUDITOR) -> Reply:
    """Ask for /v1/audit…"""
    return await desk.site.get(f"/v1/audit{query}", headers=desk.site.bearer(desk.program(by), SCOPES_OF[by]))


def actions(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [line["action"] for line in reply.json["lines"]]


async def test_the_audit_is_listed_oldest_first_and_the_look_itself_is_its_last_line(desk: Desk) -> None:
    await desk.supply()
    reply = await audit(desk)
    assert actions(reply) == ["write-identity", "read-audit"]
    first = reply.json["lines"][0]
    assert first["actor"] == f"client:{desk.portal}"
    assert first["at"] == "2026-01-12T06:00:00Z"
    assert (first["verdict"], first["call_id"]) == ("taken", None)
    assert first["mark"]
    assert first["chain"]
    assert is_nowhere(reply)


async def test_long_audits_are_read_page_by_page(desk: Desk) -> None:
    for _ in range(5):
        await desk.supply()
    seen: list[int] = []
    after, more = 0, True
    while more and len(seen) < 50:
        page = (await audit(desk, f"?after={after}&limit=3&actor=client:{desk.portal}")).json
        seen += [line["id"] for line in page["lines"]]
        after, more = page["last"], page["more"]
    assert seen == sorted(set(seen))
    assert len(seen) == 5


async def test_lines_are_found_by_citizen_actor_call_and_time(desk: Desk) -> None:
    await desk.supply(user="anna")
    await desk.supply(user="boris")
    desk.house.clock.later(3600)
    await desk.ask("GET", f"anna/identity?client={desk.portal}", Role.ADMIN)

    assert actions(await audit(desk, f"?client={desk.portal}&user=anna")) == [
        "write-identity",
        "read-identity",
        "read-audit",
    ]
    admin = desk.program(Role.ADMIN).id
    assert actions(await audit(desk, f"?actor=client:{admin}")) == ["read-identity"]
    assert actions(await audit(desk, "?to=2026-01-12T06:30:00Z")) == ["write-identity", "write-identity"]
    assert "write-identity" not in actions(await audit(desk, "?from=2026-01-12T06:30:00Z"))
    assert actions(await audit(desk, "?call=call_nobody")) == []


async def test_the_lines_of_one_call_are_found_by_its_id(desk: Desk) -> None:
    call_id = await desk.site.open_call()
    engineer = desk.site.bearer(desk.program(Role.ENGINEER), SCOPES_OF[Role.ENGINEER])
    await desk.site.get(f"/v1/calls/{call_id}", headers=engineer)
    lines = (await audit(desk, f"?call={call_id}")).json["lines"]
    assert [(line["action"], line["call_id"]) for line in lines] == [("read-call", call_id)]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?user=anna", "/client"),
        ("?client=c", "/user"),
        ("?limit=0", "/limit"),
        ("?limit=501", "/limit"),
        ("?after=-1", "/after"),
        ("?after=9999999999", "/after"),
        ("?from=today", "/from"),
        ("?call=call_%00", "/call"),
        ("?call=%2B79161234567", "/call"),
        ("?actor=", "/actor"),
        ("?mark=1", "/mark"),
        ("/verification?anchor=1", "/anchor"),
        ("/verification?anchor=1:a,", "/anchor"),
        ("/verification?anchor=a:1", "/anchor"),
        ("/verification?anchor=" + ",".join(["1:a"] * 11), "/anchor"),
    ],
)
async def test_questions_that_are_not_in_their_form_are_refused(desk: Desk, query: str, pointer: str) -> None:
    reply = await audit(desk, query)
    assert list(reply.complaints) == [pointer]


async def test_a_verification_says_how_far_the_audit_holds(desk: Desk) -> None:
    await desk.supply()
    found = (await audit(desk, "/verification")).json
    assert found["fault"] is None
    assert found["lines"] == found["anchor"]["id"] == 2
    assert actions(await audit(desk)) == ["write-identity", "verify-audit", "read-audit"]


async def test_an_anchor_that_was_kept_elsewhere_is_held_against_it(desk: Desk) -> None:
    await desk.supply()
    kept = (await audit(desk, "/verification")).json["anchor"]
    await desk.supply()
    good = f"{kept['id']}:{kept['chain']}"
    assert (await audit(desk, f"/verification?anchor={good}")).json["fault"] is None
    forged = f"{kept['id']}:{'0' * 64}"
    assert "anchored" in (await audit(desk, f"/verification?anchor={good},{forged}")).json["fault"]


@pytest.mark.parametrize("house", ["paper"], indirect=True)
@pytest.mark.parametrize(
    "change", ["UPDATE audit SET actor = 'nobody' WHERE id = 1", "DELETE FROM audit WHERE id = 2", "DELETE FROM audit"]
)
async def test_what_was_changed_in_the_database_is_found(desk: Desk, change: str) -> None:
    for _ in range(3):
        await desk.supply()
    before: Any = (await audit(desk, "/verification")).json
    async with desk.house.paper._store.writing() as store:
        await store.run(lambda connection: connection.execute(text(change)))
    after = (await audit(desk, "/verification")).json
    assert before["fault"] is None
    assert after["fault"] is not None
    assert after["lines"] < before["lines"]


@pytest.mark.parametrize("house", ["memory"], indirect=True)
@pytest.mark.parametrize("role", list(Role))
async def test_only_auditors_and_admins_read_it(desk: Desk, role: Role) -> None:
    if role is Role.CITIZEN:
        replies = [
            await desk.site.get(f"/v1/audit{path}", headers=desk.site.as_citizen()) for path in ("", "/verification")
        ]
    else:
        replies = [await audit(desk, path, role) for path in ("", "/verification")]
    expected = 200 if role in (Role.AUDITOR, Role.ADMIN) else 403
    assert [reply.status for reply in replies] == [expected] * 2


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_nobody_reads_it_unnoted(desk: Desk) -> None:
    await desk.supply()
    desk.house.unwritable = away()
    for path in ("", "/verification"):
        assert (await audit(desk, path)).problem == "database-unavailable"
