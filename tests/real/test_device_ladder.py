"""The citizen's devices in their order, within one call: what is not there is passed over, and the reason shown."""

from __future__ import annotations

import pytest

from tests.stage import Stage

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

LADDER = [{"kind": "browser"}, {"kind": "sip", "address": "nobody"}, {"kind": "mobile"}]


async def test_browser_then_softphone_then_mobile(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen, devices=LADDER)
    await citizen.rings()
    await citizen.answer()
    await stage.becomes(call, "talking")
    await ann.hang_up()
    end = await stage.end(call)
    assert end.outcome == "completed"
    assert citizen.rung_count == 1
    tries = {each["attempt"]: each for each in (event["data"]["call"] for event in end.events) if each["attempt"]}
    kinds = {number: each["legs"][0]["device"]["kind"] for number, each in tries.items()}
    assert kinds == {1: "browser", 2: "sip", 3: "mobile"}
    second = next(event["data"]["call"] for event in end.events if event["data"]["call"]["attempt"] == 2)
    third = next(event["data"]["call"] for event in end.events if event["data"]["call"]["attempt"] == 3)
    assert (second["cause"]["slug"], third["cause"]["slug"]) == ("no_endpoint", "no_endpoint")
    assert second["cause"]["words_ru"]
