"""Recordings over HTTP: who may pause them, take the consent back, see that they are there, and hear them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Consent, RecordingState, Terms
from pbx_bridge.directory.service import Recording, Service
from pbx_bridge.hours.schedule import ALWAYS
from pbx_bridge.ledger.access import GivenConsent, Profile, Role
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_house import BODY, House, Reply, Site, serve
from .portal_tapes import BEGAN, SOUND, kept

pytest_plugins = ("tests.rooms.portal_fixtures",)

YES = {"phone_data": True, "recording": True, "text_version": "2026-01"}
SERVICES = {"support": Service("support", "support", ALWAYS, recording=Recording(offer=True))}


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house, services=SERVICES, terms=Terms(record=True)) as running:
        yield running


def staff(site: Site, role: Role) -> dict[str, str]:
    client, _ = site.house.client(role.value, role=role, scopes=SCOPES_OF[role])
    return site.bearer(client, client.scopes)


async def recorded(site: Site, **how: Any) -> str:
    """A call whose citizen agreed, and heard that it is recorded; its id."""
    reply = await site.initiate({**BODY, "consent": YES}, **how)
    call_id = str(reply.json["call"]["id"])
    leg = site.house.calls_[call_id].leg or ""
    for fact in (e.DeviceAnswered(leg), e.RecordingArmed(leg)):
        site.house.tell(call_id, fact)
    return call_id


async def steer(site: Site, call_id: str, action: str, **how: Any) -> Reply:
    return await site.post(f"/v1/calls/{call_id}/recording", json={"action": action}, **how)


def state(reply: Reply) -> str:
    return str(reply.json["call"]["recording"]["state"])


# ── steering ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_recording_is_paused_and_goes_on(site: Site) -> None:
    call_id = await recorded(site)
    assert state(await steer(site, call_id, "pause")) == "paused"
    assert state(await steer(site, call_id, "resume")) == "on"


async def test_a_supervisor_pauses_but_takes_nobodys_consent_back(site: Site) -> None:
    call_id, headers = await recorded(site), staff(site, Role.SUPERVISOR)
    assert state(await steer(site, call_id, "pause", headers=headers)) == "paused"
    refused = await steer(site, call_id, "stop", headers=headers)
    assert (refused.status, refused.problem) == (403, "wrong-role")
    assert site.house.calls_[call_id].recording.state is RecordingState.PAUSED  # type: ignore[union-attr]


async def test_what_the_citizen_takes_back_is_taken_back_in_the_profile_too(site: Site) -> None:
    call_id = await recorded(site)
    for _ in range(2):
        assert state(await steer(site, call_id, "stop", headers=site.as_citizen())) == "withdrawn"
    (profile,) = site.house.profiles_.values()
    assert [each.consent.recording for each in profile.consents] == [False]


async def test_who_was_overtaken_is_told_so(site: Site) -> None:
    call_id = await recorded(site)
    reply = await steer(site, call_id, "pause", headers=site.bearer() | {"If-Match": '"1"'})
    assert (reply.status, reply.problem) == (412, "revision-passed")


async def test_a_call_without_consent_has_nothing_to_pause(site: Site) -> None:
    call_id = await site.open_call()
    reply = await steer(site, call_id, "pause")
    assert (reply.status, reply.problem) == (409, "not-steerable")
    assert "not recorded" in reply.json["detail"]


async def test_another_citizens_recording_does_not_exist(site: Site) -> None:
    call_id = await recorded(site)
    reply = await steer(site, call_id, "stop", headers=site.as_citizen("u-2"))
    assert (reply.status, reply.problem) == (404, "unknown-call")


# ── consent that was given before ────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("agreed", "wanted"), [(True, "asked"), (False, None)])
async def test_the_profiles_last_word_counts_where_the_request_says_nothing(
    site: Site, agreed: bool, wanted: str | None
) -> None:
    whose = (site.client.id, "u-1")
    before = GivenConsent(Consent(True, not agreed, "2025-01"), BEGAN)
    last = GivenConsent(Consent(True, agreed, "2026-01"), BEGAN)
    site.house.profiles_[whose] = Profile(*whose, consents=(before, last))
    told = (await site.get(f"/v1/calls/{await site.open_call()}")).json["call"]["recording"]
    assert (told and told["state"]) == wanted


async def test_a_profile_that_says_no_from_now_on_stops_what_goes_on(site: Site) -> None:
    body = {"consent": YES | {"recording": False}}
    assert (await site.ask("PUT", "/v1/users/u-1/profile", json=body)).status == 200
    assert site.house.withdrawn == [(site.client.id, "u-1")]


# ── listening ────────────────────────────────────────────────────────────────────────────────────────────
async def test_its_owner_sees_that_there_is_one_and_does_not_hear_it(site: Site) -> None:
    call_id = await site.open_call()
    id_ = site.house.tape(kept(call_id))
    listed = (await site.get(f"/v1/calls/{call_id}/recordings", headers=site.as_citizen())).json["recordings"]
    assert [(each["id"], each["state"], each["consent"]["how"]) for each in listed] == [(id_, "kept", "request")]
    for headers in (site.as_citizen(), site.bearer()):
        assert (await site.get(f"/v1/recordings/{id_}", headers=headers)).status == 403


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AUDITOR])
async def test_who_hears_it_stands_in_the_audit_first(site: Site, role: Role) -> None:
    id_ = site.house.tape(kept(await site.open_call()))
    heard = await site.get(f"/v1/recordings/{id_}", headers=staff(site, role))
    assert (heard.status, heard.body, heard.headers["Content-Type"]) == (200, SOUND, "audio/wav")
    line, citizen = site.house.lines[-1]
    assert (line.action, line.detail["recording"], citizen) == ("hear-recording", id_, (site.client.id, "u-1"))


async def test_without_a_line_in_the_audit_nobody_hears_anything(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = site.house.tape(kept(await site.open_call()))
    headers = staff(site, Role.AUDITOR)

    async def full(lines: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(site.house, "note", full)
    heard = await site.get(f"/v1/recordings/{id_}", headers=headers)
    assert (heard.status, heard.problem) == (503, "database-unavailable")


async def test_what_was_changed_is_not_heard(site: Site) -> None:
    id_ = site.house.tape(kept(await site.open_call()))
    site.house.broken.add(id_)
    heard = await site.get(f"/v1/recordings/{id_}", headers=staff(site, Role.AUDITOR))
    assert (heard.status, heard.problem) == (500, "recording-broken")


async def test_what_is_gone_says_so(site: Site) -> None:
    id_ = site.house.tape(kept(await site.open_call(), key=None, state="doomed"))
    heard = await site.get(f"/v1/recordings/{id_}", headers=staff(site, Role.AUDITOR))
    assert (heard.status, heard.problem) == (410, "recording-gone")


@pytest.mark.parametrize("id_", ["rec_1_1", "..%2F..%2Fetc%2Fpasswd", "rec_a_1800000000000", "%00"])
async def test_no_other_name_leads_to_a_file(site: Site, id_: str) -> None:
    heard = await site.get(f"/v1/recordings/{id_}", headers=staff(site, Role.AUDITOR))
    assert (heard.status, heard.problem) == (404, "unknown-recording")
