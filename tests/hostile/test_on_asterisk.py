"""Attacks by text on a real Asterisk, and a search of all that it and the service keep, log and show."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.hostile.treasure import Treasure
from tests.stage import Mobile, Plan, Stage
from workshop.portal import Portal
from workshop.sms import Gateway

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

#: In every text that is sent; whoever finds it in Asterisk has found a text of a request.
MARK = "pwn3d"
#: What a text that is run would leave behind. Short, so that it fits into every field.
TRACE = Path(tempfile.gettempdir()) / f"{MARK}-{os.getpid()}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.fixture(scope="module")
def plan(gateway: Gateway) -> Plan:
    settings = {"PBX_SMS__URL": gateway.url, "PBX_LIMITS__CODE_PAUSE_S": "0", "PBX_LOG__LEVEL": "debug"}
    return Plan(citizens=("alice",), environment=settings)


@pytest_asyncio.fixture(loop_scope="module")
async def careful(stage: Stage) -> AsyncIterator[Portal]:
    """A portal whose citizens type codes."""
    async with await stage.service.portal(second_step="code") as portal:
        yield portal


def nasty() -> list[str]:
    """Each would leave a file behind if anything ran it."""
    touch = f"touch {TRACE}"
    return [
        f"${{SHELL({touch})}}",
        f"$({touch})",
        f"`{touch}`",
        f"{MARK};{touch}|{touch}&{touch}",
        f"{MARK},1,System({touch})",
        f"{MARK}\"'\\,PB_HOME=other,CHANNEL(hangup_handler_push)=default,s,1",
        f"{MARK})${{EVAL(${{SYSTEM({touch})}})}}",
        f"{MARK}@default/n",
    ]


def texts(text: str) -> dict[str, Any]:
    """The text in every field of a request that takes any text."""
    return {
        "session_id": text[:128],
        "subject": text[:200],
        "client_ref": f"{text}\r\nAction: Originate\r\nApplication: System\r\nData: {text}\r\n\r\n",
        "consent": {"phone_data": True, "recording": False, "text_version": text[:64]},
    }


async def shown(stage: Stage) -> str:
    """What Asterisk shows of its channels to whoever sits at its console."""
    told = [await stage.server.cli(f"core show channels {how}") for how in ("", "concise", "verbose")]
    for name in (await stage.channels()).values():
        told.append(await stage.server.cli(f"core show channel {name}"))
    return "\n".join([*told, await stage.server.cli("queue show"), await stage.server.cli("database show")])


def kept(stage: Stage) -> Iterator[tuple[str, bytes]]:
    """Every file that the service wrote but its configuration, and every file that Asterisk wrote."""
    service, asterisk = stage.service.folder, stage.server.folder
    files = [path for path in service.iterdir() if path.is_file() and path != stage.service.config]
    files += [path for each in ("log", "lib", "spool", "cache", "run") for path in (asterisk / each).rglob("*")]
    for path in files:
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(service if service in path.parents else asterisk)), path.read_bytes()


async def test_texts_that_look_like_commands_are_texts(stage: Stage) -> None:
    """One call for each, in all fields at once; the call is a call like any other."""
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    for place, text in enumerate(nasty()):
        call = await stage.call(citizen, user=f"{text[:100]}{place}", key=f"{MARK};${{EXTEN}},{place}", **texts(text))
        await stage.takes(citizen, call)
        assert (await stage.becomes(call, "talking"))["client_ref"] == texts(text)["client_ref"]
        await ann.talks()
        assert MARK not in await shown(stage)
        await ann.hang_up()
        end = await stage.end(call)
        assert (end.outcome, end.talked_to) == ("completed", ["ann"])
    assert not TRACE.exists(), "something ran"
    for name, content in kept(stage):
        inside = MARK.encode() in content
        assert not inside or name.startswith("pbx-bridge.db"), f"a text of a request is in {name}"


async def test_nothing_private_is_shown_kept_or_logged_anywhere(
    stage: Stage, gateway: Gateway, careful: Portal
) -> None:
    """A code by text, a wrong one, a code read aloud, a talk, a crash: then everything is searched."""
    treasure, looks = Treasure(), []
    ann, anna, boris = await stage.agent("ann"), await stage.citizen(), await stage.citizen()
    treasure.keep("number", anna.number, boris.number)
    secrets = tomllib.loads(stage.service.config.read_text())["secrets"]
    treasure.keep("pepper", secrets["pepper"])
    treasure.keep("sealing key", *secrets["sealing_keys"])
    treasure.keep("client secret", careful.client_secret, stage.portal.client_secret)
    treasure.keep("access token", await careful.token(), await stage.portal.token())

    call = await careful.call(anna.number)
    code = await gateway.code_for(anna.number)
    treasure.keep("code", code)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert (await careful.confirm(call, wrong)).status == 403
    await careful.ask("GET", f"/v1/calls/{code}?code={code}&phone={anna.number[1:]}")
    stage.expects(anna.number)
    assert (await careful.confirm(call, code)).status == 200
    await anna.rings()
    looks.append(await shown(stage))
    await anna.answer()
    await ann.talks()
    looks.append(await shown(stage))

    heard = await code_by_telephone(stage, careful, boris, looks)
    async with stage.service_dead():
        await ann.hang_up()
    await careful.until(call, "ended")
    await careful.abort(heard)
    await careful.until(heard, "ended")

    assert treasure.kinds == {"number", "pepper", "sealing key", "client secret", "access token", "code"}
    for look in looks:
        assert "PJSIP/mobile-" in look, "there is something to see"
        treasure.is_nowhere_in("what Asterisk shows", look)
    everything = dict(kept(stage))
    assert everything.keys() >= {"service.log", "pbx-bridge.db", "log/messages.log", "lib/astdb.sqlite3"}
    for name, content in everything.items():
        treasure.is_nowhere_in(name, content)


async def code_by_telephone(stage: Stage, portal: Portal, citizen: Mobile, looks: list[str]) -> str:
    """Read aloud to the citizen while somebody looks; the call that still waits for it."""
    stage.expects(citizen.number)
    call = await portal.call(citizen.number, code_channel="voice")
    await citizen.rings()
    looks.append(await shown(stage))
    await citizen.answer()
    await citizen.hears_sound()
    looks.append(await shown(stage))
    return call
