"""What one file of the directory may hold, as models: the names, kinds and bounds of everything an engineer can write.

`reading` makes Services and Agents of it. Names and defaults are those of the values in `service`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ..call.model import Prove
from ..hours.schedule import ALWAYS
from ..line.pacing import Rules
from .service import Callbacks, Directory, Service

_PLAIN = Service("plain", "plain", ALWAYS)
_CALLBACKS, _LIMITS = _PLAIN.callbacks, _PLAIN.limits


def _must(pattern: str, words: str) -> AfterValidator:
    """The whole text fits the pattern, or the words say how it must be."""
    whole = re.compile(pattern)

    def fits(text: str) -> str:
        if not whole.fullmatch(text):
            raise PydanticCustomError("form", "must be {words}", {"words": words})
        return text

    return AfterValidator(fits)


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise PydanticCustomError("form", "must be a line of text, and is empty or holds control characters")
    return text.strip()


QUEUE = r"[A-Za-z0-9_-]{2,64}"
#: Service ids, as requests name them.
ID = r"[a-z0-9][a-z0-9_-]{0,63}"
#: As Asterisk names endpoints.
ENDPOINT = r"[A-Za-z0-9_.-]{1,64}"

# The dialplan takes the queue's name as an extension of two characters or more.
QueueName = Annotated[str, _must(QUEUE, "a queue's name of 2 to 64 characters: a-z A-Z 0-9 _ -")]
Line = Annotated[str, AfterValidator(_line), Field(max_length=200)]
Number = Annotated[str, _must(r"\+?[0-9]{2,15}", "a number as the trunk sends it, digits only: +78001000001")]
Prefix = Annotated[str, _must(r"\+[0-9]{0,15}", "the beginning of a number in E.164, such as +7916")]
PromptName = Annotated[str, _must(r"[a-z0-9][a-z0-9-]{0,63}", "a prompt's name from prompts/ru.toml: a-z 0-9 -")]
# They go into AstDB and from there into dialplan, between quotes.
PauseDigits = Annotated[str, _must(r"[0-9]{1,4}", "1 to 4 digits, which an agent dials behind the code")]
PauseReason = Annotated[str, _must(r"[\w.+ -]{1,64}", "one word or a few: letters, digits, spaces, _ . + -")]
Seconds = Annotated[int, Field(ge=1, le=86400)]
Kept = Annotated[int, Field(ge=60, le=60 * 86400)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class _Form(BaseModel):
    # Strict: "5" is no number, and 1 is no yes.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PolicyForm(_Form):
    """Who may call, and what must be proved first."""

    requires: list[Literal["phone", "email", "snils", "inn", "passport"]] = []
    second_step: Literal["code", "click"] | None = None
    prefixes: Annotated[list[Prefix], Field(min_length=1)] | None = None


class LimitsForm(_Form):
    """`service.Limits`."""

    size: Count | None = None
    wait_s: Seconds | None = None
    queue_s: Seconds | None = None
    time_limit_s: Seconds | None = None
    then: Literal["callback", "overflow", "end"] = _LIMITS.then.value
    overflow: QueueName | None = None

    @model_validator(mode="after")
    def _goes_somewhere(self) -> LimitsForm:
        if (self.then == "overflow") != (self.overflow is not None):
            raise PydanticCustomError(
                "form", 'name the queue that takes over in `overflow` and write then = "overflow", or neither'
            )
        return self


class CallbacksForm(_Form):
    """`service.Callbacks`, with the line's rules in the same table."""

    attempts: Annotated[int, Field(ge=1, le=20)] = _CALLBACKS.rules.attempts
    pauses_s: Annotated[list[Kept], Field(min_length=1, max_length=20)] = list(_CALLBACKS.rules.pauses_s)
    starve_s: Annotated[float, Field(ge=1, le=3600)] = _CALLBACKS.rules.starve_s
    least: Annotated[int, Field(ge=0, le=1000)] = _CALLBACKS.rules.least
    share: Annotated[float, Field(ge=0, le=1)] = _CALLBACKS.rules.share
    keep_s: Kept = _CALLBACKS.keep_s
    later_s: Kept = _CALLBACKS.later_s
    prove: Literal["callbacks", "always", "never"] = _CALLBACKS.prove.value

    @model_validator(mode="after")
    def _pauses_rise(self) -> CallbacksForm:
        if self.pauses_s != sorted(self.pauses_s):
            raise PydanticCustomError("form", "pauses_s must rise: whoever was not reached is left alone for longer")
        return self

    def value(self) -> Callbacks:
        rules = Rules(self.attempts, tuple(self.pauses_s), self.starve_s, self.least, self.share)
        return Callbacks(rules, self.keep_s, self.later_s, Prove(self.prove))


class PromptsForm(_Form):
    """`service.Prompts`."""

    welcome: PromptName | None = None
    hours: PromptName | None = None


class RecordingForm(_Form):
    """`service.Recording`."""

    offer: bool = _PLAIN.recording.offer
    keep_days: Annotated[int, Field(ge=1, le=3660)] = _PLAIN.recording.keep_days


class NamesForm(_Form):
    """What a citizen reads; other languages may stand beside the two."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Line]

    ru: Line
    en: Line


class ServiceForm(_Form):
    """One file of the folder: one service. `hours` are read by hours/reading.py."""

    queue: QueueName
    names: NamesForm
    hours: dict[str, Any]
    synonyms: dict[Literal["ru", "en"], list[Line]] = {}
    numbers: list[Number] = []
    languages: Annotated[list[Literal["ru", "en"]], Field(min_length=1)] = ["ru"]
    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    wrap_up_s: Annotated[int, Field(ge=0, le=3600)] = _PLAIN.wrap_up_s
    handle_s: Annotated[float, Field(ge=1, le=86400)] = _PLAIN.handle_s
    patience_s: Annotated[float, Field(ge=1, le=86400)] = _PLAIN.patience_s
    policy: PolicyForm = PolicyForm()
    limits: LimitsForm = LimitsForm()
    callbacks: CallbacksForm = CallbacksForm()
    prompts: PromptsForm = PromptsForm()
    recording: RecordingForm = RecordingForm()


class AgentForm(_Form):
    """One table [agents.NAME]; NAME is the endpoint of the telephone."""

    name: Line
    queues: dict[QueueName, Annotated[int, Field(ge=0, le=1000)]]


class AgentsForm(_Form):
    """The file agents.toml."""

    agents: dict[Annotated[str, _must(ENDPOINT, "an endpoint's name: a-z A-Z 0-9 _ . -")], AgentForm] = {}
    pause_reasons: Mapping[PauseDigits, PauseReason] = Directory({}).pause_reasons
