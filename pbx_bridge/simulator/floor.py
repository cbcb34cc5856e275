"""The floor: agents, and those who hold the line. What Asterisk does with a queue, and no more: first come, first
served within a priority; an agent's telephone rings, the two talk, the agent wraps up."""

from __future__ import annotations

from collections import OrderedDict

from ..line.calibration import Promise, settle
from ..line.estimate import Learned
from ..line.pacing import priority
from ..line.sight import Sight
from .agenda import Agenda
from .chance import Chance
from .people import Citizen, End, Told, Word
from .plan import Talk


class HoldTime:
    """What app_queue announces: (3 · old + new) / 4 of the waits of those who were answered, in whole seconds
    (apps/app_queue.c, recalc_holdtime). It asks for neither place nor staff."""

    def __init__(self) -> None:
        self.seconds = 0

    def answered(self, waited_s: float) -> None:
        """One more was answered."""
        self.seconds = (3 * self.seconds + int(waited_s)) // 4


class Floor:
    """One queue. `coming` and `ringing` are counted by those who bring people here."""

    def __init__(self, agenda: Agenda, learned: Learned, chance: Chance, talk: Talk, wrap_up_s: float) -> None:
        self._agenda = agenda
        self._chance = chance
        self._talk = talk
        self._wrap_up_s = wrap_up_s
        self.learned = learned
        self.hold_time = HoldTime()
        self.coming = 0
        self.ringing = 0
        self.rung_s = 0.0
        self.busy = 0
        self.told: list[Told] = []
        self._meant = 0
        self._lines = [OrderedDict[str, Citizen]() for _ in range(2)]
        """Those nobody is offered to yet, by priority."""
        self._present: OrderedDict[str, Citizen] = OrderedDict()
        self._live: OrderedDict[str, Citizen] = OrderedDict()
        self._since = 0.0
        self.staffed_s = self.worked_s = 0.0

    # ── who is there ─────────────────────────────────────────────────────────────────────────────────
    @property
    def agents(self) -> int:
        """Logged in and not pausing. Who should go but talks is still here."""
        return max(self._meant, self.busy)

    @property
    def free(self) -> int:
        """Can be offered a call."""
        return self.agents - self.busy

    @property
    def waiting(self) -> int:
        """In the queue, not answered yet."""
        return len(self._present)

    def meant(self, agents: int) -> None:
        """So many agents should work from now on."""
        self._count()
        self._meant = agents

    def sight(self) -> Sight:
        """The queue as the service would see it."""
        first = next(iter(self._live.values()), None)
        waited = self._agenda.now - first.joined_s if first and first.joined_s is not None else 0.0
        return Sight(
            self.agents,
            self.free,
            self.waiting,
            self.coming,
            self.ringing,
            waited,
            quiet_s=self._agenda.now - self.rung_s,
            called_back=self.waiting - len(self._live),
        )

    def close_books(self) -> None:
        """Count the time that agents have worked up to now."""
        self._count()

    def _count(self) -> None:
        passed = self._agenda.now - self._since
        self.staffed_s += passed * self.agents
        self.worked_s += passed * self.busy
        self._since = self._agenda.now

    # ── the line ─────────────────────────────────────────────────────────────────────────────────────
    def join(self, citizen: Citizen, patience_s: float) -> None:
        """Somebody takes the last place."""
        now = self._agenda.now
        citizen.joined_s, citizen.offered, citizen.ended_s = now, False, None
        citizen.word = self._word(citizen)
        self._present[citizen.id] = self._line_of(citizen)[citizen.id] = citizen
        if not citizen.called_back:
            self._live[citizen.id] = citizen
        if patience_s < float("inf"):
            self._agenda.note(now + patience_s, lambda: self._gives_up(citizen, now))

    def _line_of(self, citizen: Citizen) -> OrderedDict[str, Citizen]:
        return self._lines[priority(0, called_back=citizen.called_back)]

    def _word(self, citizen: Citizen) -> Word:
        """The first word is the one that has to hold."""
        offered = self.waiting - sum(map(len, self._lines))
        ahead = offered + sum(map(len, self._lines[priority(0, called_back=citizen.called_back) :]))
        pair = self.sight().wait(ahead + 1, self.learned, called_back=citizen.called_back).for_page
        promise = Promise(self._agenda.at, *pair) if pair else None
        return Word(promise, self.free > ahead - offered, self.hold_time.seconds)

    def serve(self) -> None:
        """Free agents take the first: by priority, then by time."""
        for line in reversed(self._lines):
            while line and self.free > 0:
                _, citizen = line.popitem(last=False)
                self._offer(citizen)

    def _offer(self, citizen: Citizen) -> None:
        self._count()
        self.busy += 1
        citizen.offered = True
        if self._talk.pick_up_s:
            rings = self._chance.pick_up_s(self._talk)
            self._agenda.note(self._agenda.now + rings, lambda: self._answer(citizen))
        else:
            self._answer(citizen)

    def _answer(self, citizen: Citizen) -> None:
        if not citizen.in_queue:
            return
        citizen.answered_s = self._agenda.now
        self._leaves(citizen, abandoned=False)
        self.hold_time.answered(citizen.waited_s or 0.0)
        self._agenda.note(self._agenda.now + citizen.talk_s, lambda: self._talked(citizen))

    def _talked(self, citizen: Citizen) -> None:
        citizen.end, citizen.ended_s = End.SERVED, self._agenda.now
        self.learned = self.learned.handled(citizen.talk_s + self._wrap_up_s)
        if self._wrap_up_s:
            self._agenda.note(self._agenda.now + self._wrap_up_s, self._freed)
        else:
            self._freed()

    def _freed(self) -> None:
        self._count()
        self.busy -= 1

    def _gives_up(self, citizen: Citizen, joined_s: float) -> None:
        if citizen.in_queue and citizen.joined_s == joined_s:
            citizen.end = End.ABANDONED
            self.take_out(citizen)

    def take_out(self, citizen: Citizen) -> None:
        """Somebody leaves unanswered; an agent whose telephone rings for them is free again."""
        citizen.ended_s = self._agenda.now
        self._leaves(citizen, abandoned=True)
        if citizen.offered:
            self._freed()
        else:
            del self._line_of(citizen)[citizen.id]

    def _leaves(self, citizen: Citizen, *, abandoned: bool) -> None:
        del self._present[citizen.id]
        self._live.pop(citizen.id, None)
        self.learned = self.learned.left(citizen.waited_s or 0.0, abandoned=abandoned)
        if citizen.word and citizen.word.promise:
            held = settle(citizen.word.promise, self._agenda.at, answered=not abandoned)
            wrong = None if abandoned else abs((citizen.waited_s or 0.0) - citizen.word.hold_s)
            self.told.append(Told(held, citizen.word.found_free, wrong))
