"""The values of the directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..call.model import Prove, WhenFull
from ..hours.schedule import Schedule
from ..line.pacing import Rules


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a line may become. None: no limit.

    `size` counts callers who wait, `wait_s` is the likely wait told to a newcomer, both asked when a call is requested.
    `queue_s` is how long somebody waits in the queue at most, `time_limit_s` how long a call lasts at most. `overflow`
    is the queue that takes over where `then` says so.
    """

    size: int | None = None
    wait_s: int | None = None
    queue_s: int | None = None
    time_limit_s: int | None = None
    then: WhenFull = WhenFull.CALLBACK
    overflow: str | None = None


@dataclass(frozen=True, slots=True)
class Callbacks:
    """How somebody is called back: the rules of the line, how long a request is kept (seconds), and how far the citizen
    moves it by a key (seconds)."""

    rules: Rules = field(default_factory=lambda: Rules(attempts=3, least=1))
    keep_s: int = 14 * 86400
    later_s: int = 3600
    prove: Prove = Prove.CALLBACKS


@dataclass(frozen=True, slots=True)
class Prompts:
    """Names of the prompts that callers of the public number hear: a welcome, and the hours when nobody can look them
    up. None: the general ones."""

    welcome: str | None = None
    hours: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """Whether talks may be recorded at all, with those who agree to it, and for how many days the sound is kept."""

    offer: bool = False
    keep_days: int = 90


@dataclass(frozen=True, slots=True)
class Service:
    """One entry. `names` and `synonyms` are by language; the queue's name is Asterisk's.

    `numbers` are those that people dial for it, as the operator's trunk sends them. `requires` is what must be known
    and verified about the citizen, `prefixes` of the numbers that may be rung (None: all that the operator allows).
    `second_step` is at least asked for, whatever the program is registered with: code, click or None.
    `priority`: callers with a higher one go before others in the same queue. `wrap_up_s` lies between two calls of an
    agent, as in queues.conf; `handle_s` and `patience_s` are a first guess, until the queue's own calls have taught it.
    """

    id: str
    queue: str
    hours: Schedule
    names: Mapping[str, str] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("ru",)
    requires: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] | None = None
    second_step: str | None = None
    priority: int = 0
    limits: Limits = field(default_factory=Limits)
    callbacks: Callbacks = field(default_factory=Callbacks)
    prompts: Prompts = field(default_factory=Prompts)
    recording: Recording = Recording()
    wrap_up_s: int = 5
    handle_s: float = 240.0
    patience_s: float = 600.0

    def name(self, locale: str) -> str:
        """What it is called in the language of `locale`; Russian where it has no name in that one, else its id."""
        language = locale.replace("_", "-").split("-")[0].lower()
        return self.names.get(language) or self.names.get("ru") or self.id


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who may log in to queues: `id` is the telephone's endpoint and the member's name, `queues` are those of
    the agent with the penalty in each (0: rung first)."""

    id: str
    name: str
    queues: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Directory:
    """All services and agents by id. `digest` tells two versions apart. `pause_reasons` may be given for a pause, by
    the digits that an agent dials behind the code."""

    services: Mapping[str, Service]
    agents: Mapping[str, Agent] = field(default_factory=dict)
    pause_reasons: Mapping[str, str] = field(default_factory=lambda: {"1": "break", "2": "lunch", "3": "paperwork"})
    digest: str = ""

    def dialled(self, number: str) -> Service | None:
        """The service behind a number that somebody dialled, written as the trunk sends it or as E.164."""
        wanted = _digits(number)
        return next((each for each in self.services.values() if wanted in map(_digits, each.numbers)), None)

    def of_queue(self, queue: str) -> tuple[Service, ...]:
        """The services that lead to a queue."""
        return tuple(each for each in self.services.values() if each.queue == queue)


def _digits(number: str) -> str:
    """The national part of a Russian number however it is written (+7…, 8…), else its digits."""
    digits = "".join(filter(str.isdigit, number))
    return digits[1:] if len(digits) == 11 and digits[0] in "78" else digits


__all__ = ["Agent", "Callbacks", "Directory", "Limits", "Prompts", "Prove", "Recording", "Service", "WhenFull"]
