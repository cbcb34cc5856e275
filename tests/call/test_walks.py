"""Long random lives: whatever is heard in whatever order, the books stay in order and the call ends."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Dial
from pbx_bridge.call.machine import deadline, has_leg
from pbx_bridge.call.model import Direction, Prove, WhenFull, leg_id
from pbx_bridge.call.states import Phase, State
from tests.call.reach import facts, leg_facts
from tests.call.story import BY_APP, BY_CLICK, BY_SMS, BY_VOICE, Story, seconds

PHASES = list(Phase)

terms = {
    "rounds": st.integers(0, 2),
    "ring_s": st.sampled_from([5, 45]),
    "then": st.sampled_from(WhenFull),
    "prove": st.sampled_from(Prove),
}
births = st.one_of(
    st.builds(
        Story.accepted,
        count=st.integers(0, 3),
        confirmation=st.sampled_from([None, BY_SMS, BY_VOICE, BY_APP, BY_CLICK]),
        **terms,
    ),
    st.builds(Story.dialling, count=st.integers(1, 3), **terms),
    st.builds(Story.came_in, count=st.integers(0, 1), **terms),
)
#: Which fact comes next (of as many as there may be), after how many seconds.
walks = st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 1.0, 60.0, 4000.0])), max_size=60)


def live(story: Story, walk: list[tuple[int, float]]) -> None:
    """Take one fact after the other; now and then one about a leg of long ago."""
    for number, after in walk:
        call = story.call
        choice = [*facts(call), *facts(call), *leg_facts(leg_id(call.id, max(call.attempt - 1, 0)))]
        story.take(choice[number % len(choice)], after)


def fall_silent(story: Story) -> None:
    for _ in range(120):
        due = deadline(story.call)
        if due is None:
            return
        story.now = max(story.now, due)
        too_old = story.now >= story.call.accepted_at + seconds(story.call.terms.keep_s)
        scheduled = story.call.state is State.SCHEDULED and not too_old
        story.take(e.Due() if scheduled else e.TimeUp(story.call.state), 0)


def fall_silent_once(story: Story) -> None:
    due = deadline(story.call)
    assert due
    story.now = max(story.now, due)
    story.take(e.TimeUp(story.call.state), 0)


@settings(max_examples=100, deadline=None)
@given(births, walks)
def test_events_are_numbered_without_gaps_and_the_end_is_told_once(story: Story, walk: list[tuple[int, float]]) -> None:
    live(story, walk)
    fall_silent(story)
    assert story.state == "ended"
    assert story.call.revision == len(story.news)
    assert story.news[0] == "call.accepted"
    assert story.news.count("call.ended") == 1
    assert story.news[-1] == "call.ended"


@settings(max_examples=100, deadline=None)
@given(births, walks)
def test_no_leg_is_dialled_twice_and_attempts_are_counted_one_by_one(
    story: Story, walk: list[tuple[int, float]]
) -> None:
    live(story, walk)
    fall_silent(story)
    dials = [wish for wish in story.wishes if isinstance(wish, Dial)]
    call = story.call
    brought = 1 if call.request.direction is Direction.INBOUND else 0
    assert [dial.leg for dial in dials] == [leg_id(call.id, brought + number + 1) for number in range(len(dials))]
    assert call.attempt == brought + len(dials)


@settings(max_examples=100, deadline=None)
@given(births, walks, walks)
def test_after_an_abort_was_asked_for_nobody_is_rung(
    story: Story, walk: list[tuple[int, float]], later: list[tuple[int, float]]
) -> None:
    live(story, walk)
    if not has_leg(story.call):
        return
    ended_by_itself = story.verdict
    story.aborted()
    dials = [wish for wish in story.wishes if isinstance(wish, Dial)]
    live(story, later)
    fall_silent(story)
    assert [wish for wish in story.wishes if isinstance(wish, Dial)] == dials
    assert story.end == ("cancelled", "aborted") or ended_by_itself


@settings(max_examples=100, deadline=None)
@given(births, walks, walks)
def test_whoever_chose_to_be_called_back_waits_for_it_unless_it_is_aborted(
    story: Story, walk: list[tuple[int, float]], later: list[tuple[int, float]]
) -> None:
    live(story, walk)
    if not has_leg(story.call) or not story.call.request.devices:
        return
    story.chooses(e.Choice.CALLBACK)
    if story.verdict != "callback_chosen":
        return
    for step in later:
        live(story, [step])
        if story.verdict != "callback_chosen":
            break
    else:
        fall_silent_once(story)
    assert story.state == "scheduled" or story.verdict == "aborted"


@settings(max_examples=100, deadline=None)
@given(births, walks)
def test_a_readers_page_never_goes_back_within_an_attempt(story: Story, walk: list[tuple[int, float]]) -> None:
    furthest: dict[int, int] = {}
    for step in walk:
        live(story, [step])
        phase = PHASES.index(story.call.phase)
        if story.call.state is not State.SCHEDULED:
            assert phase >= furthest.get(story.call.attempt, 0)
            furthest[story.call.attempt] = phase
