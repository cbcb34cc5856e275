"""Agents: who logs in, out, pauses. By the directory: nobody takes calls of a queue that is not theirs.

Asterisk keeps who is logged in; nothing is kept here. Who asked for what is in the audit.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from typing import Protocol

import structlog

from ..directory.service import Agent
from ..ledger import AuditLine, Ledger, LedgerUnavailable
from .board import Board
from .counsel import Counsel
from .errors import AgentRefused, NoAgent
from .ports import Clock, NoSuchAgent

log = structlog.get_logger(__name__)

#: Seconds between two times that what queues have learned is written down.
LESSONS_S = 60.0


class Hands(Protocol):
    """What carries it out: a part of ports.Telephony."""

    async def log_in(self, agent: str, queue: str, penalty: int = 0) -> None: ...
    async def log_out(self, agent: str, queue: str) -> None: ...
    async def pause(self, agent: str, paused: bool, reason: str = "", queue: str | None = None) -> None: ...


class Roster:
    """Ask it in the words of a supervisor."""

    def __init__(self, ledger: Ledger, hands: Hands, counsel: Counsel, clock: Clock) -> None:
        self._ledger = ledger
        self._hands = hands
        self._counsel = counsel
        self._clock = clock

    def agents(self) -> Mapping[str, Agent]:
        """All who may log in."""
        return self._counsel.directory().agents

    async def log_in(self, agent: str, queue: str | None = None, *, by: str) -> None:
        """To one queue, or to all of the agent's. Raises NoAgent, AgentRefused, OutOfReach."""
        for name, penalty in self._queues(agent, queue).items():
            await self._do(self._hands.log_in(agent, name, penalty), agent)
        await self._note("log-in", by, agent, queue)

    async def log_out(self, agent: str, queue: str | None = None, *, by: str) -> None:
        """Of one queue, or of all. A talk goes on. Raises NoAgent, AgentRefused, OutOfReach."""
        for name in self._queues(agent, queue):
            await self._do(self._hands.log_out(agent, name), agent)
        await self._note("log-out", by, agent, queue)

    async def pause(self, agent: str, paused: bool, reason: str = "", queue: str | None = None, *, by: str) -> None:
        """Take no calls for a while, or take them again. Raises NoAgent, AgentRefused, OutOfReach."""
        self._queues(agent, queue)
        await self._do(self._hands.pause(agent, paused, reason, queue), agent)
        await self._note("pause" if paused else "resume", by, agent, queue, reason)

    def _queues(self, agent: str, queue: str | None) -> Mapping[str, int]:
        known = self.agents().get(agent)
        if known is None:
            raise NoAgent(f"the directory has no agent {agent}; add one to agents.toml")
        if queue is None:
            return known.queues
        if queue not in known.queues:
            raise NoAgent(f"{agent} does not work in the queue {queue}; agents.toml says where they do")
        return {queue: known.queues[queue]}

    async def _do(self, work: Awaitable[None], agent: str) -> None:
        try:
            await work
        except NoSuchAgent as error:
            raise AgentRefused(f"Asterisk would not do it for {agent}: {error}") from error

    async def _note(self, action: str, by: str, agent: str, queue: str | None, reason: str = "") -> None:
        detail = {"agent": agent, "queue": queue or "all"} | ({"reason": reason} if reason else {})
        await self._ledger.note([AuditLine(self._clock(), by, action, "taken", detail)])

    async def keep_lessons(self, board: Board) -> None:
        """What queues have learned outlives the service; a minute of it may be lost."""
        with contextlib.suppress(LedgerUnavailable):
            board.learned = {**await self._ledger.learned(), **board.learned}
        while True:
            await asyncio.sleep(LESSONS_S)
            with contextlib.suppress(LedgerUnavailable):
                for queue in tuple(board.taught):
                    await self._ledger.keep_learned(queue, board.known(queue), self._clock())
                    board.taught.discard(queue)
