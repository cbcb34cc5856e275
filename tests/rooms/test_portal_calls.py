"""Starting, reading, listing and ending calls over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pbx_bridge.call.model import DeviceKind
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.conductor.errors import AlreadyScheduled, KeyInFlight, MemoryUnavailable
from pbx_bridge.portal import answers

from .portal_house import BODY, House, Site, away, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

WHOLE = {
    "service": "support",
    "to": None,
    "user": {"id": "u-1", "phone": "+79161234567", "time_zone": "Asia/Kamchatka", "locale": "ru"},
    "devices": [{"kind": "browser"}, {"kind": "sip", "address": "alice"}, {"kind": "mobile", "number": "+79031112233"}],
    "session_id": "s-1",
    "time_limit_s": 60,
    "subject": "Не приходит СМС",
    "when": "now",
    "consent": {"phone_data": True, "recording": False, "text_version": "2026-01"},
    "client_ref": "line one\nline two",
}


async def test_a_call_is_accepted_with_its_ticket_and_where_to_read_on(site: Site) -> None:
    reply = await site.initiate()
    assert reply.status == 202
    call = reply.json["call"]
    assert reply.headers["Location"] == f"/v1/calls/{call['id']}"
    assert reply.json["events_url"] == f"/v1/calls/{call['id']}/events"
    assert reply.json["ticket"] == call["ticket"]
    assert (call["state"], call["revision"]) == ("requested", 1)
    assert "Idempotent-Replayed" not in reply.headers


async def test_everything_that_was_asked_reaches_the_conductor(site: Site, house: House) -> None:
    assert (await site.initiate(WHOLE, key="k-1")).status == 202
    wanted = house.wanted[0]
    request = wanted.request
    assert (wanted.client, wanted.key) == (site.client.id, "k-1")
    assert [device.kind for device in request.devices] == [DeviceKind.BROWSER, DeviceKind.SIP, DeviceKind.MOBILE]
    assert request.devices[1].address == "alice"
    assert request.devices[2].phone is not None
    assert request.devices[2].phone.e164 == "+79031112233"
    assert (request.user, request.service, request.queue) == ("u-1", "support", "support")
    assert (request.time_zone, request.locale, request.session_id) == ("Asia/Kamchatka", "ru", "s-1")
    assert (request.subject, request.client_ref) == ("Не приходит СМС", "line one\nline two")
    assert request.consent is not None
    assert request.consent.phone_data
    assert wanted.terms.time_limit_s == 60


async def test_without_devices_the_users_phone_rings(site: Site, house: House) -> None:
    await site.initiate()
    (device,) = house.wanted[0].request.devices
    assert device.kind is DeviceKind.MOBILE
    assert device.phone == house.wanted[0].request.phone


async def test_a_mobile_without_number_is_the_users_phone(site: Site, house: House) -> None:
    await site.initiate({**BODY, "devices": [{"kind": "mobile"}]})
    assert house.wanted[0].request.devices[0].phone == house.wanted[0].request.phone


async def test_a_request_that_leaves_nothing_to_ring_is_refused(site: Site, house: House) -> None:
    reply = await site.initiate({"service": "support", "user": {"id": "u-1"}})
    assert reply.complaints == {"/devices": "is required, as user.phone is not given"}
    reply = await site.initiate({"service": "support", "user": {"id": "u-1"}, "devices": [{"kind": "mobile"}]})
    assert list(reply.complaints) == ["/devices/0/number"]
    assert not house.wanted


async def test_a_sip_device_needs_no_phone_at_all(site: Site) -> None:
    body = {"service": "support", "user": {"id": "u-1"}, "devices": [{"kind": "sip", "address": "alice"}]}
    assert (await site.initiate(body)).status == 202


async def test_the_same_request_again_gets_the_stored_answer(site: Site, house: House) -> None:
    first = await site.initiate(key="k")
    house.rings(first.json["call"]["id"])
    again = await site.initiate(key="k")
    assert again.status == 202
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(house.calls_) == 1


async def test_the_key_is_the_same_with_and_without_the_drafts_quotes(site: Site, house: House) -> None:
    await site.initiate(key="k")
    assert (await site.initiate(key='"k"')).headers["Idempotent-Replayed"] == "true"


async def test_the_order_of_members_does_not_make_another_request(site: Site) -> None:
    await site.initiate(key="k")
    turned = dict(reversed(list(BODY.items())))
    assert (await site.initiate(turned, key="k")).headers["Idempotent-Replayed"] == "true"


async def test_a_key_cannot_be_used_for_another_body(site: Site) -> None:
    await site.initiate(key="k")
    reply = await site.initiate({**BODY, "subject": "other"}, key="k")
    assert (reply.status, reply.problem) == (422, "idempotency-key-reused")


async def test_clients_do_not_share_keys(site: Site, house: House) -> None:
    other, _ = house.client("other")
    await site.initiate(key="k")
    reply = await site.initiate({**BODY, "subject": "other"}, key="k", client=other)
    assert reply.status == 202


async def test_without_a_key_nothing_is_started(site: Site, house: House) -> None:
    reply = await site.post("/v1/calls", json=BODY)
    assert (reply.status, reply.problem) == (400, "idempotency-key-missing")
    assert not house.wanted


@pytest.mark.parametrize("key", ["", " ", "a b", "a\tb", "ключ", "k" * 256, "k\u00a0", '"'])
async def test_keys_of_other_forms_are_refused(site: Site, house: House, key: str) -> None:
    reply = await site.post("/v1/calls", json=BODY, headers={"Idempotency-Key": key})
    assert reply.status == 400
    assert not house.wanted


async def test_a_citizen_with_an_active_call_is_told_which(site: Site) -> None:
    call_id = await site.open_call()
    reply = await site.initiate()
    assert (reply.status, reply.problem) == (409, "citizen-busy")
    assert reply.json["call_id"] == call_id
    assert reply.headers["Location"] == f"/v1/calls/{call_id}"


@pytest.mark.parametrize(
    ("trouble", "status", "slug", "retry"),
    [
        (KeyInFlight("the first request is being answered"), 409, "request-in-flight", "1"),
        (AlreadyScheduled("call_x"), 409, "already-scheduled", None),
    ],
)
async def test_the_conductors_refusals_become_problems(
    site: Site, house: House, trouble: Exception, status: int, slug: str, retry: str | None
) -> None:
    house.refusal = trouble
    reply = await site.initiate()
    assert (reply.status, reply.problem, reply.headers.get("Retry-After")) == (status, slug, retry)


@pytest.mark.parametrize("trouble", [away(), MemoryUnavailable("away"), TimeoutError()])
async def test_without_a_database_the_answer_is_503_and_when_to_ask_again(
    site: Site, house: House, trouble: Exception
) -> None:
    house.trouble = trouble
    for reply in [await site.initiate(), await site.get("/v1/calls"), await site.post("/oauth/token", data={"a": "b"})]:
        if reply.status != 401:
            assert (reply.status, reply.problem) == (503, "database-unavailable")
            assert reply.headers["Retry-After"] == str(reply.json["retry_after"]) == "2"


async def test_a_call_is_read_as_it_stands_with_its_revision_as_etag(site: Site, house: House) -> None:
    call_id = await site.open_call()
    call = house.rings(call_id)
    reply = await site.get(f"/v1/calls/{call_id}")
    assert reply.json == {"call": snapshot(call)}
    assert reply.headers["ETag"] == f'"{call.revision}"'
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("seen", ['"{}"', 'W/"{}"', '"1", "{}"', "*"])
async def test_who_has_the_revision_gets_304(site: Site, house: House, seen: str) -> None:
    call_id = await site.open_call()
    seen = seen.format(house.calls_[call_id].revision)
    reply = await site.get(f"/v1/calls/{call_id}", headers={"If-None-Match": seen})
    assert (reply.status, reply.body) == (304, b"")
    house.rings(call_id)
    if seen != "*":
        assert (await site.get(f"/v1/calls/{call_id}", headers={"If-None-Match": seen})).status == 200


async def test_another_clients_call_does_not_exist(site: Site, house: House) -> None:
    other, _ = house.client("other")
    call_id = await site.open_call()
    replies = [
        await site.get(f"/v1/calls/{call_id}", client=other),
        await site.get(f"/v1/calls/{call_id}/events", client=other),
        await site.post(f"/v1/calls/{call_id}/abort", client=other),
        await site.get(f"/v1/calls/{call_id}/events", client=other, headers={"Accept": "text/event-stream"}),
    ]
    assert {(reply.status, reply.problem) for reply in replies} == {(404, "unknown-call")}
    assert house.calls_[call_id].outcome is None
    assert (await site.get("/v1/calls", client=other)).json == {"calls": [], "next_cursor": None}


@pytest.mark.parametrize("call_id", ["call_1", "x", "call_%00", "%2e%2e", "call_" + "i" * 26, "call_" + "0" * 27])
async def test_no_call_has_such_an_id(site: Site, call_id: str) -> None:
    reply = await site.get(f"/v1/calls/{call_id}")
    assert reply.status == 404


async def test_numbers_leave_masked(site: Site) -> None:
    call_id = await site.open_call()
    for path in (f"/v1/calls/{call_id}", "/v1/calls", f"/v1/calls/{call_id}/events"):
        body = (await site.get(path)).body
        assert b"+7916***4567" in body
        assert b"1234567" not in body


async def test_the_document_describes_every_member_of_a_call(site: Site, house: House) -> None:
    call = house.rings(await site.open_call())
    shown = snapshot(call)
    assert set(shown) == set(answers.Call.model_fields)
    answers.Call.model_validate(shown)


async def test_calls_are_listed_newest_first_page_by_page(site: Site) -> None:
    made = [await site.open_call(user=f"u-{number}") for number in range(5)]
    first = (await site.get("/v1/calls?limit=3")).json
    rest = (await site.get(f"/v1/calls?limit=3&cursor={first['next_cursor']}")).json
    assert [call["id"] for call in first["calls"] + rest["calls"]] == sorted(made, reverse=True)
    assert rest["next_cursor"] is None


async def test_calls_are_found_by_user_state_service_and_time(site: Site, house: House) -> None:
    early = await site.open_call(user="anna")
    house.hangs_up(early)
    house.clock.later(3600)
    late = await site.open_call(user="boris")

    async def found(query: str) -> list[str]:
        return [call["id"] for call in (await site.get(f"/v1/calls?{query}")).json["calls"]]

    assert await found("user=anna") == [early]
    assert await found("state=dialing") == [late]
    assert await found("state=ended") == [early]
    assert await found("service=other") == []
    between = house.clock() - timedelta(minutes=30)
    assert await found(f"from={between:%Y-%m-%dT%H:%M:%SZ}") == [late]
    assert await found(f"to={between:%Y-%m-%dT%H:%M:%S}%2B00:00") == [early]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("state=dead", "/state"),
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=1_0", "/limit"),
        ("limit=%2B5", "/limit"),
        ("limit=%D9%A5", "/limit"),
        ("limit=99999999999999999999999", "/limit"),
        ("from=yesterday", "/from"),
        ("from=2026-01-12T06:00:00", "/from"),
        ("from=2026-13-12T06:00:00Z", "/from"),
        ("to=0001-01-01T00:00:00%2B14:00", "/to"),
        ("from=2026-01-12T06:00:00+03:00", "/from"),
        ("user=a%00b", "/user"),
        ("user=", "/user"),
        ("service=%27--", "/service"),
        ("cursor=%00", "/cursor"),
        ("cursor=nonsense", "/cursor"),
        ("status=ended", "/status"),
        ("user=a&user=b", "/user"),
    ],
)
async def test_questions_that_are_not_in_their_form_are_refused(site: Site, query: str, pointer: str) -> None:
    reply = await site.get(f"/v1/calls?{query}")
    assert reply.status == 422
    assert list(reply.complaints) == [pointer]
    assert reply.json["errors"][0]["in"] == "query"


async def test_an_abort_ends_the_call_and_says_that_it_won(site: Site) -> None:
    call_id = await site.open_call()
    reply = await site.post(f"/v1/calls/{call_id}/abort")
    assert reply.status == 200
    assert reply.json["won"] is True
    assert reply.json["call"]["outcome"] == "cancelled"
    assert reply.headers["ETag"] == f'"{reply.json["call"]["revision"]}"'


async def test_an_abort_again_is_harmless(site: Site) -> None:
    call_id = await site.open_call()
    first = await site.post(f"/v1/calls/{call_id}/abort")
    again = await site.post(f"/v1/calls/{call_id}/abort")
    assert (again.status, again.json) == (200, first.json)


async def test_an_abort_that_came_too_late_says_what_ended_the_call(site: Site, house: House) -> None:
    call_id = await site.open_call()
    house.hangs_up(call_id)
    reply = await site.post(f"/v1/calls/{call_id}/abort")
    assert (reply.status, reply.json["won"]) == (200, False)
    assert reply.json["words"] == "the call had ended before: busy"


async def test_an_abort_that_rests_on_an_old_revision_is_refused(site: Site, house: House) -> None:
    call_id = await site.open_call()
    seen = (await site.get(f"/v1/calls/{call_id}")).headers["ETag"]
    house.rings(call_id)
    for header in (seen, f"W/{house.calls_[call_id].revision}", '"x"', f'W/"{house.calls_[call_id].revision}"'):
        reply = await site.post(f"/v1/calls/{call_id}/abort", headers={"If-Match": header})
        assert reply.status in (400, 412), header
    reply = await site.post(f"/v1/calls/{call_id}/abort", headers={"If-Match": seen})
    assert reply.problem == "revision-passed"
    assert reply.headers["ETag"] == f'"{reply.json["revision"]}"' == f'"{house.calls_[call_id].revision}"'
    assert house.calls_[call_id].outcome is None


@pytest.mark.parametrize("header", ['"{}"', "*", '"1", "{}"'])
async def test_an_abort_of_the_present_revision_is_done(site: Site, house: House, header: str) -> None:
    call_id = await site.open_call()
    header = header.format(house.calls_[call_id].revision)
    reply = await site.post(f"/v1/calls/{call_id}/abort", headers={"If-Match": header})
    assert (reply.status, reply.json["won"]) == (200, True)


async def test_events_are_read_as_json_from_any_number_on(site: Site, house: House) -> None:
    call_id = await site.open_call()
    house.rings(call_id)
    house.hangs_up(call_id)
    whole = (await site.get(f"/v1/calls/{call_id}/events")).json
    assert [event["sequence"] for event in whole["events"]] == [1, 2, 3, 4]
    assert (whole["last"], whole["more"], whole["ended"]) == (4, False, True)
    part = (await site.get(f"/v1/calls/{call_id}/events?after=1&limit=2")).json
    assert part["events"] == whole["events"][1:3]
    assert (part["last"], part["more"], part["ended"]) == (3, True, False)


async def test_an_event_is_an_envelope_around_the_whole_call(site: Site, house: House) -> None:
    call_id = await site.open_call()
    event = (await site.get(f"/v1/calls/{call_id}/events")).json["events"][0]
    stored = house.events_[call_id][0]
    assert event == {
        "specversion": "1.0",
        "id": stored.id,
        "type": "call.accepted",
        "source": "/pbx-bridge/main",
        "subject": call_id,
        "time": "2026-01-12T06:00:00.000Z",
        "sequence": 1,
        "data": stored.data,
    }


async def test_many_repeats_at_once_make_one_call(site: Site, house: House) -> None:
    replies = await asyncio.gather(*(site.initiate(key="k") for _ in range(20)))
    assert {reply.status for reply in replies} == {202}
    assert len(house.calls_) == 1


async def test_a_conductor_that_never_answers_does_not_keep_the_portal_waiting(house: House) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async with serve(house, answer_s=0.01) as site:
        call_id = await site.open_call()
        house.open = house.abort = never  # type: ignore[method-assign, assignment]
        for reply in (await site.initiate(), await site.post(f"/v1/calls/{call_id}/abort")):
            assert (reply.status, reply.problem) == (503, "database-unavailable")
