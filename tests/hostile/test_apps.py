"""Attacks on authenticator apps: codes and recovery codes used twice, and apps that a thief enrols."""

from __future__ import annotations

import asyncio

import pyotp

from tests.hostile.asker import Asker
from tests.hostile.attacker import Attacker
from tests.hostile.fort import ANNA, BORIS, VERA, Fort
from tests.hostile.guessing import LOCKED, OVER, WRONG, others, told

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")


class App:
    """A citizen's authenticator app that was enrolled and confirmed."""

    def __init__(self, fort: Fort, secret: str, recovery: list[str]) -> None:
        self.fort, self.secret, self.recovery = fort, secret, recovery

    @property
    def code(self) -> str:
        shown = pyotp.TOTP(self.secret).at(self.fort.time())
        self.fort.treasure.keep("code", shown)
        return shown


async def enrolled(fort: Fort, user: str, asker: Asker | None = None) -> App:
    """By the portal, which answers for its citizens."""
    asker = asker or fort.portal
    path = f"/v1/users/{user}/authenticator"
    secret = (await asker.ask("POST", path)).json["secret"]
    fort.treasure.keep("app secret", secret)
    app = App(fort, secret, [])
    answer = await asker.ask("POST", f"{path}/confirm", {"code": app.code})
    app.recovery = answer.json["recovery_codes"]
    fort.treasure.keep("recovery code", *app.recovery)
    await fort.time.advance(60)
    return app


async def test_the_code_of_an_app_twice(fort: Fort) -> None:
    fort.fake.citizen(ANNA, busy=True)
    app, anna = await enrolled(fort, "anna"), await fort.citizen("anna")
    first, code = await anna.wants_call(code_channel="totp"), app.code
    assert (await anna.confirms(first, code)).status == 200
    await fort.time.advance(10)
    second = await anna.wants_call(code_channel="totp")
    assert (await anna.confirms(second, code)).refused == WRONG
    assert fort.fake.rings == {ANNA: 1}


async def test_the_code_of_an_app_in_two_calls_at_once(fort: Fort) -> None:
    """One citizen's app is one portal's: two programs know two citizens, and each needs an app of its own."""
    other = await fort.program()
    app, anna = await enrolled(fort, "anna"), await fort.citizen("anna")
    call = await anna.wants_call(code_channel="totp")
    assert (await other.initiates(ANNA, user="anna", code_channel="totp")).refused == (409, "no-code")
    code = app.code
    answers = await asyncio.gather(*(anna.confirms(call, code) for _ in range(50)))
    assert told(answers) == {(200, ""): 1, OVER: 49}


async def test_the_code_that_confirmed_an_app_confirms_no_call(fort: Fort) -> None:
    path = "/v1/users/anna/authenticator"
    secret = (await fort.portal.ask("POST", path)).json["secret"]
    fort.treasure.keep("app secret", secret)
    code = App(fort, secret, []).code
    assert (await fort.portal.ask("POST", f"{path}/confirm", {"code": code})).status == 200
    anna = await fort.citizen("anna")
    call = await anna.wants_call(code_channel="totp")
    assert (await anna.confirms(call, code)).refused == WRONG
    assert fort.nothing_rang


async def test_a_recovery_code_twice(fort: Fort) -> None:
    fort.fake.citizen(ANNA, busy=True)
    app, anna = await enrolled(fort, "anna"), await fort.citizen("anna")
    call = await anna.wants_call(code_channel="totp")
    answers = await asyncio.gather(*(anna.confirms(call, app.recovery[0]) for _ in range(20)))
    assert told(answers)[200, ""] == 1
    await fort.time.advance(10)
    again = await anna.wants_call(code_channel="totp")
    assert (await anna.confirms(again, app.recovery[0])).refused == WRONG
    assert fort.fake.rings == {ANNA: 1}


async def test_an_apps_codes_are_guessed_until_the_lock(fort: Fort) -> None:
    app, anna = await enrolled(fort, "anna"), await fort.citizen("anna")
    for _ in range(2):
        call = await anna.wants_call(code_channel="totp")
        answers = await asyncio.gather(*(anna.confirms(call, guess) for guess in others(app.code, 100)))
        assert told(answers)[WRONG] == 3
        await fort.time.advance(1)
    assert (await anna.initiates(code_channel="totp")).refused == LOCKED
    assert fort.nothing_rang


async def test_an_app_that_nobody_has_confirmed_confirms_nothing(fort: Fort) -> None:
    secret = (await fort.portal.ask("POST", "/v1/users/anna/authenticator")).json["secret"]
    fort.treasure.keep("app secret", secret)
    anna = await fort.citizen("anna")
    assert (await anna.initiates(code_channel="totp")).refused == (409, "no-code")
    call = await anna.wants_call()
    assert (await anna.asks_code(call, "totp")).refused == (409, "no-code")
    assert (await anna.confirms(call, App(fort, secret, []).code)).refused == WRONG


async def test_a_stolen_session_enrols_no_app_and_drops_none(fort: Fort) -> None:
    policy = await fort.program(vouching={"amr": ["otp"], "max_age_s": 300})
    app = await enrolled(fort, "anna", policy)
    now = int(fort.time().timestamp())
    stolen = [
        await fort.citizen("anna", program=policy),
        await fort.citizen("anna", program=policy, amr=["pwd"], auth_time=now),
        await fort.citizen("anna", program=policy, amr=["otp"], auth_time=now - 301),
        await fort.citizen("anna", program=policy, amr=["otp"], auth_time=now + 3600),
        await fort.citizen("anna", program=policy, amr=["otp"]),
        await fort.citizen("anna", amr=["otp"], auth_time=now),
    ]
    for session in stolen:
        for method in ("POST", "DELETE"):
            answer = await session.ask(method, "/v1/users/anna/authenticator")
            assert answer.refused == (403, "second-factor-required")
    call = await stolen[0].wants_call(code_channel="totp")
    assert (await stolen[0].confirms(call, app.code)).status == 200
    refused = [line for line in await fort.audit() if line[1].endswith("-authenticator") and line[2] == "refused"]
    assert len(refused) == 12


async def test_an_enrolment_of_another_citizen(fort: Fort, attacker: Attacker) -> None:
    boris = await fort.citizen("boris", BORIS)
    for method, path in (("POST", ""), ("DELETE", ""), ("GET", ""), ("POST", "/confirm")):
        body = {"code": "123456"} if path else None
        assert (await boris.ask(method, f"/v1/users/anna/authenticator{path}", body)).refused == (
            404,
            "unknown-citizen",
        )
        assert (await attacker.ask(method, f"/v1/users/anna/authenticator{path}", body)).refused == (
            401,
            "unauthorized",
        )
    assert VERA not in fort.fake.rings
