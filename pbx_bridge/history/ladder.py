"""The ladder of a call: who said what to whom, in order of time, as telephone engineers draw it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..call.model import Direction, TransferBy
from ..call.states import Outcome, State
from .status import OUTCOMES, STATES
from .told import Told, Words

PORTAL, BRIDGE, DEVICE, QUEUE, OUTSIDE = "portal", "pbx-bridge", "device", "queue", "outside"
#: Before an agent's name, in a participant.
AGENT = "agent "
OFFERS = Words("offers the citizen", "предлагает звонок")
_ENDERS = {"portal": PORTAL, "citizen": DEVICE, "network": DEVICE, "queue": QUEUE}


@dataclass(frozen=True, slots=True)
class Rung:
    """One line: an arrow from one participant to another, or a note beside one of them (`to` is the same).
    `nameless`: what is said where no agent may be named."""

    at: datetime
    from_: str
    to: str
    words: Words
    place: bool = False
    nameless: Words | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """Participants from left to right, rungs from top to bottom."""

    call_id: str
    ticket: str
    participants: tuple[str, ...]
    rungs: tuple[Rung, ...]
    short: Words


def ladder(story: Sequence[Told], *, agents: bool = True) -> Ladder:
    """Of one call's events, in order, all of them; at least one. Without `agents` they have numbers for names."""
    names: dict[str, str] = {}
    rungs: list[Rung] = []
    before: Told | None = None
    for told in story:
        for rung in _rungs(before, told):
            if rung.place and rungs and rungs[-1].place:
                rungs.pop()  # of many moves in one queue, one after the other, the last one tells enough
            rungs.append(rung if agents else _without_name(rung, names))
        before = told
    last = story[-1].call
    short = OUTCOMES[Outcome(last["outcome"])] if last["outcome"] else STATES[State(last["state"])]
    return Ladder(last["id"], last["ticket"], _in_order(rungs), tuple(rungs), short)


def _without_name(rung: Rung, names: dict[str, str]) -> Rung:
    def blank(who: str) -> str:
        return names.setdefault(who, f"{AGENT}{len(names) + 1}") if who.startswith(AGENT) else who

    return replace(rung, from_=blank(rung.from_), to=blank(rung.to), words=rung.nameless or rung.words)


def _in_order(rungs: Iterable[Rung]) -> tuple[str, ...]:
    seen = dict.fromkeys(who for rung in rungs for who in (rung.from_, rung.to))
    known = [who for who in (PORTAL, BRIDGE, DEVICE, QUEUE) if who in seen]
    return (*known, *(who for who in seen if who.startswith(AGENT)), *([OUTSIDE] if OUTSIDE in seen else ()))


def _rungs(before: Told | None, told: Told) -> Iterator[Rung]:
    if before is None:
        yield _beginning(told)
        if told.state != State.REQUESTED:
            yield from _moved(None, told)
    elif (told.state, told.attempt) != (before.state, before.attempt):
        yield from _moved(before, told)
    else:
        yield from _within(before, told)
        yield from _aside(before, told)


def _within(before: Told, told: Told) -> Iterator[Rung]:
    """What changes while the state stays."""
    if told.member("confirmation").get("sent_at") != before.member("confirmation").get("sent_at"):
        yield Rung(told.at, BRIDGE, DEVICE, Words("a code is sent", "отправлен код"))
    if told.position != before.position and told.position:
        words = Words(f"place {told.position}", f"место {told.position}")
        yield Rung(told.at, QUEUE, DEVICE, words, place=True)
    if told.state == State.OFFERED:
        for agent in told.offered:
            if agent not in before.offered:
                yield Rung(told.at, QUEUE, AGENT + agent, OFFERS)
    if (told.talker, told.outside) != (before.talker, before.outside):
        yield Rung(told.at, _talker(told), DEVICE, Words("takes the talk over", "продолжает разговор"))


def _aside(before: Told, told: Told) -> Iterator[Rung]:
    """What changes beside the state."""
    if told.member("recording").get("state") != before.member("recording").get("state"):
        state = told.member("recording").get("state", "none")
        yield Rung(told.at, BRIDGE, BRIDGE, Words(f"recording: {state}", f"запись: {state}"))
    if told.type == "call.limit_warning":
        yield Rung(told.at, BRIDGE, DEVICE, Words("the time limit is near", "время разговора заканчивается"))
    if (limit := told.call.get("time_limit_s")) != before.call.get("time_limit_s"):
        yield Rung(told.at, BRIDGE, BRIDGE, Words(f"time limit {limit} s", f"предел времени {limit} с"))


def _beginning(told: Told) -> Rung:
    service = told.call.get("service", "")
    if told.call.get("direction") == Direction.INBOUND:
        return Rung(told.at, DEVICE, BRIDGE, Words(f"dials {service}", f"звонит: {service}"))
    return Rung(told.at, PORTAL, BRIDGE, Words(f"asks for a call, {service}", f"просит звонок: {service}"))


def _moved(before: Told | None, told: Told) -> Iterator[Rung]:
    """What led into a new state, or to a new attempt."""
    state = State(told.state)
    if state is State.ENDED:
        yield _end(before, told)
    elif state is State.OFFERED:
        for agent in told.offered:
            yield Rung(told.at, QUEUE, AGENT + agent, OFFERS)
    elif state is State.QUEUED:
        yield from _queued(before, told)
    elif state is State.TRANSFERRING:
        yield _transfer(before, told)
    else:
        yield _plain(state, before, told)


def _plain(state: State, before: Told | None, told: Told) -> Rung:
    kind = told.device or DEVICE
    talker = _talker(told)
    resumed = before is not None and before.state == State.ON_HOLD
    from_, to, words = {
        State.REQUESTED: (BRIDGE, BRIDGE, STATES[State.REQUESTED]),
        State.AWAITING_CODE: (BRIDGE, DEVICE, Words("asks for a code", "просит код")),
        State.SCHEDULED: (BRIDGE, BRIDGE, _later(told)),
        State.DIALING: (BRIDGE, DEVICE, Words(f"dials, attempt {told.attempt} ({kind})",
                                              f"набирает, попытка {told.attempt} ({kind})")),
        State.RINGING: (DEVICE, BRIDGE, Words("rings", "звонит")),
        State.ANSWERED: (DEVICE, BRIDGE, Words("answers", "отвечает")),
        State.TALKING: (talker, DEVICE, Words("talks on", "продолжает") if resumed
                        else Words("answers: they talk", "отвечает: разговор")),
        State.ON_HOLD: (talker, DEVICE, Words("holds", "ставит на удержание")),
    }[state]  # fmt: skip
    return Rung(told.at, from_, to, words)


def _later(told: Told) -> Words:
    because, at = told.member("scheduled_because"), told.call.get("scheduled_for") or ""
    when = f"{at[:16].replace('T', ' ')}Z" if at else ""
    slug = because.get("slug", "")
    return Words(f"later ({slug}): {when}", f"позже ({slug}): {when}")


def _queued(before: Told | None, told: Told) -> Iterator[Rung]:
    if before is not None and before.state == State.OFFERED:
        for agent in before.offered:
            yield Rung(told.at, AGENT + agent, QUEUE, Words("does not answer", "не отвечает"))
        return
    place = f", place {told.position}" if told.position else ""
    where = f", место {told.position}" if told.position else ""
    yield Rung(told.at, DEVICE, QUEUE, Words(f"joins {told.queue}{place}", f"встаёт в {told.queue}{where}"))


def _transfer(before: Told | None, told: Told) -> Rung:
    transfer = told.member("transfer")
    to = transfer.get("to") or transfer.get("number") or "?"
    by_agent = transfer.get("by") == TransferBy.AGENT and before is not None and before.talker
    from_ = AGENT + str(before.talker) if by_agent and before else PORTAL
    words = Words(f"transfers to {to}", f"переводит: {to}")
    return Rung(told.at, from_, BRIDGE, words, nameless=Words("transfers", "переводит"))


def _end(before: Told | None, told: Told) -> Rung:
    cause = told.member("cause")
    source = cause.get("source")
    from_ = _ENDERS.get(str(source), BRIDGE)
    if source == "agent":
        talker = told.talker or (before.talker if before else None)
        from_ = AGENT + talker if talker else QUEUE
    outcome = told.call["outcome"]
    words = Words(f"{outcome}: {cause.get('words', '')}", f"{outcome}: {cause.get('words_ru', '')}")
    return Rung(told.at, from_, BRIDGE, words)


def _talker(told: Told) -> str:
    if told.talker:
        return AGENT + told.talker
    return OUTSIDE if told.outside else QUEUE
