"""Calls for the ledger's tests: citizens who exist only here, and every life a call can have."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Cause, Source
from pbx_bridge.call.machine import NotNow, Step, accept, advance, deadline, unfold
from pbx_bridge.call.model import (
    By,
    Call,
    Channel,
    Confirmation,
    Consent,
    Device,
    DeviceKind,
    Direction,
    Opening,
    Request,
    Terms,
    Why,
)
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.call.states import State
from pbx_bridge.call.table import TABLE
from pbx_bridge.ledger import AuditLine, Change, Idempotency, Ledger, NewEvent
from pbx_bridge.ledger.seal import KEY_BYTES
from pbx_bridge.phone import Phone

#: The key of every test's ledger; it seals nothing but inventions.
KEY = bytes(range(KEY_BYTES))
#: What keys the blind marks and audit chains of every test's ledger.
PEPPER = b"pepper of the tests"
NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
OPEN = Opening(True)
CLOSED = Opening(False, NOON + timedelta(hours=15), Why.NIGHT, en="it is night")

_numbers = itertools.count(1)


def request(user: str = "u-1", **changes: object) -> Request:
    """What the portal asks for a citizen with a mobile and a browser."""
    plain: dict[str, object] = {
        "client": "portal",
        "user": user,
        "service": "support",
        "queue": "support",
        "devices": (
            Device(DeviceKind.MOBILE, phone=Phone("+79161234567")),
            Device(DeviceKind.BROWSER, address="browser-of-anna"),
        ),
        "phone": Phone("+79161234567"),
        "subject": "Не приходит СМС",
        "client_ref": "order 4711 of Anna",
        "consent": Consent(phone_data=True, recording=False, text_version="2026-01"),
    }
    return Request(**plain | changes)  # type: ignore[arg-type]


def newborn(user: str = "u-1", at: datetime = NOON, **changes: object) -> Call:
    """A call that was just accepted; ids and tickets are drawn here."""
    number = next(_numbers)
    return accept(f"call_{number:06}", f"T{number:06}", request(user, **changes), Terms(), at, confirmation=None).call


def birth(call: Call, key: str | None = None) -> Change:
    """The change that stores a new call, as the conductor would make it."""
    return Change(
        call=call,
        wake_at=deadline(call),
        events=(NewEvent("call.accepted", call.revision, call.accepted_at, {"call": snapshot(call)}),),
        audit=(AuditLine(call.accepted_at, "portal", "open", "taken"),),
        idempotency=Idempotency(key, f"print of {key}") if key else None,
    )


def change(before: Call, step: Step, at: datetime) -> Change:
    """The change that one step of the machine leads to."""
    data = {"call": snapshot(step.call)}
    return Change(
        call=step.call,
        before_revision=before.revision,
        wake_at=deadline(step.call),
        events=(NewEvent(step.news, step.call.revision, at, data),) if step.news else (),
        wishes=step.commands,
        audit=(AuditLine(at, "asterisk", "fact", "taken"),),
    )


async def put(ledger: Ledger, *changes: Change) -> None:
    """Write these in one transaction."""
    async with ledger.transaction() as transaction:
        await transaction.write(changes, NOON)


def forget_opened_requests(ledger: Ledger) -> None:
    """As if the service had just started: everything must be opened again."""
    ledger._rows._births.clear()


def dialling(call: Call, at: datetime = NOON) -> Step:
    """The step that rings the first device."""
    return advance(call, e.Admitted(OPEN), at)


def scheduling(call: Call, at: datetime = NOON) -> Step:
    """The step that puts the call off until tomorrow."""
    return advance(call, e.Admitted(CLOSED), at)


def aborting(call: Call, at: datetime = NOON) -> Step:
    """The step that cancels a call without a leg."""
    return advance(call, e.AbortRequested("portal"), at)


# ── every life a call can have ───────────────────────────────────────────────────────────────────────────
_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_phones = st.sampled_from(["+79161234567", "+74951234567", "+12025550123", "+442079460018"]).map(Phone)
_devices = st.one_of(
    st.builds(Device, st.just(DeviceKind.MOBILE), phone=_phones),
    st.builds(Device, st.sampled_from([DeviceKind.SIP, DeviceKind.BROWSER]), address=_texts),
)
_consents = st.builds(Consent, st.booleans(), st.booleans(), _texts)
_terms = st.builds(Terms, rounds=st.integers(0, 2), ring_s=st.integers(1, 90), time_limit_s=st.integers(1, 7200))
_confirmations = (
    st.none()
    | st.builds(Confirmation, st.just(By.CODE), st.sampled_from(Channel), tries_left=st.integers(1, 5))
    | st.just(Confirmation(By.CLICK))
)
_causes = st.builds(
    Cause, st.sampled_from(["busy", "rejected", "no_answer"]), st.sampled_from(Source), st.none() | st.just(486)
)
_moments = st.timedeltas(timedelta(0), timedelta(days=900)).map(lambda past: NOON + past)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any request, of a citizen of its own."""
    return Request(
        client=draw(st.sampled_from(["portal", "kiosk"])),
        user=f"u-{next(_numbers)}",
        service=draw(st.sampled_from(["support", "tax"])),
        queue="support",
        devices=tuple(draw(st.lists(_devices, min_size=1, max_size=3))),
        phone=draw(st.none() | _phones),
        locale=draw(st.sampled_from(["ru", "en"])),
        session_id=draw(st.none() | _texts),
        subject=draw(st.none() | _texts),
        client_ref=draw(st.none() | _texts),
        consent=draw(st.none() | _consents),
        direction=draw(st.sampled_from(Direction)),
        when=draw(st.none() | _moments),
    )


#: Most ways out of a state end the call; these are drawn more often, so that long lives are seen too.
_ONWARD = frozenset(
    {e.Admitted, e.DeviceRang, e.DeviceAnswered, e.QueueJoined, e.QueueMoved, e.AgentRang, e.AgentAnswered, e.Held}
    | {e.Unheld, e.RedirectRequested, e.CodeSent, e.CodeConfirmed, e.Due, e.AgentDeclined}
)


@st.composite
def lives(draw: st.DrawFn) -> list[Step]:
    """The steps of one call: its birth, then a random walk through the machine."""
    number = next(_numbers)
    at = draw(_moments)
    steps = [
        accept(
            f"call_{number:06}", f"T{number:06}", draw(requests()), draw(_terms), at, confirmation=draw(_confirmations)
        )
    ]
    for _ in range(draw(st.integers(3, 25))):
        call = steps[-1].call
        moves = sorted(TABLE[call.state], key=lambda kind: (kind not in _ONWARD, kind.__name__))
        if not moves:
            break
        kind = draw(st.sampled_from([*moves, *(8 * [kind for kind in moves if kind in _ONWARD])]))
        at += draw(st.timedeltas(timedelta(0), timedelta(minutes=20)))
        for event in unfold(call, draw(_fact(kind, call))):
            steps += _taken(steps[-1].call, event, at)
    return steps


def _taken(call: Call, event: e.Event, at: datetime) -> Iterator[Step]:
    try:
        yield advance(call, event, at)
    except NotNow:
        return


def _fact(kind: type[e.Event], call: Call) -> st.SearchStrategy[e.Event]:
    """An event of this kind that names what the call has at present, so that most of them are taken."""
    values: dict[str, st.SearchStrategy[object]] = {
        "leg": st.just(call.leg or "pb.nobody.1"),
        "agent": st.sampled_from([*call.ringing, call.agent or "ann", "bob"]),
        "opening": st.sampled_from([OPEN, CLOSED]),
        "state": st.sampled_from(State),
        "by": st.just("portal"),
        "queue": st.sampled_from(["support", "tax"]),
        "position": st.integers(1, 9),
        "likely_s": st.none() | st.integers(0, 900),
        "at_most_s": st.none() | st.integers(0, 900),
        "status": st.sampled_from(["TIMEOUT", "FULL", "UNKNOWN"]),
        "why": st.sampled_from(["agent", "caller", "transfer"]),
        "cause": _causes,
        "channel": st.sampled_from(Channel),
        "choice": st.sampled_from(e.Choice),
        "to": _moments,
        "number": st.integers(1, 3),
        "sip": st.none() | st.sampled_from([480, 486, 503]),
        "q850": st.none() | st.just(17),
        "time_limit_s": st.integers(60, 7200),
        "returns": st.booleans(),
        "met": st.booleans(),
    }
    if kind is e.RedirectRequested:
        values["number"] = st.none() | st.just("+7916***4567")
    if kind is e.AgentTransferred:
        values["to"] = st.none() | st.sampled_from(["tax", "bob"])
    return st.builds(kind, **{field.name: values[field.name] for field in fields(kind)})
