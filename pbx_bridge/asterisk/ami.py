"""Asterisk's manager interface: what ARI does not have. Queue events, queue lists, redirects, AstDB.

Only for events and for actions that may be repeated: one whose answer was lost may have been done. Calls are
never started here. The reader only enqueues; one listen() is one connection's life.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import structlog

from . import ami_answers
from .ami_answers import CoreChannel, QueueStatus
from .ami_events import CLASSES, WANTED
from .ami_wire import Message, Wire
from .errors import AmiDisconnected, AmiError, AmiTimeout, AmiUnreachable, UnsafeValue
from .inbox import Inbox, Tally
from .tls import advice

log = structlog.get_logger(__name__)

# Headers as Asterisk spells them, "Event" among them: see its AMI event reference.
AmiEvent = Message

# DB_DELETE(family/key) is an expression: brackets, commas, quotes and $ would end it or change its meaning.
_DB_NAME = re.compile(r"[\w.:@+-]+(/[\w.:@+-]+)*")


class Ami:
    """One Asterisk. listen() connects; actions go over the connection of the listen() that is entered.

    Everything raises AmiError's children and nothing else. Times are in seconds. `tls` is for tlsenable=yes.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: str,
        *,
        action_timeout_s: float = 5.0,
        ping_every_s: float = 10.0,
        ping_deadline_s: float = 5.0,
        events: Collection[str] = WANTED,
        classes: str = CLASSES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tally = Tally()
        self._host, self._port = host, port
        self._user, self._password = user, password
        self._action_timeout_s = action_timeout_s
        self._ping_every_s, self._ping_deadline_s = ping_every_s, ping_deadline_s
        self._wanted = frozenset(events)
        self._classes = classes
        self._tls = tls
        self._wire: Wire | None = None

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[AmiEvent]]:
        """One connection's life: logged in when entered; the iterator gives every wanted event since then.

        It stops when Asterisk closes (a restart looks like that), and raises AmiUnreachable when the
        connection breaks or a ping stays unanswered. Entering raises AmiUnreachable or AmiUnauthorized.
        Reconnecting is the caller's: what was said meanwhile is lost, so look at everything first.
        """
        inbox: Inbox[AmiEvent] = Inbox("AMI", self.tally)
        wire = await self._connect(inbox)
        try:
            await self._log_in(wire)
            pings = asyncio.create_task(self._watch(wire), name="AMI pings")
            self._wire = wire
            log.info("listening to Asterisk over AMI", host=self._host, port=self._port)
            try:
                yield inbox
            finally:
                pings.cancel()
                await asyncio.gather(pings, return_exceptions=True)
        finally:
            wire.close()

    async def action(self, name: str, **fields: str | int) -> list[Message]:
        """One action, sent once: its answer, then the events of its list and the closing one.

        Raises AmiDisconnected, AmiTimeout, AmiRefused (with Asterisk's message), AmiUnauthorized; UnsafeValue
        for what may not go into a line.
        """
        wire = self._wire
        if wire is None:
            raise AmiDisconnected(f"{name} was not sent: there is no AMI connection now.")
        return await wire.ask(name, fields, self._action_timeout_s)

    async def ping(self) -> None:
        """Returns when Asterisk answered."""
        await self.action("Ping")

    async def queue_status(self, queue: str | None = None) -> QueueStatus:
        """One queue or all: their members and who waits. An unknown queue is not in the answer."""
        which = {"Queue": queue} if queue is not None else {}
        return ami_answers.queue_status(await self.action("QueueStatus", **which))

    async def core_channels(self) -> list[CoreChannel]:
        """All channels, with bridge and linkedid."""
        return ami_answers.core_channels(await self.action("CoreShowChannels"))

    async def redirect(self, channel: str, context: str, exten: str, priority: int = 1) -> None:
        """Send a channel (by name, not id) from wherever it is in the dialplan to another place in it.

        AmiRefused when there is no such channel.
        """
        await self.action("Redirect", Channel=channel, Context=context, Exten=exten, Priority=priority)

    async def set_variable(self, channel: str, name: str, value: str) -> None:
        """On a channel (by name). AmiRefused when there is no such channel."""
        await self.action("Setvar", Channel=channel, Variable=name, Value=value)

    async def absolute_timeout(self, channel: str, seconds: int) -> None:
        """Let a channel (by name) live for so long from now on, at least 1: 0 would take the limit away. AmiRefused
        when there is no such channel."""
        await self.action("AbsoluteTimeout", Channel=channel, Timeout=seconds)

    async def db_tree(self, family: str) -> dict[str, str]:
        """All that AstDB holds under a family: key without the family → value. Empty when there is none."""
        return ami_answers.db_tree(family, await self.action("DBGetTree", Family=family))

    async def db_put(self, family: str, key: str, value: str) -> None:
        """Needs write=system, which our manager.conf does not grant: there the dialplan writes AstDB."""
        await self.action("DBPut", Family=family, Key=key, Val=value)

    async def db_del(self, family: str, key: str) -> None:
        """Harmless when repeated. By Setvar, for DBDel needs write=system: a key to the whole machine."""
        name = f"{family}/{key}"
        if not _DB_NAME.fullmatch(name):
            raise UnsafeValue("An AstDB key holds a character that is not a letter, digit or one of ./:@+-")
        await self.action("Setvar", Variable=f"DB_DELETE({name})", Value="1")

    async def db_deltree(self, family: str) -> None:
        """Delete each key of a family that is there now. Harmless when repeated."""
        keys = await self.db_tree(family)
        await asyncio.gather(*(self.db_del(family, key) for key in keys))

    async def _connect(self, inbox: Inbox[AmiEvent]) -> Wire:
        def hear(event: Message) -> None:
            if event.get("Event") in self._wanted:
                inbox.put(event)

        loop, where = asyncio.get_running_loop(), f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._action_timeout_s):
                _, wire = await loop.create_connection(
                    lambda: Wire(hear, inbox.end), self._host, self._port, ssl=self._tls
                )
        except OSError as error:
            why = str(error) or f"nothing within {self._action_timeout_s:g} s"
            handshake = advice(error, "asterisk.ami_host", "set asterisk.ami_tls = false")
            raise AmiUnreachable(
                f"No AMI connection to {where} ({why}). "
                + (handshake or "Check that Asterisk runs and manager.conf is enabled.")
            ) from error
        return wire

    async def _log_in(self, wire: Wire) -> None:
        fields = {"Username": self._user, "Secret": self._password, "Events": self._classes}
        try:
            await wire.ask("Login", fields, self._action_timeout_s)
        except (AmiTimeout, AmiDisconnected) as error:
            where = f"{self._host}:{self._port}"
            raise AmiUnreachable(f"What is at {where} did not answer our login: {error}") from error

    async def _watch(self, wire: Wire) -> None:
        """A peer that vanished without a word keeps its TCP connection for hours; a ping finds out."""
        while True:
            await asyncio.sleep(self._ping_every_s)
            try:
                await wire.ask("Ping", {}, self._ping_deadline_s)
            except AmiTimeout:
                late = f"Asterisk did not answer an AMI ping within {self._ping_deadline_s:g} s."
                wire.give_up(AmiUnreachable(late))
                return
            except AmiError:
                return  # The connection ends anyway, or Asterisk is stopping and will end it.
