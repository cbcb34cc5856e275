"""Between values and rows: sealing on the way in, opening on the way out."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json
from ulid import ULID

from ..call.model import Call, Request, Terms
from ..call.states import Outcome, State
from .forms import read_birth, read_progress, write_birth, write_progress
from .marks import Marks
from .seal import SEALED_HEAD, Seal
from .tables import calls, events
from .values import NewEvent, StoredEvent

_REMEMBERED = 20_000
EVT = "evt_"
BIRTH = "calls.sealed_request"

#: What `Rows.call` needs, in its order.
CALL_COLUMNS = (
    calls.c.id, calls.c.ticket, calls.c.accepted_at, calls.c.state, calls.c.outcome, calls.c.revision,
    calls.c.attempt, calls.c.state_since, calls.c.ended_at, calls.c.progress, calls.c.sealed_request,
)  # fmt: skip
EVENT_COLUMNS = (
    events.c.id, events.c.call_id, events.c.client, events.c.sequence, events.c.type, events.c.time, events.c.data,
)  # fmt: skip


class Rows:
    """Makes and reads the rows of calls and events. Remembers opened requests, each with the beginning of its sealed
    form: that is drawn anew with every sealing, so a request that was erased meanwhile is not given out from memory.
    """

    def __init__(self, seal: Seal, marks: Marks) -> None:
        self.seal = seal
        self.marks = marks
        self._births: OrderedDict[str, tuple[bytes, Request, Terms]] = OrderedDict()
        self._last_id = 0
        #: How often the chain had met another writer when the last id was learned (chain.Chain.met).
        self.met = 0

    def new_call(self, call: Call, wake_at: datetime | None) -> dict[str, Any]:
        """The row of a call that was just accepted."""
        sealed = self.seal.close(call.id, BIRTH, write_birth(call.request, call.terms))
        self._remember(call.id, sealed, call.request, call.terms)
        phone = call.request.phone
        return {
            "id": call.id,
            "ticket": call.ticket,
            "client": call.request.client,
            "user_id": call.request.user,
            "service": call.request.service,
            "accepted_at": call.accepted_at,
            "sealed_request": sealed,
            "number_mark": self.marks.number(phone.e164) if phone else None,
            "direction": call.request.direction.value,
            **_moving(call, wake_at),
        }

    def changed_call(self, call: Call, wake_at: datetime | None) -> dict[str, Any]:
        """The parameters of the update (transaction.UPDATE_CALL)."""
        return {"changed_id": call.id, **_moving(call, wake_at)}

    def call(self, row: Sequence[Any]) -> Call:
        """The call in a row of CALL_COLUMNS. Raises Unreadable."""
        id_, ticket, accepted_at, state, outcome, revision, attempt, state_since, ended_at, progress, sealed = row
        request, terms = self._birth(id_, sealed)
        return Call(
            id=id_,
            ticket=ticket,
            request=request,
            terms=terms,
            accepted_at=accepted_at,
            state=State(state),
            outcome=Outcome(outcome) if outcome else None,
            revision=revision,
            attempt=attempt,
            state_since=state_since,
            ended_at=ended_at,
            **read_progress(progress),
        )

    def request(self, call_id: str, sealed: bytes) -> Request:
        """The request in a row's sealed form. Raises Unreadable."""
        return self._birth(call_id, sealed)[0]

    def new_event(self, call: Call, event: NewEvent) -> StoredEvent:
        """The event with the id it will have for ever."""
        return StoredEvent(
            id=self._event_id(event.time),
            call_id=call.id,
            client=call.request.client,
            sequence=event.sequence,
            type=event.type,
            time=event.time,
            data=event.data,
        )

    def event_row(self, event: StoredEvent) -> dict[str, Any]:
        """The row of an event."""
        return {
            "id": event.id,
            "call_id": event.call_id,
            "client": event.client,
            "sequence": event.sequence,
            "type": event.type,
            "time": event.time,
            "data": self.seal.close(event.call_id, event_place(event.sequence), to_json(event.data)),
        }

    def event(self, row: Sequence[Any]) -> StoredEvent:
        """The event in a row of EVENT_COLUMNS. Raises Unreadable."""
        id_, call_id, client, sequence, type_, time, data = row
        clear = self.seal.open(call_id, event_place(sequence), data)
        return StoredEvent(id_, call_id, client, sequence, type_, time, from_json(clear))

    def _birth(self, call_id: str, sealed: bytes) -> tuple[Request, Terms]:
        known = self._births.get(call_id)
        if known is not None and sealed.startswith(known[0]):
            return known[1], known[2]
        request, terms = read_birth(self.seal.open(call_id, BIRTH, sealed))
        self._remember(call_id, sealed, request, terms)
        return request, terms

    def forget(self, call_ids: Iterable[str]) -> None:
        """Keep nothing of these calls in memory."""
        for call_id in call_ids:
            self._births.pop(call_id, None)

    def _remember(self, call_id: str, sealed: bytes, request: Request, terms: Terms) -> None:
        self._births[call_id] = (sealed[:SEALED_HEAD], request, terms)
        if len(self._births) > _REMEMBERED:
            self._births.popitem(last=False)

    def continue_after(self, event_id: str) -> None:
        """New ids will be greater than this one, even if the clock was turned back, or another machine's is ahead."""
        self._last_id = max(self._last_id, int.from_bytes(ULID.from_str(event_id.removeprefix(EVT)).bytes, "big"))

    @property
    def last_event_id(self) -> str:
        """The last id that was given or learned; "" before the first."""
        return f"{EVT}{ULID.from_bytes(self._last_id.to_bytes(16, 'big'))}" if self._last_id else ""

    def _event_id(self, at: datetime) -> str:
        """`evt_` and a ULID, greater than all before it, whatever the clock does."""
        fresh = int(at.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
        self._last_id = max(fresh, self._last_id + 1)
        return self.last_event_id


def event_place(sequence: int) -> str:
    """The place that an event's data is sealed for."""
    return f"events.data {sequence}"


def _moving(call: Call, wake_at: datetime | None) -> dict[str, Any]:
    return {
        "state": call.state.value,
        "outcome": call.outcome and call.outcome.value,
        "cause_slug": call.cause and call.cause.slug,
        "revision": call.revision,
        "attempt": call.attempt,
        "state_since": call.state_since,
        "ended_at": call.ended_at,
        "wake_at": wake_at,
        "queue": call.queue,
        "callback": call.callback,
        "progress": write_progress(call),
    }
