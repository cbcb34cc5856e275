"""Agents at their queues, over AMI. A member's name is its telephone's endpoint, wherever it was added."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..conductor.ports import NoSuchAgent, OutOfReach
from . import errors
from .ami import Ami


class Staff:
    """Log in, log out, pause. Each may be repeated."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami

    async def log_in(self, agent: str, queue: str, penalty: int = 0) -> None:
        """See conductor.ports.Telephony."""
        interface = f"PJSIP/{agent}"
        with _in_our_words(done="Already there"):
            await self._ami.action(
                "QueueAdd",
                Queue=queue,
                Interface=interface,
                MemberName=agent,
                StateInterface=interface,
                Penalty=penalty,
            )

    async def log_out(self, agent: str, queue: str) -> None:
        """See conductor.ports.Telephony."""
        with _in_our_words(done="Not there"):
            await self._ami.action("QueueRemove", Queue=queue, Interface=f"PJSIP/{agent}")

    async def pause(self, agent: str, paused: bool, reason: str = "", queue: str | None = None) -> None:
        """See conductor.ports.Telephony."""
        fields = {"Interface": f"PJSIP/{agent}", "Paused": "true" if paused else "false"}
        fields |= {"Reason": reason} if reason else {}
        fields |= {"Queue": queue} if queue else {}
        with _in_our_words():
            await self._ami.action("QueuePause", **fields)


@contextmanager
def _in_our_words(done: str | None = None) -> Iterator[None]:
    """`done` is in what Asterisk says when there was nothing to do."""
    try:
        yield
    except errors.UnsafeValue as error:
        raise NoSuchAgent("no agent, queue or reason is written like that") from error
    except errors.AmiRefused as error:
        if done is None or done not in error.message:
            raise NoSuchAgent(error.message or str(error)) from error
    except errors.AsteriskError as error:
        raise OutOfReach(str(error)) from error
