"""A support desk for a private Asterisk: trunks, agents, queues, as files beside the ones that engineers edit.

The shipped asterisk-conf/ is used as it is; these are its pjsip.d/ and queues.d/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Agent:
    """An agent's phone that registers; `port` instead of registering, for a device that is simply there."""

    name: str
    password: str = "secret"  # noqa: S105 - a phone on the loopback interface
    queues: tuple[str, ...] = ("support",)
    port: int | None = None
    penalty: int = 0


@dataclass(frozen=True)
class Queue:
    """A queue made from the template [desk], with lines of its own. `support` is in the shipped file already."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)


def desk(
    *,
    trunks: Mapping[str, int],
    agents: Sequence[Agent] = (),
    queues: Iterable[Queue] = (),
    citizens: Iterable[str] = (),
) -> dict[str, str]:
    """Configuration files: name → text. `trunks` are endpoint → loopback port; `citizens` register by name."""
    sip = [_trunk(name, port) for name, port in trunks.items()]
    sip += [_agent(each) for each in agents]
    sip += [_phone(f"citizen-{name}", "phone", "secret") for name in citizens]
    return {"pjsip.d/workshop.conf": "\n".join(sip), "queues.d/workshop.conf": _queues(agents, queues)}


def _trunk(name: str, port: int) -> str:
    return f"""[{name}](trunk)
aors = {name}
[{name}](place)
contact = sip:127.0.0.1:{port}
qualify_frequency = 0
"""


def _agent(agent: Agent) -> str:
    if agent.port is None:
        return _phone(agent.name, "agent", agent.password)
    return f"""[{agent.name}](agent)
aors = {agent.name}
[{agent.name}](place)
contact = sip:{agent.name}@127.0.0.1:{agent.port}
qualify_frequency = 0
"""


def _phone(name: str, template: str, password: str) -> str:
    return f"""[{name}]({template})
auth = {name}
aors = {name}
[{name}](login)
username = {name}
password = {password}
[{name}](place)
qualify_frequency = 0
"""


def _queues(agents: Sequence[Agent], queues: Iterable[Queue]) -> str:
    made = {each.name: dict(each.options) for each in queues}
    lines: list[str] = []
    for name in dict.fromkeys(["support", *made]):
        # `+` adds to the section of the shipped file, instead of being a second one of the same name.
        lines.append(f"[{name}](+)" if name == "support" else f"[{name}](desk)")
        lines += [f"{key} = {value}" for key, value in made.get(name, {}).items()]
        lines += [
            f"member => PJSIP/{agent.name},{agent.penalty},{agent.name},PJSIP/{agent.name}"
            for agent in agents
            if name in agent.queues
        ]
    return "\n".join(lines) + "\n"
