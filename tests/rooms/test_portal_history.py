"""What happened, over HTTP: a citizen's activity, a call's timeline and ladder, calls by every filter."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.ledger.access import Role
from pbx_bridge.portal import history_answers as answers
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_house import House, Reply, Site

pytest_plugins = ("tests.rooms.portal_fixtures",)

SVG = "{http://www.w3.org/2000/svg}"


def staff(site: Site, role: Role) -> dict[str, str]:
    program, _ = site.house.client(role.value, SCOPES_OF[role], role=role)
    return site.bearer(program, SCOPES_OF[role])


async def talked(site: Site, house: House) -> str:
    """Anna waits for ten seconds, talks to bob for a minute, and he hangs up."""
    call_id = await site.open_call()
    leg = house.calls_[call_id].leg or ""
    for pause_s, fact in (
        (1, e.DeviceRang(leg)),
        (4, e.DeviceAnswered(leg)),
        (0, e.QueueJoined(leg, "support", 2)),
        (8, e.AgentRang(leg, "bob")),
        (2, e.AgentAnswered(leg, "bob")),
        (60, e.AgentGone(leg, "bob", "agent")),
        (0, e.DeviceGone(leg, None, 16)),
    ):
        house.clock.later(pause_s)
        house.tell(call_id, fact)
    return call_id


# ── activity ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_activity_tells_each_call_in_words_newest_first(site: Site, house: House) -> None:
    first = await talked(site, house)
    house.clock.later(60)
    second = await site.open_call()
    reply = await site.get("/v1/users/u-1/activity")
    assert reply.status == 200
    page = answers.Activities.model_validate(reply.json)
    assert [each.call_id for each in page.activity] == [second, first]
    old = reply.json["activity"][1]
    assert old["status"] == {"ru": "разговор состоялся", "en": "talked with an agent"}
    assert old["why"]["ru"] == "Специалист завершил разговор."
    assert old["service_name"] == {"ru": "Служба поддержки", "en": "Support"}
    assert old["seconds"] == {"ring": 4, "wait": 10, "talk": 60, "hold": 0, "whole": 75}
    assert old["ticket"] == house.calls_[first].ticket


async def test_what_goes_on_counts_up_to_now_and_says_what_to_do(site: Site, house: House) -> None:
    call_id = await site.open_call()
    house.rings(call_id)
    house.clock.later(7)
    (now,) = (await site.get("/v1/users/u-1/activity")).json["activity"]
    assert (now["state"], now["seconds"]["ring"]) == ("ringing", 7)
    assert now["next"] == {"ru": "Ответьте на входящий вызов.", "en": "Answer the call that comes."}
    assert now["outcome"] is None


async def test_activity_names_no_agent(site: Site, house: House) -> None:
    await talked(site, house)
    for headers in (site.as_citizen(), site.bearer()):
        assert b"bob" not in (await site.get("/v1/users/u-1/activity", headers=headers)).body


async def test_a_citizen_sees_their_own_activity_and_nobody_elses(site: Site, house: House) -> None:
    call_id = await talked(site, house)
    mine = await site.get("/v1/users/u-1/activity", headers=site.as_citizen())
    assert [each["call_id"] for each in mine.json["activity"]] == [call_id]
    assert (await site.get("/v1/users/u-1/activity", headers=site.as_citizen("u-2"))).problem == "unknown-citizen"
    other, _ = house.client("other")
    assert (await site.get("/v1/users/u-1/activity", client=other)).json["activity"] == []
    assert (await site.get(f"/v1/users/u-1/activity?client={site.client.id}", client=other)).status == 404


async def test_staff_name_the_program_and_leave_a_line(site: Site, house: House) -> None:
    call_id = await talked(site, house)
    engineer = staff(site, Role.ENGINEER)
    assert (await site.get("/v1/users/u-1/activity", headers=engineer)).complaints.keys() == {"/client"}
    reply = await site.get(f"/v1/users/u-1/activity?client={site.client.id}", headers=engineer)
    assert [each["call_id"] for each in reply.json["activity"]] == [call_id]
    assert [line.action for line, _ in house.lines] == ["read-activity"]
    assert house.lines[0][1] == (site.client.id, "u-1")


async def test_activity_leads_on_page_by_page(site: Site, house: House) -> None:
    calls = []
    for _ in range(3):
        calls.append(await talked(site, house))
        house.clock.later(1)
    first = (await site.get("/v1/users/u-1/activity?limit=2")).json
    rest = (await site.get(f"/v1/users/u-1/activity?limit=2&cursor={first['next_cursor']}")).json
    assert [each["call_id"] for each in first["activity"] + rest["activity"]] == calls[::-1]
    assert rest["next_cursor"] is None
    assert (await site.get("/v1/users/u-1/activity?cursor=x")).complaints.keys() == {"/cursor"}


# ── the timeline ─────────────────────────────────────────────────────────────────────────────────────────
async def test_a_timeline_has_every_stage_with_its_time_and_author(site: Site, house: House) -> None:
    call_id = await talked(site, house)
    reply = await site.get(f"/v1/calls/{call_id}/timeline")
    answers.Timeline.model_validate(reply.json)
    told = [(each["state"], each["seconds"], each["by"]) for each in reply.json["stages"]]
    assert told == [
        ("requested", 0, "portal"),
        ("dialing", 1, "service"),
        ("ringing", 4, "device"),
        ("answered", 0, "citizen"),
        ("queued", 8, "queue"),
        ("offered", 2, "queue"),
        ("talking", 60, "agent"),
        ("ended", 0, "agent"),
    ]
    assert reply.json["stages"][6]["agents"] == ["bob"]
    assert reply.json["seconds"]["talk"] == 60


async def test_the_audit_stands_beside_it_for_those_who_may_read_it(site: Site, house: House) -> None:
    call_id = await talked(site, house)
    assert (await site.get(f"/v1/calls/{call_id}/timeline")).json["audit"] is None
    seen = await site.get(f"/v1/calls/{call_id}/timeline", headers=staff(site, Role.ENGINEER))
    assert seen.json["audit"] is None
    seen = await site.get(f"/v1/calls/{call_id}/timeline", headers=staff(site, Role.AUDITOR))
    assert [line["action"] for line in seen.json["audit"]] == ["read-timeline", "read-timeline"]
    assert [line.action for line, _ in house.lines] == ["read-timeline", "read-timeline", "read-audit"]


async def test_a_citizen_sees_no_agents_name_in_timeline_and_ladder(site: Site, house: House) -> None:
    call_id = await talked(site, house)
    for path in ("timeline", "ladder.svg"):
        assert b"bob" in (await site.get(f"/v1/calls/{call_id}/{path}")).body
        assert b"bob" not in (await site.get(f"/v1/calls/{call_id}/{path}", headers=site.as_citizen())).body


@pytest.mark.parametrize("path", ["timeline", "ladder.svg"])
async def test_the_story_of_others_does_not_exist(site: Site, house: House, path: str) -> None:
    call_id = await talked(site, house)
    other, _ = house.client("other")
    assert (await site.get(f"/v1/calls/{call_id}/{path}", client=other)).problem == "unknown-call"
    assert (await site.get(f"/v1/calls/{call_id}/{path}", headers=site.as_citizen("u-2"))).problem == "unknown-call"
    assert (await site.get(f"/v1/calls/call_{'0' * 26}/{path}")).problem == "unknown-call"


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────
async def test_a_ladder_is_a_picture_that_may_do_nothing(site: Site, house: House) -> None:
    call_id = await talked(site, house)
    reply = await site.get(f"/v1/calls/{call_id}/ladder.svg?lang=en&time_zone=Asia/Kamchatka")
    assert reply.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
    drawn = ElementTree.fromstring(reply.body)  # noqa: S314  it is ours
    assert {each.tag.removeprefix(SVG) for each in drawn.iter()}.isdisjoint({"script", "foreignObject", "image", "a"})
    words = [each.text for each in drawn.iter(f"{SVG}text")]
    assert "answers: they talk" in words
    assert "18:00:00.000" in words


@pytest.mark.parametrize("query", ["time_zone=Mars", "lang=de", "lang=ru&lang=en", "x=1"])
async def test_a_ladder_that_cannot_be_drawn_is_refused(site: Site, query: str) -> None:
    call_id = await site.open_call()
    assert (await site.get(f"/v1/calls/{call_id}/ladder.svg?{query}")).problem == "validation-failed"


# ── filters and tables ───────────────────────────────────────────────────────────────────────────────────
def ids(reply: Reply) -> list[str]:
    return [call["id"] for call in reply.json["calls"]]


async def test_calls_are_found_by_what_is_asked_for(site: Site, house: House) -> None:
    ended = await talked(site, house)
    living = await site.open_call()
    ticket = house.calls_[ended].ticket
    for query, found in {
        "outcome=completed": [ended],
        "outcome=lost": [],
        "cause=agent_hung_up": [ended],
        "queue=support": [living, ended],
        "queue=night": [],
        f"ticket={ticket}": [ended],
        "phone=%2B79161234567": [living, ended],
        "phone=%2B79161234568": [],
        f"client={site.client.id}": [living, ended],
        "client=other": [],
    }.items():
        assert ids(await site.get(f"/v1/calls?{query}")) == found, query


@pytest.mark.parametrize(
    "query", ["outcome=fine", "cause=none", "phone=79161234567", "phone=%2B7", "ticket=", "queue=%00"]
)
async def test_what_no_call_can_have_is_refused_without_repeating_it(site: Site, query: str) -> None:
    reply = await site.get(f"/v1/calls?{query}")
    assert reply.problem == "validation-failed"
    assert b"9161234567" not in reply.body


async def table(site: Site, path: str = "/v1/calls", **headers: str | None) -> Reply:
    return await site.get(path, headers={"Accept": "text/csv"} | headers)


async def test_a_table_has_a_row_for_each_call_with_masked_numbers(site: Site, house: House) -> None:
    ended, living = await talked(site, house), await site.open_call()
    reply = await table(site)
    assert reply.headers["Content-Type"].startswith("text/csv")
    head, *rows, end = reply.body.decode().split("\r\n")
    assert head.split(",")[:3] == ["call_id", "ticket", "client"]
    assert [row.split(",")[0] for row in rows] == [living, ended]
    assert rows[1].split(",")[4:12] == [
        *("'+7916***4567", "support", "support", "outbound", "false", "ended", "completed", "agent_hung_up")
    ]
    assert end == ""
    assert b"79161234567" not in reply.body


@pytest.mark.parametrize("user", ["=1+1", "+1", "-1", "@SUM(A1)"])
async def test_a_spreadsheet_calculates_no_cell(site: Site, user: str) -> None:
    await site.initiate({"service": "support", "user": {"id": user, "phone": "+79161234567"}})
    row = (await table(site)).body.decode().split("\r\n")[1]
    assert row.split(",")[3] == f"'{user}"


async def test_a_cell_keeps_its_commas_and_quotes(site: Site) -> None:
    await site.initiate({"service": "support", "user": {"id": 'a,"b"', "phone": "+79161234567"}})
    assert ',"a,""b""",' in (await table(site)).body.decode()


async def test_a_table_is_whole_up_to_its_bound_and_leads_on(
    site: Site, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.portal.call_table.PAGE", 2)
    monkeypatch.setattr("pbx_bridge.portal.call_table.MOST_ROWS", 5)
    calls = [await talked(site, house) for _ in range(7)]
    rows = (await table(site)).body.decode().split("\r\n")[1:-1]
    assert [row.split(",")[0] for row in rows] == calls[:1:-1]
    assert len(rows) == 5


async def test_staff_leave_a_line_for_each_row(site: Site, house: House) -> None:
    calls = [await talked(site, house) for _ in range(3)]
    await table(site, **staff(site, Role.SUPERVISOR))
    assert [line.call_id for line, _ in house.lines] == calls[::-1]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/csv;q=0.1, application/json", "text/html"])
async def test_who_does_not_ask_for_a_table_gets_json(site: Site, accept: str) -> None:
    assert (await table(site, Accept=accept)).json["calls"] == []


async def test_a_wrong_question_is_a_problem_and_no_table(site: Site) -> None:
    assert (await table(site, "/v1/calls?cursor=x")).problem == "validation-failed"
    assert (await table(site, "/v1/calls?state=x")).problem == "validation-failed"


async def test_a_snapshot_of_a_release_before_is_still_a_story(site: Site, house: House) -> None:
    call_id = await talked(site, house)
    old = {
        name: value for name, value in snapshot(house.calls_[call_id]).items() if name not in ("transfer", "recording")
    }
    for event in house.events_[call_id]:
        for name in ("transfer", "recording", "direction", "scheduled_because", "callback"):
            event.data["call"].pop(name, None)
    assert old["state"] == "ended"
    assert (await site.get(f"/v1/calls/{call_id}/timeline")).status == 200
    assert (await site.get(f"/v1/calls/{call_id}/ladder.svg")).status == 200
