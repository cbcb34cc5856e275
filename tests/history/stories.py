"""Calls that happened, told by the real machine: each fact at its second, and the events that came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pbx_bridge.call import events as e
from pbx_bridge.call.machine import NotNow, Step, accept, advance, take_in, unfold
from pbx_bridge.call.model import (
    By,
    Call,
    Channel,
    Confirmation,
    Device,
    DeviceKind,
    Direction,
    Opening,
    Request,
    Terms,
)
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.history import Told
from pbx_bridge.phone import Phone

NOON = datetime(2026, 1, 12, 9, tzinfo=UTC)
ANNA = Phone("+79161234567")
OPEN = Opening(True)


class Story:
    """One call and what was told of it."""

    def __init__(self, *, code: bool = False, inbound: bool = False, **terms: Any) -> None:
        direction = Direction.INBOUND if inbound else Direction.OUTBOUND
        device = Device(DeviceKind.MOBILE, phone=ANNA)
        request = Request("portal", "u-1", "support", "support", (device,), ANNA, direction=direction)
        confirmation = Confirmation(By.CODE, Channel.SMS) if code else None
        begin = take_in if inbound else accept
        more: dict[str, Any] = {} if inbound else {"confirmation": confirmation}
        self.told: list[Told] = []
        self.call: Call
        self._keep(begin("call_x", "T1", request, Terms(**terms), NOON, **more), NOON)

    def then(self, second: float, kind: type[e.Event], **fields: Any) -> Story:
        """At this second a fact; its leg is the present one unless given."""
        if issubclass(kind, e.LegEvent):
            fields = {"leg": self.call.leg or ""} | fields
        at = NOON + timedelta(seconds=second)
        for event in unfold(self.call, kind(**fields)):
            try:
                self._keep(advance(self.call, event, at), at)
            except NotNow:
                if event == kind(**fields):
                    raise
        return self

    def _keep(self, step: Step, at: datetime) -> None:
        self.call = step.call
        if step.news:
            self.told.append(Told(step.call.revision, step.news, at, snapshot(step.call)))


def talked() -> Story:
    """A call with all that a good one has: the first agent declines, the second talks and holds."""
    return (
        Story()
        .then(0.5, e.Admitted, opening=OPEN)
        .then(2, e.DeviceRang)
        .then(10, e.DeviceAnswered)
        .then(10.5, e.QueueJoined, queue="support", position=3)
        .then(20, e.QueueMoved, position=2)
        .then(30, e.QueueMoved, position=1)
        .then(40, e.AgentRang, agent="ann")
        .then(50, e.AgentDeclined, agent="ann")
        .then(52, e.AgentRang, agent="bob")
        .then(60, e.AgentAnswered, agent="bob")
        .then(90, e.Held)
        .then(100, e.Unheld)
        .then(180, e.AgentGone, agent="bob", why="agent")
        .then(180.25, e.DeviceGone, q850=16)
    )
