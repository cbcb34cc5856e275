"""How a run looks: one line a step, one line a state, plain text where no terminal reads."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text

PHASE_STYLE = {"принято": "dim", "вызов": "yellow", "соединение": "cyan", "завершено": "green"}


class _Paper(Console):
    """A console whose reader may leave: then the run is stopped in order, not by an exception somewhere in it."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class Teller:
    """Writes for a person who watches, or reads it later in a file."""

    def __init__(self, console: Console | None = None) -> None:
        # Soft wrap: what is copied from the terminal has no line ends of ours in it.
        self._console = console or _Paper(highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    @property
    def unread(self) -> bool:
        """Whether the terminal was closed, or the program that read our output has gone."""
        reader = select.poll()
        try:
            reader.register(self._console.file.fileno(), 0)
        except (OSError, ValueError):  # no file at all, as in a test
            return False
        return any(events & (select.POLLHUP | select.POLLERR) for _, events in reader.poll(0))

    @contextmanager
    def busy(self, words: str) -> Iterator[None]:
        """Show that something is under way, where a terminal can show it."""
        with self._console.status(words):
            yield

    def head(self, words: str) -> None:
        """The title of a part."""
        self._line(Text.assemble("\n", (words, "bold")))

    def done(self, what: str, words: str, seconds: float | None = None) -> None:
        """A step that is behind us."""
        spent = f"{seconds:6.1f} s" if seconds is not None else " " * 8
        self._line(Text.assemble((f"{spent}  ", "dim"), (f"{what:<16}", "bold"), words))

    def say(self, words: str = "") -> None:
        self._line(Text(words))

    def warn(self, words: str) -> None:
        self._line(Text(words, style="yellow"))

    def wrong(self, words: str) -> None:
        """Why the run ends; the last thing said."""
        self._line(Text(words, style="bold red"))

    def state(self, event: dict[str, Any], accepted: datetime) -> None:
        """One event of the call, as it came."""
        call = event["data"]["call"]
        at = datetime.fromisoformat(event["time"])
        label = call["phase_label"]
        self._line(
            Text.assemble(
                f"{at.astimezone():%H:%M:%S}",
                (f" {(at - accepted).total_seconds():+7.2f} s  ", "dim"),
                (f"{label:<11}", PHASE_STYLE.get(label, "")),
                (f"{call['state']:<14}", "bold"),
                words_for(call),
            )
        )

    def fact(self, who: str, words: str) -> None:
        """Something a phone did or heard."""
        self._line(Text.assemble(f"{datetime.now().astimezone():%H:%M:%S}  ", (f"{who}: ", "bold"), words))

    def _line(self, text: Text) -> None:
        with contextlib.suppress(OSError):  # the terminal was closed: the run is being stopped, and shall be
            self._console.print(text)


def words_for(call: dict[str, Any]) -> str:
    """What a state means, in words: `call` is a snapshot."""
    number = call["user"]["phone"] or "the citizen's device"
    ringing = [leg["agent"] for leg in call["legs"] if leg["party"] == "agent" and leg["state"] == "ringing"]
    agent = next((leg["agent"] for leg in call["legs"] if leg["party"] == "agent" and leg["state"] == "up"), "an agent")
    queue = call["queue"] or {"name": "?", "position": None}
    match call["state"]:
        case "requested":
            return f"accepted, ticket {call['ticket']}"
        case "awaiting_code":
            return _second_step(call["confirmation"])
        case "dialing":
            confirmed = "код подтверждён; " if call["previous_state"] == "awaiting_code" else ""
            return f"{confirmed}Asterisk is asked to call {number}"
        case "ringing":
            return "the citizen's phone rings"
        case "answered":
            return "the citizen has answered"
        case "queued":
            place = f", place {queue['position']}" if queue["position"] else ""
            return f"in the queue {queue['name']}{place}"
        case "offered":
            return f"rings at {', '.join(ringing) or 'an agent'}"
        case "talking":
            return f"{agent} and the citizen are connected"
        case "ended":
            return _ending(call)
    return ""


def _second_step(step: dict[str, Any]) -> str:
    if step["undelivered"]:
        return "the code could not be sent"
    left = step["attempts_left"]
    return f"nothing rings before the code that went to {step['to']} is confirmed; it may be typed {left} times"


def _ending(call: dict[str, Any]) -> str:
    cause = call["cause"]
    return f"{call['outcome']}: {cause['words']} («{cause['words_ru']}»)" if cause else str(call["outcome"])
