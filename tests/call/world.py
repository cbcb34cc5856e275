"""A small Asterisk that tells the truth, and a service that can die: for showing that recovery finds out.

Time goes in ticks. In each tick the living leg takes one step of its script and says so over ARI or AMI; whoever
does not listen then has missed it. What remains is what Asterisk has (legs) and remembers (traces).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Command, Dial, HangUp, Redirect
from pbx_bridge.call.machine import has_leg
from pbx_bridge.call.recovery import DialWish, LegSeen, LegState, Picture, Trace, may_dial, missed
from pbx_bridge.call.states import State
from tests.call.story import CLOSED_TILL_NOON, MORNING, OPEN, Story, seconds

TICK_S = 2
#: What one leg does, a word a tick, such as "rings", "answers", "joins", "offer ann", "talk ann", "bye". Somebody who
#: is called back "picks-up" and "proves"; "chooses callback" is a key, "nobody" the silence where one is asked for.
Script = Sequence[str]


@dataclass
class Leg:
    """The truth about one leg."""

    script: list[str]
    queue: str = "support"
    seen: LegSeen = field(default_factory=lambda: LegSeen(LegState.DOWN))
    trace: Trace | None = None
    answered_at: datetime | None = None
    joined_at: datetime | None = None
    in_queue: str | None = None
    agent: str | None = None
    waited_s: int | None = None


class World:
    """Asterisk. `scripts` are what its legs will do, one leg after the other; `elsewhere`: after a redirect."""

    def __init__(self, scripts: Sequence[Script], elsewhere: Script = ()) -> None:
        self.now = MORNING
        self.since = MORNING - seconds(3600)
        self.legs: dict[str, Leg] = {}
        self._scripts = iter(scripts)
        self._elsewhere = elsewhere

    # ── what the service may ask ─────────────────────────────────────────────────────────────────────
    def dial(self, leg: str) -> None:
        """One ring. A second one for the same leg is what must never happen."""
        assert leg not in self.legs, f"{leg} rings a second time"
        self.legs[leg] = Leg(list(next(self._scripts)))

    def hang_up(self, leg: str) -> None:
        if leg in self.legs and self.legs[leg].trace is None:
            self.legs[leg].script = ["cut"]

    def redirect(self, leg: str, queue: str) -> None:
        if leg in self.legs and self.legs[leg].trace is None:
            moved = self.legs[leg]
            moved.queue = moved.in_queue = queue
            moved.agent, moved.seen, moved.script = None, LegSeen(LegState.UP), list(self._elsewhere)

    def picture(self) -> Picture:
        living = {name: replace(leg.seen, desk=leg.queue) for name, leg in self.legs.items() if leg.trace is None}
        traces = {name: leg.trace for name, leg in self.legs.items() if leg.trace}
        return Picture(self.now, self.since, living, traces)

    def restart(self) -> None:
        """Asterisk stops and starts: living legs are gone without a trace, what was written down is kept."""
        self.since = self.now
        self.legs = {name: leg for name, leg in self.legs.items() if leg.trace}

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────
    def tick(self) -> list[e.LegEvent]:
        """One step of the living leg, and what Asterisk says about it."""
        self.now += seconds(TICK_S)
        for name, leg in self.legs.items():
            if leg.trace is None and leg.script:
                return list(self._step(name, leg, leg.script.pop(0)))
        return []

    def _step(self, name: str, leg: Leg, word: str) -> Iterator[e.LegEvent]:
        verb, _, who = word.partition(" ")
        match verb:
            case "rings":
                leg.seen = LegSeen(LegState.RINGING)
                yield e.DeviceRang(name)
            case "answers":
                leg.seen, leg.answered_at, leg.in_queue = LegSeen(LegState.UP), self.now, leg.queue
                yield e.DeviceAnswered(name)
            case "picks-up":
                leg.seen, leg.answered_at = LegSeen(LegState.UP), self.now
                yield e.DeviceAnswered(name)
            case "proves":
                leg.in_queue = leg.queue
            case "joins":
                leg.joined_at = self.now
                leg.seen = LegSeen(LegState.UP, leg.queue, 1)
                yield e.QueueJoined(name, leg.queue, 1)
            case "home":
                leg.queue = leg.in_queue = "support"
            case _:
                yield from self._at_the_desk(name, leg, verb, who)

    def _at_the_desk(self, name: str, leg: Leg, verb: str, who: str) -> Iterator[e.LegEvent]:
        match verb:
            case "offer":
                leg.seen = replace(leg.seen, ringing=(*leg.seen.ringing, who))
                yield e.AgentRang(name, who)
            case "decline":
                leg.seen = replace(leg.seen, ringing=tuple(a for a in leg.seen.ringing if a != who))
                yield e.AgentDeclined(name, who)
            case "talk":
                assert leg.joined_at
                leg.agent, leg.waited_s = who, int((self.now - leg.joined_at).total_seconds())
                leg.seen = LegSeen(LegState.UP, agent=who)
                yield e.AgentAnswered(name, who)
            case "hold":
                yield e.Held(name)
            case "unhold":
                yield e.Unheld(name)
            case _:
                yield from self._last_step(name, leg, verb, who)

    def _last_step(self, name: str, leg: Leg, verb: str, word: str) -> Iterator[e.LegEvent]:
        status, sip, limit = None, None, False
        match verb:
            case "bye":
                yield e.DeviceHungUp(name)
            case "agent-bye":
                status = "CONTINUE"
                yield e.AgentGone(name, leg.agent or "", "agent")
                yield e.QueueLeft(name, status)
            case "gives-up":
                status = word
                yield e.QueueLeft(name, status)
            case "chooses" | "chooses-late":
                status, limit = word, verb == "chooses-late"
                yield e.Chosen(name, e.Choice(word))
                if limit:
                    yield e.LimitReached(name)
            case "nobody":
                status = verb
                yield e.MachineAnswered(name)
            case "limit":
                limit = True
                yield e.LimitReached(name)
            case "code":
                sip = int(word)
        leg.trace = Trace(self.now, 16, sip, leg.answered_at, leg.in_queue, status, leg.agent, leg.waited_s, limit)
        yield e.DeviceGone(name, sip, 16)


class Crash(Enum):
    """How far a wish had got when the service died."""

    BEFORE = auto()
    CLAIMED = auto()
    SENT = auto()


class Service:
    """The conductor's part, without its loop: facts in, wishes out, and after a death the look at Asterisk."""

    def __init__(self, world: World, *, count: int = 1, rounds: int = 0) -> None:
        self.world = world
        self.story = Story.accepted(count=count, rounds=rounds)
        self.alive = True
        self.crash: Crash | None = None
        self._unfinished: list[tuple[Command, bool]] = []

    def begin(self) -> None:
        """The hours say open. Where there are rounds, it was closed before, and this is a callback."""
        if self.story.call.terms.rounds:
            self._take(e.Admitted(CLOSED_TILL_NOON), self.world.now)
            self._when_due()
        else:
            self._take(e.Admitted(OPEN), self.world.now)

    def hear(self, facts: Sequence[e.Event]) -> None:
        """Facts at the moment when they happen; a dead service hears none."""
        for fact in facts:
            if self.alive:
                self._take(fact, self.world.now)
        self._when_due()

    def _when_due(self) -> None:
        """The time of a callback has come, if there is one."""
        if self.alive and self.story.call.scheduled_for:
            self.world.now = max(self.world.now, self.story.call.scheduled_for)
            self._take(e.Due(), self.world.now)

    def die(self) -> None:
        self.alive = False

    def come_back(self, replayed: Sequence[e.Event] = ()) -> None:
        """Connect, look, take what was missed, then what was buffered since the connect, then unsent wishes."""
        self.alive = True
        picture, call = self.world.picture(), self.story.call
        unfinished, self._unfinished = self._unfinished, []
        for fact in missed(call, picture, self._dial_wish(unfinished)):
            self._take(fact.event, fact.at)
        for command, maybe_done in unfinished:
            self._take_up(command, maybe_done, picture)
        self.hear(replayed)

    def _dial_wish(self, unfinished: Sequence[tuple[Command, bool]]) -> DialWish:
        for command, maybe_done in unfinished:
            if isinstance(command, Dial) and command.leg == self.story.call.leg:
                return DialWish.MAYBE_SENT if maybe_done else DialWish.NOT_SENT
        return DialWish.SENT

    def _take_up(self, command: Command, maybe_done: bool, picture: Picture) -> None:
        if isinstance(command, Dial) and maybe_done:
            dialled_at = self.story.call.dialled_at
            if dialled_at is None or not may_dial(command.leg, dialled_at, picture):
                return
        self._perform(command)

    def _take(self, event: e.Event, at: datetime) -> None:
        before = len(self.story.wishes)
        self.story.now = max(at, self.story.call.state_since)
        self.story.take(event, 0)
        for command in self.story.wishes[before:]:
            if self.crash is None:
                self._perform(command)
            else:
                self._crash(command, self.crash)

    def _crash(self, command: Command, crash: Crash) -> None:
        """The wish is committed, and the service dies at its first step towards it."""
        self._unfinished.append((command, crash is not Crash.BEFORE))
        self.crash = None
        if crash is Crash.SENT:
            self._perform(command)
        self.die()

    def _perform(self, command: Command) -> None:
        call = self.story.call
        match command:
            case Dial(leg=leg):
                if call.verdict and call.leg == leg:
                    self._take(e.NotDialled(leg, call.verdict.cause), self.world.now)
                elif call.state is State.DIALING and call.leg == leg:
                    self.world.dial(leg)
            case HangUp(leg=leg):
                self.world.hang_up(leg)
            case Redirect(leg=leg, queue=queue):
                self.world.redirect(leg, queue)

    @property
    def has_leg(self) -> bool:
        return has_leg(self.story.call)
