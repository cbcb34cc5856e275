"""Members of queues against pjsip.conf: whether each agent has a telephone, and one of their own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .check_asterisk_conf import Conf, Section
from .directory.service import Directory
from .findings import Finding

PART = "pjsip.conf"
_TECHNOLOGY = "pjsip/"


@dataclass(frozen=True)
class Member:
    """Who answers a queue's calls: a static one of queues.conf or an agent who may log in. `where` it is written."""

    name: str
    endpoint: str
    where: str


def check_members(directory: Directory, queues: Mapping[str, Section], confs: Iterable[Conf]) -> Iterator[Finding]:
    """All findings about members; `confs` are pjsip.conf and, where it is there, pjsip_wizard.conf."""
    sections = [each for conf in confs for each in conf.alive()]
    endpoints = {each.name: each for each in sections if each.get("type") in ("endpoint", "wizard")}
    members = [*(each for section in queues.values() for each in members_of(section)), *_agents(directory)]
    for member in members:
        if member.endpoint not in endpoints:
            words = (
                f"{member.where}: there is no endpoint {member.endpoint}: write one (see [agent]), or correct the name"
            )
            yield Finding(PART, "fail", words)
    yield from _shared_endpoints(members)
    yield from _shared_places({each.endpoint for each in members}, endpoints)


def members_of(section: Section) -> Iterator[Member]:
    """The static members of a queue: `member => PJSIP/ann,penalty,name,…`.

    Local channels and other technologies have no endpoint to look at.
    """
    for value in section.all("member"):
        interface, _, name, *_ = [*(part.strip() for part in value.split(",")), "", ""]
        if interface.lower().startswith(_TECHNOLOGY):
            endpoint = interface[len(_TECHNOLOGY) :]
            yield Member(name or endpoint, endpoint, f"{section.where}: [{section.name}] member {interface}")


def _agents(directory: Directory) -> Iterator[Member]:
    for agent in directory.agents.values():
        yield Member(agent.id, agent.id, f"agents.toml: agents.{agent.id}")


def _shared_endpoints(members: Iterable[Member]) -> Iterator[Finding]:
    names: dict[str, dict[str, None]] = {}
    for member in members:
        names.setdefault(member.endpoint, {})[member.name] = None
    for endpoint, sharing in names.items():
        if len(sharing) > 1:
            words = f"{' and '.join(sharing)} are members on one endpoint, {endpoint}, and would share its state"
            yield Finding(PART, "fail", f"{words}: give each a telephone of their own, or the member the agent's name")


def _shared_places(used: set[str], endpoints: Mapping[str, Section]) -> Iterator[Finding]:
    places: dict[str, list[str]] = {}
    for name in sorted(used & set(endpoints)):
        for place in filter(None, (each.strip() for each in endpoints[name].get("aors").split(","))):
            places.setdefault(place, []).append(name)
    for place, sharing in places.items():
        if len(sharing) > 1:
            words = (
                f"{' and '.join(sharing)} share the aor {place}: one would be rung for the other; write one for each"
            )
            yield Finding(PART, "fail", words)
