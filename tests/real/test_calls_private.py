"""After many calls of every kind, nothing that is kept, logged or counted holds a number, a secret or a subject."""

from __future__ import annotations

import json
from collections.abc import Iterator

import aiohttp
import pytest

from tests.stage import ANSWERS, RINGING, Plan, Stage

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

SUBJECT = "Не приходит СМС с кодом подтверждения"
REFUSING = [f"+79000000{code}" for code in (403, 404, 480, 486, 503, 603)]
UNREACHABLE = ["+79051000001", "+74951000001"]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(citizens=("alice",), routes=(("+7905", "missing"),), environment={"PBX_LOG__LEVEL": "debug"})


async def every_kind_of_call(stage: Stage) -> list[str]:
    """Calls that go well and wrong, a crash in the middle, requests that are refused; the numbers used."""
    ann, citizen, waiting = await stage.agent("ann"), await stage.citizen(), await stage.citizen()
    calls = [await stage.call(number, subject=SUBJECT) for number in (*REFUSING, *UNREACHABLE, RINGING)]
    await stage.portal.abort(calls[-1])
    device = {"kind": "sip", "address": "alice"}
    calls.append(await stage.call(citizen, devices=[device, {"kind": "mobile"}], subject=SUBJECT))
    await stage.takes(citizen, calls[-1])
    await stage.becomes(calls[-1], "talking")
    calls.append(await stage.call(waiting, subject=SUBJECT))
    await stage.takes(waiting, calls[-1])
    async with stage.service_dead():
        await citizen.hang_up()
        await ann.ended()
    await waiting.hang_up()
    await stage.ends(*calls)
    served = await stage.call(ANSWERS, subject=SUBJECT)
    await stage.becomes(served, "talking")
    await ann.hang_up()
    await stage.end(served)
    await refused_requests(stage, citizen.number)
    return [*REFUSING, *UNREACHABLE, RINGING, ANSWERS, citizen.number, waiting.number]


async def refused_requests(stage: Stage, number: str) -> None:
    """Whatever is wrong with a request, its private parts may be in it."""
    portal = stage.portal
    assert (await portal.initiate(f"{number}999", subject=SUBJECT)).status == 422
    assert (await portal.initiate(number, subject=SUBJECT, nonsense=number)).status == 422
    assert (await portal.ask("GET", f"/v1/calls?user={number[1:]}&subject=x")).status == 422
    assert (await portal.ask("GET", f"/v1/citizens/{number}")).status == 404
    headers = {"Authorization": aiohttp.encode_basic_auth(portal.client_id, portal.client_secret + "x")}
    form = {"grant_type": "client_credentials", "client_secret": portal.client_secret}
    async with portal.session.post(f"{portal.url}/oauth/token", data=form, headers=headers) as reply:
        assert reply.status in (400, 401)
    async with portal.session.get(f"{portal.url}/v1/calls?access_token={await portal.token()}") as reply:
        assert reply.status == 401


def kept(stage: Stage) -> Iterator[tuple[str, bytes]]:
    """Every file of the service but its configuration, and every file that Asterisk itself wrote."""
    service, asterisk = stage.service.folder, stage.server.folder
    files = [path for path in service.iterdir() if path.is_file() and path != stage.service.config]
    files += [path for each in ("log", "lib", "spool", "cache") for path in (asterisk / each).rglob("*")]
    for path in files:
        if path.is_file() and not path.is_symlink():
            yield path.name, path.read_bytes()


def forms(text: str) -> list[bytes]:
    """The ways in which a text can be written down."""
    return [text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le")]


async def test_nothing_private_is_kept_in_clear(stage: Stage) -> None:
    numbers = await every_kind_of_call(stage)
    token = await stage.portal.token()
    private = {
        # Without the country code, however it would be written.
        **{f"the number …{number[-4:]}": [number[2:].encode()] for number in numbers},
        "the subject": forms(SUBJECT) + forms(SUBJECT[:12]),
        "the client's secret": forms(stage.portal.client_secret),
        "an access token": [token.encode(), token.rpartition(".")[2].encode()],
    }
    async with stage.portal.session.get(f"{stage.service.url}/metrics") as reply:
        metrics = await reply.read()
    everything = [*kept(stage), ("metrics", metrics)]
    assert {"service.log", "pbx-bridge.db", "messages.log", "metrics"} <= {name for name, _ in everything}
    leaks = [
        f"{what} is in {name}: …{content[max(0, content.index(form) - 60) : content.index(form) + 40]!r}"
        for name, content in everything
        for what, written in private.items()
        for form in written
        if form in content
    ]
    assert not leaks, "\n".join(leaks)


async def test_the_search_finds_what_is_there(stage: Stage) -> None:
    call = await stage.call("+79051000001", subject=SUBJECT)
    await stage.end(call)
    files = dict(kept(stage))
    database = b"".join(content for name, content in files.items() if name.startswith("pbx-bridge.db"))
    assert call.encode() in files["service.log"]
    assert call.encode() in database
    assert stage.portal.client_id.encode() in database
    assert b"PJSIP/missing" in files["messages.log"]
