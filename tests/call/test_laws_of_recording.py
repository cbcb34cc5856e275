"""The law of recordings, in any order of events: nothing without consent, nothing before the notice, nothing after a
refusal. Asterisk is played here as dialplan/recording.conf has it: it records whom it was told to, and whoever let the
notice end; what it says may come late, twice, or of a leg that is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Command, Dial, PauseRecording, PlayNotice, ResumeRecording, StopRecording
from pbx_bridge.call.consent import FINAL, may_record
from pbx_bridge.call.machine import NotNow, Step, accept, advance, unfold
from pbx_bridge.call.model import Call, Consent, RecordingState, Terms
from pbx_bridge.call.states import State
from tests.rooms.ledger_calls import NOON, OPEN, request

ON = RecordingState.ON
#: What the citizen's leg, agents and askers may bring, at any moment and in any order.
FACTS: dict[str, Callable[[str], e.Event]] = {
    "admitted": lambda leg: e.Admitted(OPEN),
    "rings": e.DeviceRang,
    "answers": e.DeviceAnswered,
    "notice heard": e.RecordingArmed,
    "presses 0": e.RecordingRefused,
    "joins": lambda leg: e.QueueJoined(leg, "support", 1),
    "offered": lambda leg: e.AgentRang(leg, "ann"),
    "talks": lambda leg: e.AgentAnswered(leg, "ann"),
    "talks with another": lambda leg: e.AgentAnswered(leg, "bob"),
    "sent on by the agent": lambda leg: e.AgentTransferred(leg, "other"),
    "somebody outside": e.OutsideAnswered,
    "sent on": lambda leg: e.RedirectRequested("client:x", queue="other"),
    "not sent on": e.TransferFailed,
    "pause": lambda leg: e.RecordingPaused("client:x"),
    "resume": lambda leg: e.RecordingResumed("client:x"),
    "take back": lambda leg: e.ConsentWithdrawn("client:x"),
    "agent gone": lambda leg: e.AgentGone(leg, "ann", "agent"),
    "left": lambda leg: e.QueueLeft(leg, "CONTINUE"),
    "called back": lambda leg: e.Chosen(leg, e.Choice.CALLBACK),
    "due": lambda leg: e.Due(),
    "hangs up": e.DeviceHungUp,
    "gone": e.DeviceGone,
    "lost": e.LegLost,
}  # fmt: skip
NAMES = (*sorted(FACTS), "time")
ORDER = st.lists(st.sampled_from(NAMES), max_size=40)
#: As it mostly goes, so that the deep states are reached; anything may come between.
USUAL = ("admitted", "answers", "notice heard", "joins", "talks")
ASKED = st.sampled_from([None, Consent(True, False, "1"), Consent(True, True, "1")])


@dataclass
class Asterisk:
    """One leg after the other. `told`: PB_RECORD is set. `lawful`: it may, by all that was said so far."""

    told: dict[str, bool] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)

    def does(self, call: Call, commands: Sequence[Command]) -> None:
        for command in commands:
            self.commands.append(command)
            if isinstance(command, Dial):
                self.told[command.leg] = may_record(call)
            if isinstance(command, StopRecording):
                self.told[command.leg] = False


@dataclass
class Story:
    """A call and all that was asked of Asterisk. `refused`: from some moment on the answer is no."""

    call: Call
    asterisk: Asterisk = field(default_factory=Asterisk)
    refused: bool = False

    def happens(self, name: str, at: int) -> None:
        leg = self.call.leg or "pb.call_1.1"
        event = e.TimeUp(self.call.state) if name == "time" else FACTS[name](leg)
        for each in unfold(self.call, event):
            try:
                step = advance(self.call, each, NOON.replace(second=at))
            except NotNow:
                continue
            self._checked(each, step)
            self.call = step.call
            self.asterisk.does(step.call, step.commands)
            if isinstance(each, e.RecordingRefused | e.ConsentWithdrawn):
                self.refused = True

    def _checked(self, event: e.Event, step: Step) -> None:
        before, after = self.call.recording, step.call.recording
        if after is not None and after.state is ON and (before is None or before.state is not ON):
            assert isinstance(event, e.RecordingArmed | e.RecordingResumed), event
        wakes = [each for each in step.commands if isinstance(each, ResumeRecording | PlayNotice)]
        assert not (wakes and (self.refused or before is None)), event
        if isinstance(event, e.RecordingArmed) and (before is None or before.state in FINAL):
            assert StopRecording(event.leg) in step.commands, "what must not have begun is stopped"
        if isinstance(event, e.ConsentWithdrawn) and before is not None and has_line(self.call):
            assert any(isinstance(each, StopRecording) for each in step.commands)
        if after is not None and before is not None and before.state is ON and after.state is RecordingState.PAUSED:
            assert any(isinstance(each, PauseRecording) for each in step.commands)


def has_line(call: Call) -> bool:
    return call.state in (State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING, State.ON_HOLD, State.TRANSFERRING)


def told(consent: Consent | None, offered: bool, order: Sequence[str]) -> Story:
    call = accept("call_1", "T1", request(consent=consent), Terms(record=offered), NOON, confirmation=None).call
    story = Story(call)
    for at, name in enumerate(order):
        story.happens(name, min(at, 59))
        state = story.call.recording.state if story.call.recording else None
        lawful = consent is not None and consent.recording and offered and not story.refused
        assert lawful or state is not ON
        assert lawful or not may_record(story.call)
        assert state is not ON or has_line(story.call), story.call.state
    return story


@settings(max_examples=300)
@given(ASKED, st.booleans(), ORDER)
def test_in_any_order_nothing_is_recorded_that_may_not_be(
    consent: Consent | None, offered: bool, order: list[str]
) -> None:
    story = told(consent, offered, order)
    if consent is None or not consent.recording or not offered:
        assert not any(story.asterisk.told.values())
        assert story.call.recording is None


@settings(max_examples=300)
@given(st.booleans(), st.data())
def test_whatever_comes_between_a_refusal_is_the_last_word(offered: bool, data: st.DataObject) -> None:
    between = [data.draw(st.lists(st.sampled_from(NAMES), max_size=3)) for _ in USUAL]
    order = [name for usual, more in zip(USUAL, between, strict=True) for name in (usual, *more)]
    after = data.draw(ORDER)
    no = data.draw(st.sampled_from(["presses 0", "take back"]))
    story = told(Consent(True, True, "1"), offered, [*order, no, *after])
    if story.refused:
        assert not may_record(story.call)


def test_the_usual_way_is_recorded() -> None:
    story = told(Consent(True, True, "1"), True, USUAL)
    assert story.call.recording
    assert (story.call.recording.state, story.call.recording.parts) == (ON, 1)
    assert list(story.asterisk.told.values()) == [True]


def test_a_new_attempt_begins_with_the_notice() -> None:
    story = told(Consent(True, True, "1"), True, [*USUAL[:4], "called back", "gone", "due"])
    assert story.call.recording
    assert story.call.recording.state is RecordingState.ASKED
    assert list(story.asterisk.told.values()) == [True, True]
