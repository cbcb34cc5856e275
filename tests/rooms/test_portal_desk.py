"""Queues and agents over HTTP, for who runs the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.conductor.errors import AgentRefused
from pbx_bridge.conductor.ports import Member, OutOfReach
from pbx_bridge.directory.service import Agent, Directory
from pbx_bridge.ledger.access import Role
from pbx_bridge.line.calibration import Held, Hour
from pbx_bridge.portal import desk_answers as answers
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_desk import crowd, service
from .portal_house import House, Reply, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

SERVICES = {"support": service("support"), "tax": service("tax"), "other": service("other", "second")}
AGENTS = {"ann": Agent("ann", "Анна", {"support": 0, "second": 2}), "bob": Agent("bob", "Борис", {"support": 1})}


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    house.directory = Directory(SERVICES, AGENTS)
    ann = Member("ann", paused=True, reason="lunch")
    house.views["support"] = crowd(ann, Member("bob", busy=True, penalty=1), waiting=4, longest_wait_s=61.25)
    house.views["second"] = crowd(queue="second")
    async with serve(house) as running:
        yield running


async def ask(site: Site, method: str, path: str, role: Role = Role.SUPERVISOR, **how: Any) -> Reply:
    client, _ = site.house.client(role.value, SCOPES_OF[role], role=role)
    return await site.ask(method, path, headers=site.bearer(client, SCOPES_OF[role]), **how)


async def queue(site: Site) -> Any:
    reply = await ask(site, "GET", "/v1/queues/support")
    assert reply.status == 200, reply.body
    answers.Queue.model_validate(reply.json["queue"])
    assert set(reply.json["queue"]) == set(answers.Queue.model_fields)
    return reply.json["queue"]


# ── queues ───────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_queue_shows_who_is_there_and_who_waits(site: Site) -> None:
    shown = await queue(site)
    assert shown["members"] == [
        {"agent": "ann", "reachable": True, "paused": True, "reason": "lunch", "busy": False, "penalty": 0},
        {"agent": "bob", "reachable": True, "paused": False, "reason": None, "busy": True, "penalty": 1},
    ]
    assert (shown["agents"], shown["free"], shown["waiting"], shown["longest_wait_s"]) == (1, 0, 4, 61.2)
    assert shown["services"] == ["support", "tax"]


async def test_a_queue_shows_what_a_newcomer_would_be_told_and_what_it_rests_on(site: Site, house: House) -> None:
    shown, view = await queue(site), house.views["support"]
    assert view.newcomer.for_page
    likely, at_most = view.newcomer.for_page
    assert shown["newcomer"] == {"likely": likely, "at_most": at_most, "why": "callers-ahead"}
    assert shown["learned"] == {"handle_s": 240.0, "abandoned_per_minute": 0.1}


async def test_without_agents_no_wait_is_invented(site: Site) -> None:
    shown = (await ask(site, "GET", "/v1/queues/second")).json["queue"]
    assert shown["newcomer"] == {"likely": None, "at_most": None, "why": "no-agents"}


async def test_callbacks_are_counted_by_queue(site: Site, house: House) -> None:
    house.sizes = {"support": (3, 8), "second": (1, 1)}
    assert (await queue(site))["callbacks"] == {"ringing": 1, "due": 3, "scheduled": 8}
    house.sizes = {}
    assert (await queue(site))["callbacks"] == {"ringing": 1, "due": 0, "scheduled": 0}


async def test_the_calibration_is_of_the_last_hour_day_and_week(site: Site, house: House) -> None:
    now = house.clock()
    for ago, held in (
        (timedelta(0), Held(within=2, answered=2, error_ms=20_000, bias_ms=-4_000)),
        (timedelta(hours=1), Held(within=1, answered=1, error_ms=10_000, bias_ms=-2_000)),
        (timedelta(hours=3), Held(late=1, answered=1, error_ms=90_000, bias_ms=90_000)),
        (timedelta(days=2), Held(within=4, unproven=2, answered=4)),
        (timedelta(days=8), Held(late=100)),
    ):
        house.held_[Hour.of("support", now - ago)] = held
    house.held_[Hour.of("second", now)] = Held(late=50)
    house.clock.later(60)
    found = (await queue(site))["calibration"]
    hour = {"held": 1.0, "mean_error_s": 10.0, "bias_s": -2.0, "within": 3, "late": 0, "unproven": 0}
    day = {"held": 0.75, "mean_error_s": 30.0, "bias_s": 21.0, "within": 3, "late": 1, "unproven": 0}
    assert (found["hour"], found["day"]) == (hour, day)
    assert (found["week"]["within"], found["week"]["late"], found["week"]["unproven"]) == (7, 1, 2)


async def test_without_promises_nothing_is_said_of_them(site: Site) -> None:
    hour = (await queue(site))["calibration"]["hour"]
    assert (hour["held"], hour["mean_error_s"], hour["bias_s"]) == (None, None, None)


async def test_all_queues_are_listed_by_name(site: Site) -> None:
    listed = (await ask(site, "GET", "/v1/queues")).json["queues"]
    assert [each["queue"] for each in listed] == ["second", "support"]
    assert listed[1] == await queue(site)


async def test_a_queue_that_does_not_exist_is_a_problem(site: Site) -> None:
    reply = await ask(site, "GET", "/v1/queues/nowhere")
    assert (reply.status, reply.problem) == (404, "unknown-queue")


@pytest.mark.parametrize("role", [Role.PORTAL, Role.AUDITOR])
async def test_the_desk_is_not_for_portals(site: Site, role: Role) -> None:
    for method, path in (("GET", "/v1/queues"), ("GET", "/v1/agents"), ("POST", "/v1/agents/ann/pause")):
        assert (await ask(site, method, path, role, json={})).problem == "insufficient-scope"
        client, _ = site.house.client("greedy", frozenset({"queues"}), role=role)
        headers = site.bearer(client, frozenset({"queues"}))
        assert (await site.ask(method, path, headers=headers, json={})).problem == "wrong-role"


# ── agents ───────────────────────────────────────────────────────────────────────────────────────────────
async def test_agents_are_shown_where_they_are(site: Site) -> None:
    reply = await ask(site, "GET", "/v1/agents")
    answers.Agents.model_validate(reply.json)
    ann, bob = reply.json["agents"]
    assert (ann["id"], ann["name"]) == ("ann", "Анна")
    assert [(each["queue"], each["logged_in"], each["paused"]) for each in ann["queues"]] == [
        ("second", False, None),
        ("support", True, True),
    ]
    assert (ann["queues"][1]["reason"], bob["queues"][0]["busy"]) == ("lunch", True)
    assert reply.json["pause_reasons"] == ["break", "lunch", "paperwork"]


@pytest.mark.parametrize(
    ("action", "body", "order"),
    [
        ("login", {}, ("log in", "ann", None)),
        ("login", {"queue": "second"}, ("log in", "ann", "second")),
        ("logout", {"queue": None}, ("log out", "ann", None)),
        ("pause", {"reason": "lunch"}, ("pause", "ann", None, "lunch")),
        ("pause", {"queue": "support"}, ("pause", "ann", "support", "")),
        ("resume", {}, ("resume", "ann", None, "")),
    ],
)
async def test_an_agent_is_moved_as_asked_and_it_is_known_by_whom(
    site: Site, house: House, action: str, body: Any, order: tuple[Any, ...]
) -> None:
    reply = await ask(site, "POST", f"/v1/agents/ann/{action}", json=body)
    assert (reply.status, reply.json["agent"]["id"]) == (200, "ann")
    ((what, agent, queue_, by, *reason),) = house.orders
    assert (what, agent, queue_, *reason) == order
    assert by.startswith("client:")


async def test_a_pause_is_answered_with_the_agent_as_seen(site: Site) -> None:
    reply = await ask(site, "POST", "/v1/agents/bob/pause", json={"reason": "break"})
    (place,) = reply.json["agent"]["queues"]
    assert (place["paused"], place["reason"]) == (True, "break")


async def test_an_unknown_agent_is_a_problem(site: Site, house: House) -> None:
    reply = await ask(site, "POST", "/v1/agents/eve/login", json={})
    assert (reply.status, reply.problem) == (404, "unknown-agent")
    assert house.orders == []


async def test_an_agent_logs_in_only_where_they_work(site: Site, house: House) -> None:
    reply = await ask(site, "POST", "/v1/agents/bob/login", json={"queue": "second"})
    assert (reply.status, reply.problem) == (409, "agent-refused")
    assert house.orders == []


async def test_what_asterisk_refuses_is_told(site: Site, house: House) -> None:
    house.away = AgentRefused("Asterisk would not do it for ann: the member is a fixed one")
    reply = await ask(site, "POST", "/v1/agents/ann/logout", json={})
    assert (reply.status, reply.problem) == (409, "agent-refused")
    assert "fixed" in reply.json["detail"]


async def test_while_asterisk_is_away_it_is_said_when_to_try_again(site: Site, house: House) -> None:
    house.away = OutOfReach("no connection")
    reply = await ask(site, "POST", "/v1/agents/ann/login", json={})
    assert (reply.status, reply.problem, reply.headers["Retry-After"]) == (503, "asterisk-unavailable", "2")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"reason": "whatever\r\nAction: Originate"}, "/reason"),
        ({"reason": "whatever"}, "/reason"),
        ({"queue": "a,b"}, "/queue"),
        ({"queue": "support\r\n"}, "/queue"),
        ({"agent": "bob"}, "/agent"),
    ],
)
async def test_what_asterisk_must_never_read_does_not_get_there(
    site: Site, house: House, body: Any, pointer: str
) -> None:
    reply = await ask(site, "POST", "/v1/agents/ann/pause", json=body)
    assert list(reply.complaints) == [pointer]
    assert house.orders == []
