"""The stopwatch of both sides: an AMI connection that only listens, to Asterisk's own times (timestampevents)."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.floor import Manager, log_in
from benchmarks.lab import OBSERVER, TRUNK, BenchServer

_CITIZEN = f"Channel: PJSIP/{TRUNK}-".encode()


@dataclass
class Seen:
    """What Asterisk said of the citizens' legs: unique id → seconds since the epoch."""

    rang: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    connected: dict[str, float] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)

    def to_agent_ms(self) -> list[float]:
        """From the citizen's answer to the agent's, of each call that came so far."""
        return [(at - self.answered[leg]) * 1000 for leg, at in self.connected.items() if leg in self.answered]


class Observer:
    """Use as a context; `seen` fills."""

    def __init__(self, server: BenchServer) -> None:
        self._server = server
        self._manager: Manager | None = None
        self.seen = Seen()

    async def __aenter__(self) -> Observer:
        secret = self._server.observer_password
        self._manager = await log_in(self._server.ports.ami, OBSERVER, secret, self._hear, "call,agent")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._manager:
            self._manager.close()

    def _hear(self, message: bytes) -> None:
        if _CITIZEN not in message:
            return
        if message.startswith(b"Event: Newstate"):
            state = _value(message, b"ChannelStateDesc: ")
            if state == "Up":
                self.seen.answered[_value(message, b"\nUniqueid: ")] = _time(message)
            elif state == "Ringing":
                self.seen.rang[_value(message, b"\nUniqueid: ")] = _time(message)
        elif message.startswith(b"Event: AgentConnect"):
            self.seen.connected[_value(message, b"\nUniqueid: ")] = _time(message)
        elif message.startswith(b"Event: Hangup"):
            self.seen.gone[_value(message, b"\nUniqueid: ")] = _time(message)


def _time(message: bytes) -> float:
    return float(_value(message, b"Timestamp: "))


def _value(message: bytes, key: bytes) -> str:
    start = message.find(key) + len(key)
    end = message.find(b"\r", start)
    return message[start : end if end >= 0 else None].decode()
