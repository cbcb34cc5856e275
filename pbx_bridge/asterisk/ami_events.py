"""Which AMI events we ask for: one list for the connection and for the manager.conf that is made for it."""

from __future__ import annotations

from collections.abc import Collection

WANTED = frozenset(
    {
        "QueueCallerJoin",
        "QueueCallerLeave",
        "QueueCallerAbandon",
        "AgentCalled",
        "AgentConnect",
        "AgentRingNoAnswer",
        "AgentComplete",
        "QueueMemberAdded",
        "QueueMemberPause",
        "QueueMemberPenalty",
        "QueueMemberRemoved",
        "QueueMemberRinginuse",
        "QueueMemberStatus",
        "AttendedTransfer",
        "BlindTransfer",
        "Hold",
        "Unhold",
        "UserEvent",
        "FullyBooted",
        "Shutdown",
    }
)
# The classes of those events. `call` has some fifty more for each call, which the filters below keep away.
CLASSES = "system,call,agent,user"


def event_filters(events: Collection[str] = WANTED) -> list[str]:
    """Lines for our user in manager.conf: Asterisk then sends these events only.

    A filter does not touch the answers to actions, nor the events of their lists (checked on 22.10.1). The
    action Filter would do the same, but needs write=system.
    """
    return [f"eventfilter(action(include),name({each}),method(none)) =" for each in sorted(events)]
