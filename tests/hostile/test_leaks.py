"""A run in which everything is used, and a search for every private value of it: found nowhere.

Each other test here is searched in the same way when it ends (Fort.hold); this one uses all there is.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from pbx_bridge import logs
from pbx_bridge.ledger.values import AuditLine
from tests.hostile.asker import Asker, Program
from tests.hostile.attacker import Attacker
from tests.hostile.fort import ANNA, BORIS, VERA, Fort
from tests.hostile.guessing import code_for, others
from tests.hostile.test_apps import enrolled
from tests.hostile.treasure import Treasure

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

PAPERS = {
    "email": "anna.secret@example.ru",
    "snils": "112-233-445 95",
    "inn": "500100732259",
    "passport": "4509 123456",
}
KINDS = {
    "access token", "app secret", "citizen token", "client secret", "code", "introspection secret", "number", "paper",
    "pepper", "recovery code", "sealing key", "shared key", "signing key", "subject token",
}  # fmt: skip


@dataclass
class Everything:
    """What there is to be used, one after the other."""

    fort: Fort

    async def happens(self) -> None:
        """Good days and bad ones."""
        fort = self.fort
        portal = await fort.program(vouching={"amr": ["otp"], "max_age_s": 300})
        await self.papers(portal)
        await self.calls(portal)
        await self.trouble(portal, Attacker(fort))
        await self.staff(portal)
        await self.keys(portal)
        await fort.restart()
        await portal.ask("GET", "/v1/calls")

    async def papers(self, portal: Program) -> None:
        body = {"phone": ANNA, **PAPERS, "verified": ["phone", "snils"]}
        spelled = [*PAPERS.values(), *("".join(filter(str.isalnum, value)) for value in PAPERS.values())]
        self.fort.treasure.keep("paper", *spelled)
        self.fort.treasure.keep("number", ANNA)
        assert (await portal.ask("PUT", "/v1/users/anna/identity", body)).status == 200
        shown = await portal.ask("GET", "/v1/users/anna/identity")
        self.fort.treasure.is_nowhere_in("an answer that is masked", shown.body)

    async def calls(self, portal: Program) -> None:
        fort = self.fort
        for number in (ANNA, BORIS, VERA):
            fort.fake.citizen(number)
        fort.fake.agent("ann", hangs_up_after_s=5)
        app = await enrolled(fort, "anna", portal)
        anna = await fort.citizen("anna", ANNA, program=portal)
        for channel, code in (("sms", None), ("totp", app.code), ("totp", app.recovery[0])):
            call = await anna.wants_call(code_channel=channel, subject="Не приходит СМС", session_id="s-1")
            typed = code or await code_for(fort, ANNA)
            assert (await anna.confirms(call, typed)).status == 200, channel
            await fort.time.advance(40)
            assert await anna.state(call) == "ended"
        boris = await fort.citizen("boris", BORIS, program=portal)
        call = await boris.wants_call(code_channel="voice")
        await fort.time.advance(20)
        heard = fort.fake.citizen(BORIS)  # nobody else hears it
        assert fort.fake.code_rings == {BORIS: 1}, heard
        await boris.aborts(call)

    async def trouble(self, portal: Program, attacker: Attacker) -> None:
        fort = self.fort
        vera = await fort.citizen("vera", VERA, program=portal)
        call = await vera.wants_call()
        code = await code_for(fort, VERA)
        for guess in others(code, 2):
            await vera.confirms(call, guess)
        for method, path in (("POST", f"/v1/calls/{call}/confirm?code={code}"), ("GET", f"/v1/calls?user={VERA[1:]}")):
            await vera.ask(method, path, {} if method == "POST" else None)
        assert vera.token
        for token in (vera.token, code, VERA, fort.portal.secret):
            await attacker.ask("GET", f"/v1/calls/{token}")
            await attacker.ask("GET", f"/{token}", Authorization=f"Bearer {token}x", Referer=token)
            await attacker.ask("POST", "/oauth/token", data={"client_secret": token, "client_id": token, "code": token})
            await vera.ask("POST", "/v1/calls", {token: token}, Idempotency_Key=token)
            await portal.exchanges(token)
        fort.gateway.manner = "hangs_up"
        await fort.time.advance(31)
        assert (await vera.asks_code(call)).status == 202
        await fort.time.advance(31)
        fort.gateway.manner = "refuses"
        assert (await vera.asks_code(call)).status == 202
        await fort.time.advance(10)
        fort.gateway.manner = "takes"
        fort.issuer.away = True
        await portal.exchanges(await self.subject())
        fort.issuer.away = False

    async def subject(self) -> str:
        subject = await self.fort.issuer.token("olga", phone=ANNA)
        self.fort.treasure.keep("subject token", subject)
        return subject

    async def staff(self, portal: Program) -> None:
        fort = self.fort
        auditor, admin = await fort.program("auditor"), await fort.program("admin")
        for path in ("identity", "export"):
            assert (await auditor.ask("GET", f"/v1/users/anna/{path}?client={portal.id}")).status == 200
        for path in ("/v1/audit", "/v1/audit/verification", "/v1/calls"):
            fort.treasure.is_nowhere_in(path, (await auditor.ask("GET", path)).body)
        fort.treasure.is_nowhere_in("programs", (await admin.ask("GET", "/v1/clients")).body)
        fort.treasure.is_nowhere_in("metrics", (await Asker(fort).ask("GET", "/metrics")).body)

    async def keys(self, portal: Program) -> None:
        fort = self.fort
        await fort.key(portal)
        for purpose in ("token", "response"):
            for key in await fort.rooms.ledger.signing_keys(purpose, fort.time()):
                lines = key.private.decode().splitlines()
                fort.treasure.keep("signing key", "".join(lines[1:-1]))
        fort.treasure.keep("introspection secret", *(each.partition(":")[2] for each in fort.issuer.credentials))
        for message in fort.gateway.messages:
            fort.treasure.keep("code", message.code)


async def test_nothing_private_lies_around_after_a_day_in_which_all_was_used(
    fort: Fort, capfd: pytest.CaptureFixture[str]
) -> None:
    await Everything(fort).happens()
    assert fort.treasure.kinds == KINDS, "each kind was there to be found"
    fort.hold()
    said = capfd.readouterr()
    fort.treasure.is_nowhere_in("standard output and error", said.out + said.err)


async def test_what_an_erased_citizen_told_is_in_no_byte_of_the_ledger(fort: Fort) -> None:
    """Not sealed either: who takes the file and, later, the keys."""
    fort.treasure.keep("paper", *PAPERS.values())
    await fort.portal.ask("PUT", "/v1/users/anna/identity", {"phone": ANNA, **PAPERS})
    kept = await fort.rooms.ledger.citizen(fort.portal.id, "anna")
    assert kept
    assert (await fort.portal.ask("DELETE", "/v1/users/anna")).status == 200
    assert await fort.rooms.ledger.citizen(fort.portal.id, "anna") is None
    exported = (await fort.portal.ask("GET", "/v1/users/anna/export")).json
    fort.treasure.is_nowhere_in("an export", repr(exported))


# ── the search itself finds things ───────────────────────────────────────────────────────────────────────
def planted() -> Iterator[tuple[str, str, bytes]]:
    secret, number = "pbxs_a-secret-of-some-length", "+79161234567"
    for kind, value in (("secret", secret), ("number", number)):
        raw = value.lstrip("+").encode()
        yield kind, value, b"before " + value.encode() + b" behind"
        yield kind, value, raw.hex().encode()
        yield kind, value, raw.hex().upper().encode()
        for shift in range(3):
            yield kind, value, base64.b64encode(b"xyz"[:shift] + raw + b"!")
            yield kind, value, base64.urlsafe_b64encode(b"xyz"[:shift] + raw + b"!")
    yield "number", number, b'{"phone":"9161234567"}'
    yield "number", number, b"\x0079161234567\x00"
    yield "code", "123456", b"your code is 123456."


@pytest.mark.parametrize(("kind", "value", "content"), list(planted()))
def test_a_value_is_found_however_it_lies_there(kind: str, value: str, content: bytes) -> None:
    treasure = Treasure()
    treasure.keep(kind, value)
    assert [found.kind for found in treasure.found_in("here", content)]


@pytest.mark.parametrize("content", [b"1234567", b"0123456", b"12:00:00.123456", b"12345", b""])
def test_a_code_is_not_found_within_other_digits(content: bytes) -> None:
    treasure = Treasure()
    treasure.keep("code", "123456")
    assert not treasure.found_in("here", content)


async def test_a_leak_into_the_log_or_the_ledger_is_noticed(fort: Fort) -> None:
    fort.treasure.keep("number", ANNA)
    structlog.get_logger("leak").info("called", to=ANNA)
    with pytest.raises(AssertionError, match="number"):
        fort.hold()
    fort.logs.clear()
    careless = AuditLine(fort.time(), "service", "called", "taken", {"to": ANNA})
    await fort.rooms.ledger.note([careless])
    with pytest.raises(AssertionError, match="ledger"):
        fort.hold()
    fort.treasure.values.clear()


def test_the_last_line_of_defence_masks_what_somebody_forgot() -> None:
    event: dict[str, Any] = {"a": f"to {ANNA}", "b": "Bearer abcdefghijkl", "c": "/x?code=123456&secret=hunter2x"}
    logs.mask(None, "info", event)
    assert not any(each in str(event) for each in (ANNA[3:-4], "abcdefghijkl", "123456", "hunter2x"))
