"""One TCP connection that speaks AMI: panoramisk 1.4 cuts and reads the messages, and does nothing else.

Bare panoramisk lets a line break in a value inject actions, sends unanswered actions again after a reconnect,
drops Cyrillic letters that fall between two TCP segments, loses the connection when a listener raises, takes
"Added … to queue" for the start of a list, and writes passwords and numbers to its log. Each has its guard
here, and each guard a test in tests/rooms/test_ami_guards.py that shows the bare behaviour beside it.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from .errors import (
    AmiDisconnected,
    AmiError,
    AmiRefused,
    AmiTimeout,
    AmiUnauthorized,
    AmiUnreachable,
    UnsafeValue,
)

log = structlog.get_logger(__name__)

Message = dict[str, str]
Fields = Mapping[str, str | int]

# manager.c reads lines into 1025 bytes and refuses what is longer.
LONGEST_LINE = 1000
# No message of Asterisk's comes near; a stranger without an end of message must not fill our memory.
LONGEST_MESSAGE = 1 << 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# What would end the line and smuggle in commands; halves of characters cannot be sent at all.
_UNSAFE = re.compile("[\r\n\0\ud800-\udfff]")
# In no logging tree and above all levels: panoramisk logs whole actions, with secrets and numbers.
_MUTE = logging.Logger("panoramisk, unheard", level=logging.CRITICAL + 1)


class _Asked(Action):  # type: ignore[misc]  # panoramisk has no types
    """Knows by EventList when its answer is whole: all lists have had it since Asterisk 13.

    panoramisk guesses by the wording of the message.
    """

    @property
    def multi(self) -> bool:
        return str(self.responses[0].eventlist).lower() == "start"

    @property
    def completed(self) -> bool:
        return not self.multi or str(self.responses[-1].eventlist).lower() in ("complete", "cancelled")


class Wire(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """`hear` gets each event that answers no action; `ended` is called once, without a reason if in order.

    Made by loop.create_connection(). It never connects again and never sends anything twice.
    """

    def __init__(self, hear: Callable[[Message], None], ended: Callable[[AmiError | None], None]) -> None:
        self._hear = hear
        self._ended = ended
        # Whole characters only, however TCP cuts the stream.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.closed = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.log = _MUTE
        self.encoding = "utf-8"
        self.factory = self

    # panoramisk asks its factory for these two.
    save_stream = None

    def dispatch(self, message: Any) -> None:
        self._hear(_plain(message))

    def data_received(self, data: bytes) -> None:
        super().data_received(self._decoder.decode(data).encode())
        if self.queue and len(self.queue[0]) > LONGEST_MESSAGE:
            self.give_up(AmiUnreachable("What is there never ends a message, so it is no AMI: see the port."))

    def handle_message(self, message: Any) -> None:
        """An error here would end the connection: asyncio closes a transport whose protocol raises."""
        try:
            if message.event == "Shutdown":
                # panoramisk hangs up at once; Asterisk still has things to say, and closes by itself.
                self.dispatch(message)
            else:
                super().handle_message(message)
        except Exception:  # whatever one message does to the library, the connection and its other facts stay
            log.exception("an AMI message could not be handled and was skipped", ami_event=message.event)

    def connection_lost(self, exc: Exception | None) -> None:
        reason = AmiUnreachable(f"The AMI connection broke ({exc}).") if exc else None
        self._finish(reason)

    def close(self) -> None:
        """Say goodbye in good order. Harmless when repeated."""
        self._finish(None)
        self.transport.close()

    def give_up(self, reason: AmiError) -> None:
        """End a connection that is of no use, without waiting for the other side."""
        self._finish(reason)
        self.transport.abort()

    async def ask(self, name: str, fields: Fields, timeout_s: float) -> list[Message]:
        """Send one action, once; its answer and, of a list, the events and the closing one.

        Raises UnsafeValue, AmiDisconnected, AmiTimeout, AmiRefused, AmiUnauthorized.
        """
        _check(name, fields)
        if self.closed:
            raise AmiDisconnected(f"{name} was not sent: the AMI connection is gone.")
        asked = _Asked({"Action": name, **fields})
        self.responses[asked.id] = asked
        try:
            self.transport.write(str(asked).encode())
            async with asyncio.timeout(timeout_s):
                answer = await asked.future
        except TimeoutError:
            raise AmiTimeout(f"Asterisk did not answer {name} within {timeout_s:g} s.") from None
        finally:
            self.responses.pop(asked.id, None)
        messages = [_plain(each) for each in (answer if isinstance(answer, list) else [answer])]
        if messages[0].get("Response") == "Error":
            raise _refusal(name, messages[0].get("Message", ""))
        return messages

    def _finish(self, reason: AmiError | None) -> None:
        """Unanswered actions fail here; panoramisk would keep them and send them again later."""
        if self.closed:
            return
        self.closed = True
        unanswered = list(self.responses.values())
        self.responses.clear()
        for asked in unanswered:
            if not asked.future.done():
                lost = f"The AMI connection ended before {asked.action} was answered; it may have been done."
                asked.future.set_exception(AmiDisconnected(lost))
        self._ended(reason)


def _plain(message: Any) -> Message:
    """Headers as Asterisk spells them; a repeated header's values are joined by line breaks."""
    headers = {key: value if isinstance(value, str) else "\n".join(value) for key, value in message.items()}
    if not headers.get("content"):
        headers.pop("content", None)
    return headers


def _check(name: str, fields: Fields) -> None:
    for key in (name, *fields):
        if not _NAME.fullmatch(key):
            raise UnsafeValue(f"{key!r} is no name of an AMI action or header; nothing was sent.")
    for key, value in fields.items():
        text = str(value)
        if key.lower() in ("action", "actionid"):
            raise UnsafeValue(f"{key} is set by this room itself; {name} was not sent.")
        if _UNSAFE.search(text):
            raise UnsafeValue(f"{key} holds a line break, NUL or no real character; {name} was not sent.")
        if len(text.encode()) > LONGEST_LINE:
            raise UnsafeValue(f"{key} is longer than {LONGEST_LINE} bytes; {name} was not sent.")


def _refusal(name: str, words: str) -> AmiError:
    if words == "Permission denied":
        return AmiUnauthorized(f"This AMI user may not do {name}: add the right to `write` in manager.conf.")
    if words == "Authentication failed":
        return AmiUnauthorized("Asterisk refused our AMI login: see user, secret and permit in manager.conf.")
    return AmiRefused(f"Asterisk refused {name}: {words.rstrip('.') or 'no reason given'}.", message=words)
