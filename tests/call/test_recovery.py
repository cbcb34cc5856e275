"""The service dies and comes back anywhere in a call's life: the call ends as if it had never been away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Dial
from pbx_bridge.call.machine import has_leg
from pbx_bridge.call.states import State
from tests.call.story import Story, seconds
from tests.call.world import Crash, Script, Service, World

TICKS = 40

SERVED = ("rings", "answers", "joins", "offer ann", "talk ann")
#: The same of somebody who is called back.
PROVEN = ("rings", "picks-up", "proves", "joins", "offer ann", "talk ann")
ONE_LEG: dict[str, Script] = {
    "the agent leaves": (*SERVED, "agent-bye"),
    "the citizen leaves the talk": (*SERVED, "hold", "unhold", "bye"),
    "the time limit ends the talk": (*SERVED, "limit"),
    "the second agent answers": (*SERVED[:3], "offer ann", "decline ann", "offer bob", "talk bob", "bye"),
    "two agents ring": (*SERVED[:3], "offer ann", "offer bob", "decline ann", "talk bob", "agent-bye"),
    "nobody rang before the answer": ("answers", "joins", "offer ann", "talk ann", "agent-bye"),
    "the citizen leaves the queue": (*SERVED[:3], "offer ann", "decline ann", "bye"),
    "the queue gives up": (*SERVED[:3], "offer ann", "decline ann", "gives-up TIMEOUT"),
    "the queue is full": ("rings", "answers", "gives-up FULL"),
    "the queue is empty": ("answers", "gives-up JOINEMPTY"),
    "the queue empties": (*SERVED[:3], "gives-up LEAVEEMPTY"),
    "the time limit ends the wait": (*SERVED[:3], "limit"),
    "busy": ("code 486",),
    "declined": ("rings", "code 603"),
    "unknown number": ("code 404",),
    "trunk congested": ("code 503",),
}
SEVERAL_LEGS: dict[str, tuple[int, int, Sequence[Script]]] = {
    "the second device answers": (2, 0, [("rings", "code 486"), (*SERVED, "agent-bye")]),
    "the third device answers": (3, 0, [("code 404",), ("code 503",), (*SERVED, "bye")]),
    "all devices are busy": (2, 0, [("code 486",), ("rings", "code 486")]),
    "the second round is served": (1, 1, [("code 486",), (*PROVEN, "agent-bye")]),
    "two rounds of two devices": (2, 1, [("code 486",), ("code 404",), ("code 486",), (*PROVEN[:4], "bye")]),
    "a mailbox, then the citizen": (1, 2, [("picks-up", "nobody"), (*PROVEN, "bye")]),
    "hung up before the proof, twice": (1, 1, [("rings", "picks-up", "bye"), ("picks-up", "bye")]),
    "put off by a key, then served": (1, 1, [("rings", "picks-up", "chooses later"), (*PROVEN, "agent-bye")]),
    "cancelled by a key": (1, 2, [("rings", "picks-up", "chooses cancel")]),
    "keeps the place, then served": (1, 1, [(*PROVEN[:4], "chooses callback"), (*PROVEN, "bye")]),
    "the limit passes over the choice": (1, 1, [(*PROVEN[:4], "chooses-late callback"), (*PROVEN, "bye")]),
    "in vain, then kept, then cancelled": (
        *(1, 1),
        [(*PROVEN[:4], "offer ann", "decline ann", "chooses callback"), ("picks-up", "chooses cancel")],
    ),
}


@dataclass(frozen=True)
class Cut:
    """The service dies before tick `off` and is back after tick `on`. `crash`: at the first wish instead.

    `replay`: what happened in the last tick is seen by the look and heard again afterwards.
    """

    off: int = TICKS
    on: int = TICKS
    crash: Crash | None = None
    replay: bool = False


WHOLE = Cut()


def tell(scripts: Sequence[Script], *cuts: Cut, count: int = 1, rounds: int = 0) -> Service:
    """One call from dial to end, with the service away during each cut."""
    service = Service(World(scripts), count=count, rounds=rounds)
    service.crash = cuts[0].crash if cuts else None
    service.begin()
    for tick in range(TICKS * 2):
        _one_tick(service, tick, cuts)
    return service


def _one_tick(service: Service, tick: int, cuts: Sequence[Cut]) -> None:
    if any(cut.off == tick for cut in cuts):
        service.die()
    facts = service.world.tick()
    coming = [cut for cut in cuts if cut.on <= tick]
    if not service.alive and (coming or tick >= TICKS) and not any(cut.off <= tick < cut.on for cut in cuts):
        service.come_back(facts if any(cut.replay for cut in coming) else ())
    else:
        service.hear(facts)


def stages(story: Story) -> list[str]:
    """The path without what only a listener can know: rings, offers that came to nothing, and hold."""
    kept: list[str] = []
    for state in story.path:
        if state not in (State.RINGING, State.OFFERED, State.ON_HOLD) and (not kept or kept[-1] != state):
            kept.append(state)
    return kept


def same_story(told: Service, whole: Service) -> None:
    assert told.story.end == whole.story.end, told.story.path
    assert stages(told.story) == stages(whole.story)
    assert told.story.call.attempt == whole.story.call.attempt
    assert set(told.world.legs) == set(whole.world.legs)
    assert told.story.call.revision == len(told.story.news)
    assert told.story.news.count("call.ended") == 1
    talked = [State.OFFERED, State.TALKING]
    if State.TALKING in told.story.path:
        at = told.story.path.index(State.TALKING)
        assert told.story.path[at - 1 : at + 1] == talked


def cuts() -> list[Cut]:
    """Every death and return within the first 10 ticks, with and without a replay."""
    return [Cut(off, on, replay=replay) for off, on in combinations(range(11), 2) for replay in (False, True)]


def crashes() -> list[Cut]:
    """Every way to die at the first wish to dial, and every return."""
    return [Cut(TICKS, on, crash, replay) for on in range(11) for crash in Crash for replay in (False, True)]


@pytest.mark.parametrize("name", ONE_LEG)
def test_wherever_the_service_dies_the_call_ends_the_same_way(name: str) -> None:
    whole = tell([ONE_LEG[name]])
    for cut in [*cuts(), *crashes()]:
        same_story(tell([ONE_LEG[name]], cut), whole)


@pytest.mark.parametrize("name", SEVERAL_LEGS)
def test_wherever_the_service_dies_no_device_is_skipped_or_rung_twice(name: str) -> None:
    count, rounds, scripts = SEVERAL_LEGS[name]
    whole = tell(scripts, count=count, rounds=rounds)
    for cut in [*cuts(), *crashes()]:
        same_story(tell(scripts, cut, count=count, rounds=rounds), whole)


#: What happens after a redirect, and how it ends.
ELSEWHERE: dict[str, Script] = {
    "served by the other queue": ("joins", "offer bob", "talk bob", "bye"),
    "served by the same agent again": ("joins", "offer ann", "talk ann", "agent-bye"),
    "leaves the other queue": ("joins", "offer bob", "decline bob", "bye"),
    "is led back and leaves": ("home", "joins", "bye"),
    "is led back and served": ("home", "joins", "offer bob", "talk bob", "agent-bye"),
    "is not let in anywhere": ("gives-up FULL",),
    "is at the limit": ("joins", "limit"),
}


def redirected(name: str, after: int, cut: Cut) -> Service:
    """The supervisor redirects after so many ticks; then comes the cut, or the crash before it is carried out."""
    service = Service(World([SERVED], ELSEWHERE[name]))
    service.begin()
    for _ in range(after):
        service.hear(service.world.tick())
    service.crash = cut.crash
    service.hear([e.RedirectRequested("supervisor", "sales")])
    for tick in range(TICKS):
        _one_tick(service, tick, [cut])
    return service


@pytest.mark.parametrize("after", [3, 4, 5])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_redirect_goes_on_while_the_service_is_dead(name: str, after: int) -> None:
    whole = redirected(name, after, WHOLE)
    for cut in cuts():
        told = redirected(name, after, cut)
        if name == "is led back and leaves" and after < 5:
            # Without a talk before, a trace cannot tell this from a redirect that never got through.
            assert told.story.end == whole.story.end
        else:
            same_story(told, whole)


@pytest.mark.parametrize("crash", Crash)
@pytest.mark.parametrize("after", [3, 4, 5])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_redirect_that_was_only_wished_for_is_carried_out_after_the_death(
    name: str, after: int, crash: Crash
) -> None:
    whole = redirected(name, after, WHOLE)
    for on in range(6):
        for replay in (False, True):
            told = redirected(name, after, Cut(TICKS, on, crash, replay))
            assert told.story.end == whole.story.end, told.story.path
            assert told.story.call.agent == whole.story.call.agent or whole.story.call.agent is None


legs = st.one_of(
    st.sampled_from([("code 486",), ("rings", "code 486"), ("code 404",)]),
    st.builds(
        lambda rings, declines, end: (*rings, "answers", "joins", *declines, *end),
        st.sampled_from([(), ("rings",)]),
        st.sampled_from([(), ("offer ann", "decline ann"), ("offer ann", "offer bob", "decline bob")]),
        st.sampled_from([("bye",), ("gives-up TIMEOUT",), ("offer eve", "talk eve", "agent-bye"), ("limit",)]),
    ),
)
some_cuts = st.lists(
    st.builds(lambda off, long, replay: Cut(off, off + long, None, replay), *[st.integers(0, 25)] * 2, st.booleans()),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(legs, min_size=3, max_size=3), some_cuts)
def test_however_often_it_dies_the_call_ends_the_same_way(scripts: list[Script], several: list[Cut]) -> None:
    same_story(tell(scripts, *several, count=3), tell(scripts, count=3))


# ── what only recovery knows ─────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("off", range(1, 6))
def test_when_asterisk_is_restarted_too_the_call_is_lost_and_nobody_is_rung_again(off: int) -> None:
    service = restarted(Service(World([(*SERVED, "bye")]), count=2), off)
    assert service.story.end == ("lost", "asterisk_restarted")
    assert [type(wish) for wish in service.story.wishes] == [Dial]


def restarted(service: Service, off: int) -> Service:
    """The service dies after so many ticks, Asterisk is restarted, and the service is back."""
    service.begin()
    for _ in range(off):
        service.hear(service.world.tick())
    service.die()
    service.world.restart()
    service.world.tick()
    service.come_back()
    return service


@pytest.mark.parametrize("off", range(1, 6))
def test_a_callback_that_asterisk_was_restarted_under_is_tried_again_once_its_pause_is_over(off: int) -> None:
    service = restarted(Service(World([(*PROVEN, "bye"), ("code 486",)]), rounds=1), off)
    first, second = service.story.wishes
    assert (first, second) == (Dial("pb.call_1.1", 0), Dial("pb.call_1.2", 0))
    pause = service.story.call.terms.pauses_s[0]
    assert service.world.now >= service.world.since + seconds(pause)
    service.hear(service.world.tick())
    assert service.story.end == ("busy", "busy")


def test_a_choice_outlives_a_restart_of_asterisk_and_of_the_service() -> None:
    service = Service(World([PROVEN[:4], ("code 486",)]), rounds=1)
    service.begin()
    for _ in range(4):
        service.hear(service.world.tick())
    service.story.chooses(e.Choice.CALLBACK)
    service.die()
    service.world.restart()
    service.come_back()
    assert service.story.call.attempt == 2
    assert service.story.call.rounds_left == 1


@pytest.mark.parametrize("crash", [Crash.CLAIMED, Crash.SENT])
def test_a_dial_of_which_nobody_knows_is_not_repeated_after_asterisk_was_restarted(crash: Crash) -> None:
    service = Service(World([SERVED]), count=2)
    service.crash = crash
    service.begin()
    service.world.tick()
    service.world.restart()
    service.come_back()
    assert service.story.end == ("lost", "asterisk_restarted")


def test_a_dial_that_was_never_sent_is_sent_even_after_asterisk_was_restarted() -> None:
    service = Service(World([("code 486",)]))
    service.crash = Crash.BEFORE
    service.begin()
    service.world.restart()
    service.come_back()
    assert has_leg(service.story.call)
    assert set(service.world.legs) == {"pb.call_1.1"}


def test_an_abort_that_was_not_carried_out_before_the_death_is_carried_out_afterwards() -> None:
    service = Service(World([SERVED]))
    service.begin()
    for _ in range(5):
        service.hear(service.world.tick())
    service.crash = Crash.BEFORE
    service.hear([e.AbortRequested("citizen")])
    assert not service.alive
    service.world.tick()
    service.come_back()
    service.hear(service.world.tick())
    assert service.story.end == ("cancelled", "aborted")


def test_an_abort_before_a_dial_that_was_not_sent_keeps_the_phone_silent() -> None:
    service = Service(World([SERVED]))
    service.crash = Crash.BEFORE
    service.begin()
    service.story.aborted()
    service.come_back()
    assert service.story.end == ("cancelled", "aborted")
    assert service.world.legs == {}
