"""The ladder says who said what to whom; as text and as a picture it is the same."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Opening, Why
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.history import Told, ladder
from pbx_bridge.history.drawing import ASCII, draw
from pbx_bridge.history.ladder import Ladder
from pbx_bridge.history.picture import svg

from ..rooms.ledger_calls import lives
from .stories import NOON, Story, talked

MOSCOW = ZoneInfo("Europe/Moscow")
SVG = "{http://www.w3.org/2000/svg}"


def said(drawn: Ladder) -> list[tuple[str, str, str]]:
    return [(rung.from_, rung.to, rung.words.en) for rung in drawn.rungs]


def test_a_good_call_says_who_said_what_to_whom() -> None:
    assert said(ladder(talked().told)) == [
        ("portal", "pbx-bridge", "asks for a call, support"),
        ("pbx-bridge", "device", "dials, attempt 1 (mobile)"),
        ("device", "pbx-bridge", "rings"),
        ("device", "pbx-bridge", "answers"),
        ("device", "queue", "joins support, place 3"),
        ("queue", "device", "place 1"),
        ("queue", "agent ann", "offers the citizen"),
        ("agent ann", "queue", "does not answer"),
        ("queue", "agent bob", "offers the citizen"),
        ("agent bob", "device", "answers: they talk"),
        ("agent bob", "device", "holds"),
        ("agent bob", "device", "talks on"),
        ("agent bob", "pbx-bridge", "completed: the agent hung up"),
    ]


def test_participants_stand_in_the_order_of_the_way() -> None:
    assert ladder(talked().told).participants == ("portal", "pbx-bridge", "device", "queue", "agent ann", "agent bob")
    assert ladder(Story(inbound=True).told).participants[:2] == ("pbx-bridge", "device")


def test_where_no_agent_may_be_named_they_have_numbers() -> None:
    drawn = ladder(talked().told, agents=False)
    assert drawn.participants[-2:] == ("agent 1", "agent 2")
    assert "bob" not in svg(drawn, MOSCOW) + "".join(draw(drawn, MOSCOW))


def test_a_callback_says_why_and_when_and_dials_again() -> None:
    story = Story(rounds=1).then(1, e.Admitted, opening=Opening(False, NOON + timedelta(hours=15), Why.CLOSED))
    story.then(15 * 3600, e.Due)
    words = [rung.words.en for rung in ladder(story.told).rungs]
    assert words[1:] == ["later (closed): 2026-01-13 00:00Z", "dials, attempt 1 (mobile)"]


def test_a_ladder_in_the_terminal_is_a_picture_of_letters() -> None:
    assert list(draw(ladder(talked().told[:4]), MOSCOW, pen=ASCII)) == [
        "                       portal    pbx-bridge    device",
        "2026-01-12                |           |           |",
        "12:00:00.000  +0.000 s    |---------->|           |    asks for a call, support",
        "12:00:00.500  +0.500 s    |           |---------->|    dials, attempt 1 (mobile)",
        "12:00:02.000  +1.500 s    |           |<----------|    rings",
        "12:00:10.000  +8.000 s    |           |<----------|    answers",
    ]


def test_arrows_cross_the_lifelines_between() -> None:
    line = list(draw(ladder(talked().told), MOSCOW, pen=ASCII))[11]
    assert "|<-------+----------+------------|" in line


def test_every_new_day_is_written_once() -> None:
    story = Story(rounds=1).then(1, e.Admitted, opening=Opening(False, NOON + timedelta(hours=20), Why.CLOSED))
    drawn = ladder(story.then(20 * 3600, e.Due).told)
    assert [line[:10] for line in draw(drawn, MOSCOW) if line.startswith("2026")] == ["2026-01-12", "2026-01-13"]
    assert svg(drawn, MOSCOW).count(">2026-01-1") == 2


def test_a_picture_has_every_word_and_can_be_read_aloud() -> None:
    drawn = ElementTree.fromstring(svg(ladder(talked().told), MOSCOW, "en"))  # noqa: S314  it is ours
    words = [each.text for each in drawn.iter(f"{SVG}text")]
    for rung in ladder(talked().told).rungs:
        assert rung.words.en in words
    title, description = drawn.find(f"{SVG}title"), drawn.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "call call_x, ticket T1: talked with an agent"
    assert description is not None
    assert "12:01:00.000 agent bob → device: answers: they talk" in (description.text or "")
    assert drawn.get("aria-labelledby") == "title desc"


def test_no_name_can_break_out_of_the_picture() -> None:
    wild = '"><script>alert(1)</script>\0\x1b[2J'
    story = talked()
    story.told[-5] = replace(story.told[-5], call={**story.told[-5].call, "legs": [_agent(wild)]})
    drawn = ElementTree.fromstring(svg(ladder(story.told), MOSCOW))  # noqa: S314  it is ours
    assert [each.tag for each in drawn.iter() if "script" in each.tag] == []
    assert any(wild[:20] in (each.text or "") for each in drawn.iter(f"{SVG}text"))


def _agent(name: str) -> dict[str, str]:
    return {"party": "agent", "agent": name, "state": "ringing"}


@settings(max_examples=60, deadline=None)
@given(lives())
def test_any_call_can_be_drawn(steps: list) -> None:  # type: ignore[type-arg]
    told = [
        Told(step.call.revision, step.news, NOON + timedelta(seconds=number), snapshot(step.call))
        for number, step in enumerate(steps)
        if step.news
    ]
    drawn = ladder(told)
    assert {who for rung in drawn.rungs for who in (rung.from_, rung.to)} == set(drawn.participants)
    assert len(list(draw(drawn, MOSCOW))) > len(drawn.rungs)
    ElementTree.fromstring(svg(drawn, MOSCOW))  # noqa: S314  it is ours
