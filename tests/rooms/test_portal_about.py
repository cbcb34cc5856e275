"""What the service says about itself: health, figures, its contract and its problems."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest

from pbx_bridge.portal.openapi import build, problems_of
from pbx_bridge.portal.operations import Operation
from pbx_bridge.portal.page import HTML, POLICY
from pbx_bridge.portal.problems import CATALOGUE, as_markdown
from pbx_bridge.portal.schemas import CallRequest
from pbx_bridge.portal.site import ALL

from .portal_house import House, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)
ANYBODY = {"Authorization": None}


async def test_the_process_is_alive(site: Site) -> None:
    assert (await site.get("/healthz", headers=ANYBODY)).json == {"alive": True}
    head = await site.ask("HEAD", "/healthz", headers=ANYBODY)
    assert (head.status, head.body) == (200, b"")


async def test_it_is_ready_when_every_part_is_well(site: Site) -> None:
    reply = await site.get("/readyz", headers=ANYBODY)
    assert (reply.status, reply.json) == (200, {"ready": True, "parts": {"asterisk_ari": "ok", "database": "ok"}})


async def test_it_is_not_ready_while_deaf_and_says_why(site: Site, house: House) -> None:
    house.parts["asterisk_ari"] = "Asterisk does not answer"
    reply = await site.get("/readyz", headers=ANYBODY)
    assert (reply.status, reply.problem) == (503, "not-ready")
    assert reply.json["parts"] == {"asterisk_ari": "Asterisk does not answer", "database": "ok"}
    assert reply.headers["Retry-After"] == "5"


async def test_figures_have_routes_as_labels_and_never_paths(site: Site) -> None:
    call_id = await site.open_call()
    await site.get(f"/v1/calls/{call_id}")
    await site.get("/somewhere/else")
    reply = await site.get("/metrics", headers=ANYBODY)
    text = reply.body.decode()
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'pbx_http_answers_total{method="GET",route="/v1/calls/{call_id}",status="200"} 1.0' in text
    assert 'pbx_http_answers_total{method="-",route="-",status="404"} 1.0' in text
    assert 'pbx_http_request_seconds_count{method="POST",route="/v1/calls"} 1.0' in text
    assert call_id not in text
    assert "somewhere" not in text


async def test_the_contract_is_served_as_it_is_built(site: Site) -> None:
    reply = await site.get("/openapi.json", headers=ANYBODY)
    assert reply.json == json.loads(json.dumps(build(ALL, reply.json["info"]["version"])))


def test_operations_keep_their_names() -> None:
    assert [(operation.id, operation.method, operation.path) for operation in ALL] == [
        ("getToken", "POST", "/oauth/token"),
        ("revokeToken", "POST", "/oauth/revoke"),
        ("getKeys", "GET", "/.well-known/jwks.json"),
        ("getMetadata", "GET", "/.well-known/oauth-authorization-server"),
        ("initiateCall", "POST", "/v1/calls"),
        ("sendCode", "POST", "/v1/calls/{call_id}/code"),
        ("confirmCall", "POST", "/v1/calls/{call_id}/confirm"),
        ("getCall", "GET", "/v1/calls/{call_id}"),
        ("listCalls", "GET", "/v1/calls"),
        ("getTimeline", "GET", "/v1/calls/{call_id}/timeline"),
        ("getLadder", "GET", "/v1/calls/{call_id}/ladder.svg"),
        ("getActivity", "GET", "/v1/users/{user_id}/activity"),
        ("abortCall", "POST", "/v1/calls/{call_id}/abort"),
        ("moveCallback", "POST", "/v1/calls/{call_id}/move"),
        ("keepPlace", "POST", "/v1/calls/{call_id}/keep"),
        ("redirectCall", "POST", "/v1/calls/{call_id}/redirect"),
        ("limitCall", "POST", "/v1/calls/{call_id}/limit"),
        ("steerRecording", "POST", "/v1/calls/{call_id}/recording"),
        ("listRecordings", "GET", "/v1/calls/{call_id}/recordings"),
        ("hearRecording", "GET", "/v1/recordings/{recording_id}"),
        ("readEvents", "GET", "/v1/calls/{call_id}/events"),
        ("readAllEvents", "GET", "/v1/events"),
        ("listServices", "GET", "/v1/services"),
        ("getService", "GET", "/v1/services/{service_id}"),
        ("getAvailability", "GET", "/v1/services/{service_id}/availability"),
        ("getCitizen", "GET", "/v1/users/{user_id}/identity"),
        ("putCitizen", "PUT", "/v1/users/{user_id}/identity"),
        ("findCitizens", "POST", "/v1/user-search"),
        ("exportCitizen", "GET", "/v1/users/{user_id}/export"),
        ("eraseCitizen", "DELETE", "/v1/users/{user_id}"),
        ("getProfile", "GET", "/v1/users/{user_id}/profile"),
        ("keepProfile", "PUT", "/v1/users/{user_id}/profile"),
        ("enrolAuthenticator", "POST", "/v1/users/{user_id}/authenticator"),
        ("confirmAuthenticator", "POST", "/v1/users/{user_id}/authenticator/confirm"),
        ("getAuthenticator", "GET", "/v1/users/{user_id}/authenticator"),
        ("dropAuthenticator", "DELETE", "/v1/users/{user_id}/authenticator"),
        ("listQueues", "GET", "/v1/queues"),
        ("getQueue", "GET", "/v1/queues/{queue}"),
        ("listAgents", "GET", "/v1/agents"),
        ("logInAgent", "POST", "/v1/agents/{agent_id}/login"),
        ("logOutAgent", "POST", "/v1/agents/{agent_id}/logout"),
        ("pauseAgent", "POST", "/v1/agents/{agent_id}/pause"),
        ("resumeAgent", "POST", "/v1/agents/{agent_id}/resume"),
        ("listAudit", "GET", "/v1/audit"),
        ("verifyAudit", "GET", "/v1/audit/verification"),
        ("listClients", "GET", "/v1/clients"),
        ("addClient", "POST", "/v1/clients"),
        ("getClient", "GET", "/v1/clients/{client_id}"),
        ("changeClient", "PATCH", "/v1/clients/{client_id}"),
        ("disableClient", "POST", "/v1/clients/{client_id}/disable"),
        ("addKey", "POST", "/v1/clients/{client_id}/keys"),
        ("dropKey", "DELETE", "/v1/clients/{client_id}/keys/{key_id}"),
        ("listDeliveries", "GET", "/v1/webhook-deliveries"),
        ("replayDelivery", "POST", "/v1/webhook-deliveries/{event_id}/replay"),
        ("testWebhook", "POST", "/v1/webhook-deliveries/test"),
        ("isAlive", "GET", "/healthz"),
        ("isReady", "GET", "/readyz"),
        ("getMetrics", "GET", "/metrics"),
        ("getOpenApi", "GET", "/openapi.json"),
        ("getDocs", "GET", "/docs"),
        ("explainProblem", "GET", "/problems/{slug}"),
    ]


@pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.id)
def test_every_operation_describes_its_problems(operation: Operation) -> None:
    described = build(ALL, "0")["paths"][operation.path][operation.method.lower()]
    for slug in problems_of(operation):
        response = described["responses"][str(CATALOGUE[slug].status)]
        assert "application/problem+json" in response["content"]
        if str(CATALOGUE[slug].status) not in {str(answer.status) for answer in operation.answers}:
            assert f"`{slug}`" in response["description"]


def test_every_problem_can_come_from_somewhere() -> None:
    from_operations = {slug for operation in ALL for slug in problems_of(operation)}
    before_any_operation = {"not-found", "method-not-allowed", "expectation-failed", "not-allowed-origin"}
    assert from_operations | before_any_operation == set(CATALOGUE)


async def test_the_examples_of_the_contract_work(site: Site) -> None:
    operation = next(operation for operation in ALL if operation.id == "initiateCall")
    assert operation.body
    for number, example in enumerate(operation.body.examples.values()):
        CallRequest.model_validate(example)
        example["user"]["id"] = f"u-{number}"
        assert (await site.initiate(example)).status == 202


async def test_the_page_runs_only_its_own_script(site: Site) -> None:
    reply = await site.get("/docs", headers=ANYBODY)
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"] == POLICY
    assert "'unsafe" not in POLICY
    assert reply.body.decode() == HTML
    assert not re.findall(r"(?:src|href)=\"(?!openapi\.json)", HTML)
    assert "http://" not in HTML
    assert "https://" not in HTML


@pytest.mark.parametrize("slug", CATALOGUE)
async def test_every_problem_explains_itself_to_everybody(site: Site, slug: str) -> None:
    reply = await site.get(f"/problems/{slug}", headers=ANYBODY)
    assert reply.status == 200
    assert reply.json["type"] == f"/problems/{slug}"
    assert reply.json["meaning"]
    assert reply.json["remedy"]


async def test_a_problem_that_does_not_exist_is_one(site: Site) -> None:
    assert (await site.get("/problems/nothing", headers=ANYBODY)).problem == "not-found"


def test_the_page_of_problems_has_a_row_for_each() -> None:
    page = as_markdown()
    assert [f"`/problems/{slug}`" in page for slug in CATALOGUE] == [True] * len(CATALOGUE)


async def test_every_answer_forbids_guessing_its_type(site: Site) -> None:
    for path in ("/healthz", "/docs", "/nowhere", "/v1/calls"):
        reply = await site.get(path)
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Server"] == "pbx-bridge"


async def test_pages_of_other_origins_are_not_helped_by_default(site: Site) -> None:
    reply = await site.get("/v1/calls", headers={"Origin": "https://portal.example"})
    assert "Access-Control-Allow-Origin" not in reply.headers
    preflight = {"Origin": "https://portal.example", "Access-Control-Request-Method": "GET"}
    assert (await site.ask("OPTIONS", "/v1/calls", headers=preflight)).status == 405


async def test_pages_of_allowed_origins_may_ask_and_see(house: House) -> None:
    async with serve(house, cors_origins=("https://portal.example",)) as site:
        asked = {"Origin": "https://portal.example", "Access-Control-Request-Method": "GET"}
        asked |= {"Access-Control-Request-Headers": "authorization,last-event-id"}
        preflight = await site.ask("OPTIONS", "/v1/calls", headers={**asked, **ANYBODY})
        assert preflight.status == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://portal.example"
        assert "Access-Control-Allow-Credentials" not in preflight.headers
        refused = await site.get("/v1/calls", headers={"Origin": "https://portal.example", **ANYBODY})
        assert refused.status == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "https://portal.example"
        assert "WWW-Authenticate" in refused.headers["Access-Control-Expose-Headers"]
        other = await site.ask("OPTIONS", "/v1/calls", headers={**asked, "Origin": "https://evil.example"})
        assert (other.status, other.problem) == (403, "not-allowed-origin")
        call_id = await site.open_call()
        async with site.follow(call_id, Origin="https://portal.example") as stream:
            assert stream.response.headers["Access-Control-Allow-Origin"] == "https://portal.example"


async def test_a_form_of_another_site_cannot_start_a_call(site: Site) -> None:
    data = aiohttp.FormData({"service": "support"})
    reply = await site.post("/v1/calls", data=data, headers={"Idempotency-Key": "k"})
    assert reply.status == 415
