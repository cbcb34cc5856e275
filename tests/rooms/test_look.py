"""From Asterisk's lists to a picture of our legs, and from the dialplan's lines to what it remembers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pbx_bridge.asterisk.look import CoreChannel, Lists, QueueEntry, families, picture, trace_of
from pbx_bridge.call.recovery import CameIn, DialWish, LegSeen, LegState, missed
from pbx_bridge.phone import Phone
from tests.call.story import MORNING
from tests.rooms.tape import dialled, tape
from tests.rooms.test_hear import STORIES

LEG = "pb.call_x.1"
SINCE = "2026-01-12T05:00:00.123+0000"


def lists(**more: object) -> Lists:
    """An answered leg, bridged with nobody."""
    plain = Lists(SINCE, [{"id": LEG, "state": "Up"}], [core("PJSIP/operator-1", LEG)], [])
    return replace(plain, **more)  # type: ignore[arg-type]


def core(name: str, channel_id: str, linked: str = LEG, state: str = "Up", bridge: str = "") -> CoreChannel:
    return CoreChannel(name, channel_id, linked, state, bridge)


def seen(look: Lists) -> LegSeen:
    return picture(look, MORNING).legs[LEG]


# ── taped looks ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("name", "look", "expected"),
    [
        ("declined", "ringing", LegSeen(LegState.RINGING)),
        ("abandoned", "offered", LegSeen(LegState.UP, "support", 1, ("ann",))),
        ("two_wait", "waiting", LegSeen(LegState.UP, "support", 2)),
        ("served", "talk", LegSeen(LegState.UP, agent="ann")),
        ("redirected", "talk", LegSeen(LegState.UP, agent="bob")),
    ],
)
def test_a_taped_look_shows_the_leg_as_it_was(name: str, look: str, expected: LegSeen) -> None:
    assert picture(tape(name).lists(look), MORNING).legs[tape(name).leg] == expected


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_taped_trace_alone_ends_the_call_as_it_did(name: str) -> None:
    """As if the service had died right after the dial, and come back after the end."""
    _, outcome, cause, terms = STORIES[name]
    look = picture(tape(name).lists("after"), MORNING + timedelta(hours=1))
    assert tape(name).leg not in look.legs
    trace = look.traces[tape(name).leg]
    story = dialled(tape(name), **terms)
    # The tape's clock is not the story's: the leg ends so long after the dial as it did.
    dialled_at = trace.ended_at - timedelta(seconds=max(heard.at for heard in tape(name).facts()))
    story.call = replace(story.call, dialled_at=dialled_at, state_since=dialled_at)
    story.call = replace(story.call, accepted_at=dialled_at)
    old = replace(look, since=dialled_at - timedelta(days=1))
    for fact in missed(story.call, old, DialWish.SENT):
        story.now = max(fact.at, story.call.state_since)
        story.take(fact.event, 0)
    assert story.end == (outcome, cause)


def test_the_time_of_asterisks_start_is_read() -> None:
    assert picture(lists(), MORNING).since == datetime(2026, 1, 12, 5, 0, 0, 123000, tzinfo=UTC)
    moscow = lists(asterisk_since="2026-01-12T08:00:00.123+0300")
    assert picture(moscow, MORNING).since == datetime(2026, 1, 12, 5, 0, 0, 123000, tzinfo=UTC)


# ── legs ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_channels_that_are_none_of_ours_are_not_in_the_picture() -> None:
    channels = [{"id": "1768197600.7", "state": "Up"}, {"id": "pb.call_x", "state": "Up"}, {"state": "Up"}]
    assert picture(lists(channels=channels), MORNING).legs == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [("Down", LegState.DOWN), ("Rsrvd", LegState.DOWN), ("Ring", LegState.DOWN), ("Ringing", LegState.RINGING)],
)
def test_a_leg_that_was_not_answered_is_ringing_or_down(state: str, expected: LegState) -> None:
    assert seen(lists(channels=[{"id": LEG, "state": state}])) == LegSeen(expected)


def test_an_answered_leg_that_is_nowhere_yet_is_just_up() -> None:
    assert seen(lists()) == LegSeen(LegState.UP)


def test_a_leg_that_ended_between_the_lists_is_just_up() -> None:
    assert seen(lists(core=[])) == LegSeen(LegState.UP)


def test_who_waits_has_a_place_and_the_agents_that_ring_for_it() -> None:
    others = [
        core("PJSIP/ann-2", "1.2", state="Ringing"),
        core("PJSIP/bob-3", "1.3", state="Down"),
        core("PJSIP/eve-4", "1.4", linked="pb.call_y.1", state="Ringing"),
    ]
    look = lists(core=[core("PJSIP/operator-1", LEG), *others], entries=[QueueEntry("support", 2, LEG)])
    assert seen(replace(look, members={"PJSIP/ann": "Анна"})) == LegSeen(LegState.UP, "support", 2, ("Анна",))


def test_who_shares_a_bridge_with_the_leg_is_its_agent() -> None:
    others = [core("PJSIP/eve-4", "1.4", bridge="b2"), core("PJSIP/ann-2", "1.2", bridge="b1")]
    look = lists(core=[core("PJSIP/operator-1", LEG, bridge="b1"), *others], members={"PJSIP/ann": "ann"})
    assert seen(look) == LegSeen(LegState.UP, agent="ann")


def test_an_agent_who_is_no_member_any_more_keeps_the_interface() -> None:
    others = [core("PJSIP/citizen-ann-0000002a", "1.2", bridge="b1")]
    look = lists(core=[core("PJSIP/operator-1", LEG, bridge="b1"), *others])
    assert seen(look) == LegSeen(LegState.UP, agent="PJSIP/citizen-ann")


def test_who_is_alone_in_a_bridge_talks_to_nobody() -> None:
    assert seen(lists(core=[core("PJSIP/operator-1", LEG, bridge="b1")])) == LegSeen(LegState.UP)


# ── traces ───────────────────────────────────────────────────────────────────────────────────────────────
ENDED = "1768197600.250"
LINE = f"{ENDED}|16|SIP 200 OK|1768197500.000|support|CONTINUE|ann|12|1"


def test_a_line_of_the_dialplan_is_read_whole() -> None:
    trace = trace_of(LINE)
    assert trace
    assert trace.ended_at == datetime(2026, 1, 12, 6, 0, 0, 250000, tzinfo=UTC)
    assert trace.answered_at == datetime(2026, 1, 12, 5, 58, 20, tzinfo=UTC)
    assert (trace.q850, trace.sip, trace.queue, trace.queue_status) == (16, None, "support", "CONTINUE")
    assert (trace.agent, trace.waited_s, trace.limit_reached, trace.rang) == ("ann", 12, True, False)


def test_a_leg_that_was_never_answered_leaves_a_short_line() -> None:
    trace = trace_of(f"{ENDED}|17|SIP 486 Busy Here||||||")
    assert trace
    assert (trace.sip, trace.q850, trace.answered_at) == (486, 17, None)
    assert (trace.queue, trace.queue_status, trace.agent, trace.waited_s) == (None,) * 4
    assert not trace.limit_reached


@pytest.mark.parametrize(
    ("tech", "sip", "rang"),
    [
        ("SIP 486 Busy Here", 486, False),
        ("SIP 180 Ringing", None, True),
        ("SIP 183 Session Progress", None, False),
        ("SIP 100 Trying", None, False),
        ("SIP 200 OK", None, False),
        ("SIP", None, False),
        ("", None, False),
        ("SIP x", None, False),
        ("Q.850 17", None, False),
    ],
)
def test_only_a_final_status_is_a_code_and_only_180_is_a_ring(tech: str, sip: int | None, rang: bool) -> None:
    trace = trace_of(f"{ENDED}|0|{tech}||||||")
    assert trace
    assert (trace.sip, trace.rang, trace.q850) == (sip, rang, None)


@pytest.mark.parametrize("line", ["", "|" * 8, "x|16|||||||", "1768197600|16", LINE + "|8800|more", "nan" + "|" * 8])
def test_a_line_that_is_none_is_as_if_nothing_was_written(line: str) -> None:
    assert trace_of(line) is None


def test_traces_of_our_legs_are_found_under_any_slot_and_others_are_left() -> None:
    memory = {
        f"/pbx-bridge/976/{LEG}": LINE,
        "/pbx-bridge/976/1768197600.7": LINE,
        "/pbx-bridge/975/pb.call_y.2": "nonsense",
    }
    assert set(picture(lists(memory=memory), MORNING).traces) == {LEG}


# ── the ring of slots ────────────────────────────────────────────────────────────────────────────────────
def test_a_short_absence_reads_the_slots_of_its_time_and_one_on_either_side() -> None:
    at = datetime.fromtimestamp(1768197650, UTC)
    assert families(at, at) == ["pbx-bridge/975", "pbx-bridge/976", "pbx-bridge/977"]


def test_the_ring_closes() -> None:
    at = datetime.fromtimestamp(1768200000, UTC)
    assert families(at, at) == ["pbx-bridge/999", "pbx-bridge/000", "pbx-bridge/001"]


def test_a_leg_that_ended_within_the_absence_is_found_whatever_the_clocks_say() -> None:
    since, until = MORNING, MORNING + timedelta(minutes=10)
    read = set(families(since, until))
    for second in range(-100, 700):
        slot = int((MORNING + timedelta(seconds=second)).timestamp()) // 100 % 1000
        assert f"pbx-bridge/{slot:03d}" in read


@pytest.mark.parametrize("hours", [28, 48, 1000])
def test_an_absence_longer_than_the_ring_reads_all_of_it(hours: int) -> None:
    assert families(MORNING, MORNING + timedelta(hours=hours)) == ["pbx-bridge"]


# ── legs that came in ────────────────────────────────────────────────────────────────────────────────────
CHANNEL, CAME_IN = "1763858613.42", "pb.call_h1763858613x42.1"
CALLER = {
    "id": CHANNEL,
    "state": "Up",
    "creationtime": "2026-01-12T09:00:00.500+0300",
    "caller": {"name": "", "number": "9161234567"},
    "channelvars": {"PB_LEG": CAME_IN, "PB_DIALLED": "88001002030"},
}


def test_a_leg_that_came_in_is_seen_with_who_dialled_what_and_when() -> None:
    look = lists(channels=[CALLER], core=[], entries=[QueueEntry("support", 2, CHANNEL)])
    at = datetime(2026, 1, 12, 6, 0, 0, 500000, tzinfo=UTC)
    met = CameIn("88001002030", Phone("+79161234567"), at)
    assert picture(look, MORNING).legs == {CAME_IN: LegSeen(LegState.UP, "support", 2, came_in=met)}
    hidden = picture(replace(look, channels=[{**CALLER, "caller": {"number": ""}}]), MORNING).legs[CAME_IN]
    assert hidden.came_in == CameIn("88001002030", None, at)


def test_a_leg_that_came_in_talks_and_is_offered_like_any_other() -> None:
    ringing = core("PJSIP/ann-2", "1.2", linked=CHANNEL, state="Ringing")
    look = lists(channels=[CALLER], core=[ringing], entries=[QueueEntry("support", 1, CHANNEL)])
    assert picture(look, MORNING).legs[CAME_IN].ringing == ("PJSIP/ann",)
    talk = [core("PJSIP/operator-1", CHANNEL, bridge="b1"), core("PJSIP/ann-2", "1.2", bridge="b1")]
    assert picture(lists(channels=[CALLER], core=talk), MORNING).legs[CAME_IN].agent == "PJSIP/ann"


def test_a_trace_of_a_leg_that_came_in_says_what_was_dialled_and_never_by_whom() -> None:
    memory = {f"761/{CAME_IN}": LINE + "|88001002030", f"761/{LEG}": LINE + "|88001002030", "761/pb.call_y.1": LINE}
    traces = picture(lists(memory=memory), MORNING).traces
    assert traces[CAME_IN].came_in == CameIn("88001002030", None, datetime.fromtimestamp(1768197500, UTC))
    assert traces[LEG].came_in is None
    assert traces["pb.call_y.1"].came_in is None
