"""From plain data, as the TOML files of the folder hold it, to a Directory. Every mistake is told at once, each with
its file, its place and what to do.

One file is one service, and its name is the service's id; agents.toml holds the agents. form.py says what may stand
in them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..call.model import WhenFull
from ..hours.reading import read as read_hours
from ..hours.schedule import BadSchedule, Schedule
from .form import ID, AgentsForm, NamesForm, ServiceForm
from .service import Agent, Directory, Limits, Prompts, Recording, Service
from .soundness import Problem, unsound

AGENTS, SUFFIX = "agents.toml", ".toml"
#: What pydantic says, as somebody says it who writes TOML.
_WORDS = {
    "Input should": "must",
    "a valid dictionary": "a table",
    "a valid list": "a list",
    "a valid string": "text in quotes",
    "a valid integer": "a whole number",
}
_Model = TypeVar("_Model", bound=BaseModel)


class BadDirectory(ValueError):
    """The folder cannot be used as it is. `problems` are all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class _Read:
    service: Service | None
    problems: tuple[Problem, ...]


def read(files: Mapping[str, Mapping[str, Any]], unread: Sequence[Problem] = ()) -> Directory:
    """The directory that the files describe; `files` is what stands in each by its name, `unread` what is known already
    of files that are no TOML. Raises BadDirectory."""
    problems, services = list(unread), dict[str, Service]()
    agents, wrong = _checked(AgentsForm, files.get(AGENTS, {}), AGENTS)
    problems += wrong
    for name in sorted(files):
        if name != AGENTS:
            found = _service(name, files[name])
            problems += found.problems
            if found.service:
                services[found.service.id] = found.service
    if not problems and agents is not None:
        directory = _directory(services, agents, files)
        problems = list(unsound(directory))
        if not problems:
            return directory
    raise BadDirectory(problems)


def _directory(services: Mapping[str, Service], form: AgentsForm, files: Mapping[str, Mapping[str, Any]]) -> Directory:
    agents = {id_: Agent(id_, each.name, each.queues) for id_, each in form.agents.items()}
    # Dates are the only values that JSON does not know.
    text = json.dumps(files, sort_keys=True, default=str)
    return Directory(services, agents, dict(form.pause_reasons), hashlib.sha256(text.encode()).hexdigest()[:16])


def _service(file: str, data: Mapping[str, Any]) -> _Read:
    id_, problems = file.removesuffix(SUFFIX), list[Problem]()
    if not re.fullmatch(ID, id_):
        problems.append(Problem(file, "", "its name is the service's id: rename it with a-z 0-9 _ - and .toml"))
    form, wrong = _checked(ServiceForm, data, file)
    hours, wrong_hours = _hours(data.get("hours"), file)
    problems += [*wrong, *wrong_hours]
    if problems or form is None or hours is None:
        return _Read(None, tuple(problems))
    return _Read(_value(id_, form, hours), ())


def _hours(data: Any, file: str) -> tuple[Schedule | None, list[Problem]]:
    if not isinstance(data, Mapping):
        return None, []  # the form says so
    try:
        return read_hours(data, "hours"), []
    except BadSchedule as wrong:
        parts = [problem.partition(": ") for problem in wrong.problems]
        return None, [Problem(file, place, words) for place, _, words in parts]


def _value(id_: str, form: ServiceForm, hours: Schedule) -> Service:
    policy, limits = form.policy, form.limits
    return Service(
        id_,
        form.queue,
        hours,
        names=_names(form.names),
        synonyms={language: tuple(words) for language, words in form.synonyms.items()},
        numbers=tuple(form.numbers),
        languages=tuple(form.languages),
        requires=frozenset(policy.requires),
        prefixes=None if policy.prefixes is None else tuple(policy.prefixes),
        second_step=policy.second_step,
        priority=form.priority,
        limits=Limits(**limits.model_dump(exclude={"then"}), then=WhenFull(limits.then)),
        callbacks=form.callbacks.value(),
        prompts=Prompts(form.prompts.welcome, form.prompts.hours),
        recording=Recording(form.recording.offer, form.recording.keep_days),
        wrap_up_s=form.wrap_up_s,
        handle_s=form.handle_s,
        patience_s=form.patience_s,
    )


def _names(form: NamesForm) -> dict[str, str]:
    return {"ru": form.ru, "en": form.en, **(form.__pydantic_extra__ or {})}


def _checked(model: type[_Model], data: Mapping[str, Any], file: str) -> tuple[_Model | None, list[Problem]]:
    try:
        return model.model_validate(dict(data)), []
    except ValidationError as error:
        return None, [_problem(model, file, each) for each in error.errors(include_url=False)]


def _problem(model: type[BaseModel], file: str, fault: Any) -> Problem:
    # "[key]" is how pydantic says that the name itself is wrong.
    path = [part for part in fault["loc"] if part != "[key]"]
    place = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return Problem(file, place, _words(model, path, fault))


def _words(model: type[BaseModel], path: list[Any], fault: Any) -> str:
    if fault["type"] == "missing":
        return "is missing: write it"
    if fault["type"] == "extra_forbidden":
        return f"is not known here; known are {', '.join(_known(model, path[:-1]))}"
    words = str(fault["msg"])
    for theirs, ours in _WORDS.items():
        words = words.replace(theirs, ours)
    return words


def _known(model: type[BaseModel], path: Sequence[Any]) -> Iterable[str]:
    """The names that may stand where a path of names leads."""
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = _models(field.annotation) if field else [model]
        model = kinds[0] if kinds else model
    return model.model_fields


def _models(kind: Any) -> list[type[BaseModel]]:
    """The forms in an annotation such as dict[str, AgentForm]."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for each in getattr(kind, "__args__", ()) for model in _models(each)]
