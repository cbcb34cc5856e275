"""The how-to pages work as they stand: their shell blocks are pasted beside a run, their settings are read."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pbx_bridge import settings
from pbx_bridge.notify.template import NAMES, Filled, Form, SmsTemplate, Texts
from pbx_bridge.webhooks.signing import headers
from pbx_bridge.wiring import issuers_of, messenger_of, reach_of
from workshop.run.options import TREE

from .running import MakeRun, Run, pasted

#: Pages whose shell blocks follow each other in one shell, and what is to be read there in the end.
PASTED = {
    "README": ("event: call.ended", '"outcome":"completed"'),
    "docs/how-to/second-factor": (
        '"state":"awaiting_code"', '/problems/code-mismatch", ', '"attempts_left": 2', '"codes_left":1',
        '"previous_state":"awaiting_code"', '"outcome":"cancelled"', '"dropped":true',
    ),
    "docs/how-to/programs-and-tokens": (
        "client_secret", "second_step          code", '"calls":[]', "https://login.portal.example", "is disabled",
        '"calls_per_hour":600',
    ),
    "docs/how-to/history": (
        '"activity":[', '"status":', "call_id,ticket,client", '"stages":[', "asks for a call", "would be emptied",
    ),
    "docs/how-to/events": ('"type":"call.ended"', '"more":false', "retry: 1000"),
    "docs/how-to/sandbox": ('"outcome":"busy"', '"outcome":"rejected"', '"outcome":"invalid_number"'),
    "docs/how-to/webhooks": (
        "is changed: callback_url", "whsec_", "0 dead letters of", "did not take it: its name",
    ),
    "docs/how-to/audit": ("The audit holds: ", '"action":"', '"fault":null'),
}  # fmt: skip


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in their order."""
    return re.findall(rf"```{language}\n(.*?)```", (TREE / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)


def shell(page: str, run: Run) -> str:
    """All of a page's shell blocks, for this run's folder."""
    text = "\n".join(blocks(page, "sh"))
    assert "var/run" in text
    text = re.sub(r"(\$PWD/)?\.venv/bin", str(Path(sys.executable).parent), text)
    return re.sub(r"(\$PWD/)?var/run", str(run.folder), text)


async def test_the_shell_blocks_of_the_pages_work_beside_a_run(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    await run.start()
    await run.says("stays up")
    for page, expected in PASTED.items():
        said = await pasted(shell(page, run), tmp_path)
        assert [words for words in expected if words not in said] == [], (page, said)
        assert "internal-error" not in said
    run.process.send_signal(signal.SIGINT)
    assert await run.ends() == 0


@pytest.fixture
def of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PBX_")]:
        monkeypatch.delenv(name)


def settings_of(page: str, tmp_path: Path) -> Iterator[settings.Settings]:
    """Each of its TOML blocks, read as a configuration."""
    for number, block in enumerate(blocks(page, "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block, encoding="utf-8")
        yield settings.load(path)


@pytest.mark.usefixtures("of_nobody")
def test_both_gateways_of_the_page_are_asked_as_it_says(tmp_path: Path) -> None:
    json_, form = (_request(each) for each in settings_of("docs/how-to/second-factor", tmp_path))
    assert json_.headers["Authorization"].startswith("Bearer ")
    assert json_.content == '{"messages": [{"to": "+79161234567", "from": "PORTAL", "text": "Код"}], '.encode() + (
        b'"request_id": "key-1"}'
    )
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert b"phones=79161234567&mes=%D0%9A%D0%BE%D0%B4&id=key-1&fmt=3" in (form.content or b"")


def _request(wanted: settings.Settings) -> Filled:
    messenger_of(wanted)  # it can be started with
    sms = wanted.sms
    headers = {name: value.get_secret_value() for name, value in sms.headers.items()}
    Texts(sms.texts)
    template = SmsTemplate(**sms.model_dump(exclude={"headers"}), headers=headers)
    values = dict(zip(NAMES, ("+79161234567", "79161234567", "Код", "123456", "key-1"), strict=True))
    return Form(template).fill(values)


@pytest.mark.usefixtures("of_nobody")
def test_both_issuers_of_the_page_can_be_believed(tmp_path: Path) -> None:
    by_keys, by_asking = settings_of("docs/how-to/programs-and-tokens", tmp_path)
    for each in (by_keys, by_asking):
        issuers_of(each)
    assert by_keys.issuers[0].jwks_url
    assert not by_asking.issuers[0].jwks_url


async def test_the_receiver_of_the_page_takes_what_is_signed_and_nothing_else(aiohttp_client: Any) -> None:
    (source,) = blocks("docs/how-to/webhooks", "python")
    secret = f"whsec_{base64.b64encode(b's' * 32).decode()}"
    kept: list[Any] = []

    async def keep(event: Any) -> None:
        kept.append(event)

    page: dict[str, Any] = {"SECRETS": [secret], "keep": keep}
    exec(source, page)  # noqa: S102  as it is printed
    app = web.Application()
    app.router.add_post("/calls", page["receive"])
    client = await aiohttp_client(app)
    body = json.dumps({"type": "webhook.test"})
    signed = headers("evt_1", body, [secret], datetime.now(UTC))
    assert (await client.post("/calls", data=body, headers=signed)).status == 204
    assert (await client.post("/calls", data=body + " ", headers=signed)).status == 400
    assert kept == [{"type": "webhook.test"}]


@pytest.mark.usefixtures("of_nobody")
def test_the_networks_of_the_page_are_in_reach(tmp_path: Path) -> None:
    (wanted,) = settings_of("docs/how-to/webhooks", tmp_path)
    assert reach_of(wanted).allows(ip_address("10.20.0.7"))
    assert not reach_of(wanted).allows(ip_address("10.21.0.7"))
