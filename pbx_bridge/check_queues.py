"""The directory against queues.conf: what each side names and the other does not have, and options that would make the
service say something untrue. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .check_asterisk_conf import Conf, Section
from .directory.service import Directory, Service
from .directory.soundness import file_of
from .findings import Finding

PART = "queues.conf"
#: What joinempty says when it keeps citizens out of a queue whose agents' phones are all gone.
_STRICT = frozenset({"strict", "unavailable"})
_NO = frozenset({"", "no", "n", "false", "f", "off", "0"})
#: Said by app_queue itself where they are on.
_ANNOUNCED = ("announce-holdtime", "announce-position", "announce-frequency", "announce-to-first-user")


def queues_of(conf: Conf) -> Mapping[str, Section]:
    """The queues by name; a name that comes twice counts as Asterisk takes it, the last."""
    return {each.name: each for each in conf.alive() if each.name != "general"}


def check_queues(directory: Directory, queues: Mapping[str, Section]) -> Iterator[Finding]:
    """All findings about queues and their options."""
    yield from _services(directory, queues)
    yield from _agents(directory, queues)
    for name, section in queues.items():
        yield from _options(section)
        for service in directory.of_queue(name):
            yield from _wrap_up(service, section)


def _services(directory: Directory, queues: Mapping[str, Section]) -> Iterator[Finding]:
    used = set[str]()
    for service in directory.services.values():
        for place, queue in (("queue", service.queue), ("limits.overflow", service.limits.overflow)):
            if queue is None:
                continue
            used.add(queue)
            if queue not in queues:
                words = f"{file_of(service)}: {place}: {queue} is not there: write [{queue}](desk), or correct {place}"
                yield Finding(PART, "fail", words)
    for name, section in queues.items():
        if name not in used:
            words = (
                f"{section.where}: no service leads to [{name}]: write one for it in the services folder, or remove it"
            )
            yield Finding(PART, "warn", words)


def _agents(directory: Directory, queues: Mapping[str, Section]) -> Iterator[Finding]:
    for agent in directory.agents.values():
        for queue in agent.queues:
            if queue not in queues:
                words = (
                    f"agents.toml: agents.{agent.id}.queues: {queue} is not there: correct the name, or write the queue"
                )
                yield Finding(PART, "fail", words)


def strategy_of(section: Section) -> str:
    """The strategy by which Asterisk rings. Unlike every other option the first one counts, a template's before the
    queue's own (reload_single_queue in app_queue.c; seen on 22.10.1)."""
    return next(iter(section.all("strategy")), "ringall").lower()


def _options(section: Section) -> Iterator[Finding]:
    def warn(words: str) -> Finding:
        return Finding(PART, "warn", f"{section.where}: [{section.name}] {words}")

    strategy = strategy_of(section)
    if late := [each for each in section.all("strategy") if each.lower() != strategy]:
        yield warn(
            f"says strategy {late[-1]} and rings by {strategy}: Asterisk heeds the first, which its template gives; "
            "make the queue from a template without a strategy"
        )
    if strategy == "ringall":
        yield warn("has strategy ringall, by which two agents may answer one call (asterisk#176): write rrmemory")
    held_back = {each.strip() for each in section.get("joinempty").lower().split(",")}
    if not held_back & _STRICT:
        yield warn(
            "lets citizens into a queue without a reachable agent: write joinempty = unavailable,invalid,unknown"
        )
    if said := [name for name in _ANNOUNCED if section.get(name).lower() not in _NO]:
        yield warn(f"has {', '.join(said)} on: waits are told by pbx-bridge, so set it to no")
    if (named := section.get("periodic-announce")) and section.get("periodic-announce-frequency").lower() not in _NO:
        yield warn(f"plays periodic-announce {named} into what pbx-bridge says: take periodic-announce-frequency out")


def _wrap_up(service: Service, section: Section) -> Iterator[Finding]:
    # app_queue reads a number that is none as 0.
    text = section.get("wrapuptime", "0")
    found = int(text) if text.isdecimal() else 0
    if found != service.wrap_up_s:
        words = (
            f"{section.where}: [{section.name}] has wrapuptime {found} and {file_of(service)} wrap_up_s "
            f"{service.wrap_up_s}: waits would be told wrongly; write the same in both"
        )
        yield Finding(PART, "warn", words)
