"""A citizen's authenticator app over HTTP: shown once, confirmed by its own codes, and out of a thief's reach."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from structlog.testing import capture_logs

from pbx_bridge.conductor.factor import AppFactor
from pbx_bridge.ledger.access import Authenticator, Role
from pbx_bridge.portal.turns import TURNS

from .citizen_desk import Desk, house_of
from .portal_house import PEPPER, House, Memory, Reply, Site, away

pytest_plugins = ("tests.rooms.portal_fixtures", "tests.ledger_plugin")

PATH = "u-1/authenticator"


@pytest.fixture(params=["memory", "paper"])
def house(request: pytest.FixtureRequest) -> House:
    return house_of(request)


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


async def enrol(desk: Desk) -> str:
    """The portal enrols Anna's app; its secret."""
    reply = await desk.ask("POST", PATH)
    assert reply.status == 201, reply.body
    return str(reply.json["secret"])


async def confirm(desk: Desk, code: str) -> Reply:
    return await desk.ask("POST", f"{PATH}/confirm", json={"code": code})


def shown(desk: Desk, secret: str) -> str:
    """What Anna's app shows now."""
    return pyotp.TOTP(secret).at(desk.house.clock())


def wrong(desk: Desk, secret: str) -> str:
    """A code that Anna's app does not show around now."""
    app, now = pyotp.TOTP(secret), int(desk.house.clock().timestamp())
    near = {app.at(now + 30 * step) for step in range(-2, 3)}
    return next(code for code in map("{:06}".format, range(10)) if code not in near)


async def kept(desk: Desk) -> Authenticator | None:
    found: Authenticator | None = await Memory(desk.house).authenticator(desk.portal, "u-1")
    return found


async def test_enrolling_shows_secret_uri_and_picture(desk: Desk) -> None:
    reply = (await desk.ask("POST", PATH)).json
    uri = urlsplit(reply["otpauth_uri"])
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/pbx-bridge:u-1")
    assert parse_qs(uri.query)["secret"] == [reply["secret"]]
    assert reply["qr_svg"].startswith("data:image/svg+xml")
    assert "<path" in unquote(reply["qr_svg"])
    assert "script" not in reply["qr_svg"]


async def test_it_counts_once_the_app_has_shown_a_right_code(desk: Desk) -> None:
    secret = await enrol(desk)
    before = (await desk.ask("GET", PATH)).json
    assert (before["confirmed"], before["recovery_left"]) == (False, 0)
    reply = await confirm(desk, shown(desk, secret))
    codes = reply.json["recovery_codes"]
    assert reply.status == 200
    assert len(set(codes)) == 10
    after = await desk.ask("GET", PATH)
    assert after.json == {
        "confirmed": True,
        "enrolled_at": "2026-01-12T06:00:00Z",
        "confirmed_at": "2026-01-12T06:00:00Z",
        "recovery_left": 10,
    }
    for private in (secret, *codes):
        assert private not in after.body.decode()


async def test_the_code_that_confirmed_it_and_each_recovery_code_count_once(desk: Desk) -> None:
    secret = await enrol(desk)
    code = shown(desk, secret)
    recovery = (await confirm(desk, code)).json["recovery_codes"]
    app, factor = await kept(desk), AppFactor(PEPPER)
    assert app
    assert factor(app, code, desk.house.clock()) is None
    used = factor(app, recovery[3], desk.house.clock())
    assert used
    assert factor(used, recovery[3], desk.house.clock()) is None
    assert factor(used, recovery[4].upper(), desk.house.clock())


async def test_no_recovery_code_is_kept_in_clear(desk: Desk) -> None:
    codes = (await confirm(desk, shown(desk, await enrol(desk)))).json["recovery_codes"]
    app = await kept(desk)
    assert app
    for code in codes:
        assert code not in str(app.recovery)
        assert code.replace("-", "") not in str(app.recovery)


async def test_an_enrolment_that_was_not_confirmed_gives_way_to_the_next(desk: Desk) -> None:
    first, second = await enrol(desk), await enrol(desk)
    assert first != second
    assert (await confirm(desk, shown(desk, first))).problem == "authenticator-mismatch"
    assert (await confirm(desk, shown(desk, second))).status == 200


async def test_a_confirmed_one_must_be_dropped_before_another_is_enrolled(desk: Desk) -> None:
    secret = await enrol(desk)
    await confirm(desk, shown(desk, secret))
    for reply in (await desk.ask("POST", PATH), await confirm(desk, shown(desk, secret))):
        assert (reply.status, reply.problem) == (409, "authenticator-exists")
    assert (await desk.ask("DELETE", PATH)).json == {"dropped": True}
    assert (await desk.ask("DELETE", PATH)).json == {"dropped": False}
    assert (await desk.ask("GET", PATH)).problem == "no-authenticator"
    await enrol(desk)


async def test_after_five_wrong_codes_it_must_be_enrolled_anew(desk: Desk) -> None:
    secret = await enrol(desk)
    bad = wrong(desk, secret)
    left = [(await confirm(desk, bad)).json["attempts_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert (await confirm(desk, shown(desk, secret))).problem == "no-authenticator"
    again = await enrol(desk)
    assert (await confirm(desk, wrong(desk, again))).json["attempts_left"] == 4
    assert (await confirm(desk, shown(desk, again))).status == 200


async def test_guesses_at_once_are_no_more_guesses(desk: Desk) -> None:
    bad = wrong(desk, await enrol(desk))
    replies = await asyncio.gather(*(confirm(desk, bad) for _ in range(20)))
    assert sorted(reply.problem for reply in replies) == ["authenticator-mismatch"] * 5 + ["no-authenticator"] * 15
    assert len(desk.site.app[TURNS]) == 0


async def test_a_right_code_sent_twice_at_once_confirms_once(desk: Desk) -> None:
    code = shown(desk, await enrol(desk))
    replies = await asyncio.gather(*(confirm(desk, code) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409, 409]
    codes = next(reply.json["recovery_codes"] for reply in replies if reply.status == 200)
    app = await kept(desk)
    assert app
    assert AppFactor(PEPPER)(app, codes[0], desk.house.clock())


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "１２３４５６", " 12345", 123456, None])
async def test_what_is_not_six_digits_is_no_try(desk: Desk, code: Any) -> None:
    secret = await enrol(desk)
    assert list((await confirm(desk, code)).complaints) == ["/code"]
    assert (await confirm(desk, wrong(desk, secret))).json["attempts_left"] == 4


async def test_every_step_is_a_line_in_the_audit(desk: Desk) -> None:
    secret = await enrol(desk)
    await confirm(desk, wrong(desk, secret))
    await confirm(desk, shown(desk, secret))
    await desk.ask("GET", PATH)
    await desk.ask_as_citizen("DELETE", PATH)
    await desk.ask_as_citizen("DELETE", PATH, acr="high")
    assert await desk.noted() == [
        "portal enrol-authenticator taken",
        "portal confirm-authenticator refused",
        "portal confirm-authenticator taken",
        "portal read-authenticator taken",
        "citizen drop-authenticator refused",
        "citizen drop-authenticator taken",
    ]


async def test_nothing_of_it_is_in_the_log(desk: Desk) -> None:
    with capture_logs() as logs:
        secret = await enrol(desk)
        code = shown(desk, secret)
        recovery = (await confirm(desk, code)).json["recovery_codes"]
    for private in (secret, code, *recovery):
        assert not re.search(rf"\b{private}\b", str(logs))


@pytest.mark.parametrize("user", ["Анна" * 32, "𝒜" * 128, "a:b/c%2F?#&=", "<svg onload='x'>"])
async def test_a_picture_is_drawn_whatever_the_citizen_is_called(desk: Desk, user: str) -> None:
    segment = "".join(f"%{byte:02X}" for byte in user.encode())
    head = desk.site.bearer(desk.site.client, desk.site.client.scopes)["Authorization"]
    request = f"POST /v1/users/{segment}/authenticator HTTP/1.1\r\nHost: x\r\nAuthorization: {head}\r\n"
    answer = await desk.site.raw(request.encode() + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 201 "), answer
    assert b"onload" not in answer.split(b"qr_svg")[1]


# ── citizens for themselves ──────────────────────────────────────────────────────────────────────────────
async def test_a_citizen_enrols_with_a_fresh_second_factor_only(desk: Desk) -> None:
    for how in ({}, {"acr": "low"}, {"acr": "high", "age_s": 301}):
        reply = await desk.ask_as_citizen("POST", PATH, **how)
        assert (reply.status, reply.problem) == (403, "second-factor-required")
    assert await kept(desk) is None
    secret = (await desk.ask_as_citizen("POST", PATH, acr="high")).json["secret"]
    reply = await desk.ask_as_citizen("POST", f"{PATH}/confirm", json={"code": shown(desk, secret)})
    assert reply.status == 200


async def test_a_stolen_session_does_not_drop_it(desk: Desk) -> None:
    await confirm(desk, shown(desk, await enrol(desk)))
    reply = await desk.ask_as_citizen("DELETE", PATH)
    assert reply.problem == "second-factor-required"
    assert (await desk.ask("GET", PATH)).json["confirmed"] is True


async def test_a_citizen_has_none_but_their_own(desk: Desk) -> None:
    secret = await enrol(desk)
    for method, path, how in (
        ("POST", PATH, {}),
        ("POST", f"{PATH}/confirm", {"json": {"code": shown(desk, secret)}}),
        ("GET", PATH, {}),
        ("DELETE", PATH, {}),
    ):
        reply = await desk.ask_as_citizen(method, path, "u-2", acr="high", **how)
        assert (reply.status, reply.problem) == (404, "unknown-citizen")
    app = await kept(desk)
    assert app
    assert app.confirmed_at is None


@pytest.mark.parametrize("house", ["memory"], indirect=True)
@pytest.mark.parametrize("role", [Role.ENGINEER, Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN])
async def test_staff_have_no_hand_in_it(desk: Desk, role: Role) -> None:
    await enrol(desk)
    for method in ("POST", "GET", "DELETE"):
        assert (await desk.ask(method, PATH, role)).status == 403


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_what_cannot_be_noted_is_not_done(desk: Desk) -> None:
    secret = await enrol(desk)
    before = await kept(desk)
    desk.house.unwritable = away()
    for reply in (
        await desk.ask("POST", PATH),
        await confirm(desk, shown(desk, secret)),
        await desk.ask("GET", PATH),
        await desk.ask("DELETE", PATH),
    ):
        assert reply.problem == "database-unavailable"
    assert await kept(desk) == before
