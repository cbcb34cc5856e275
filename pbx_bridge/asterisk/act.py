"""From wishes to Asterisk: dial, read a code, hang up, redirect. Each can be repeated without a second ring.

Foreign errors are translated here into the conductor's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from ..call.causes import Cause, Source
from ..call.model import Device, DeviceKind, WhenFull
from ..conductor.ports import (
    AlreadyDialled,
    Announcement,
    CodeOrder,
    DialOrder,
    DialRefused,
    NoSuchLeg,
    OutOfReach,
    Reception,
    Unanswered,
)
from ..phone import Phone
from . import errors
from .ami import Ami
from .ari import Ari
from .legs import channel_of
from .look import TO_QUEUE

log = structlog.get_logger(__name__)

#: Where an answered device goes, where any leg can be sent, and what writes down its end (dialplan/).
ANSWERED, LEG_GONE = "device-answered", "leg-gone,s,1"
#: Where a leg goes that is sent to somebody outside; the extension is the number.
TO_NUMBER = "to-number"
#: Where it goes instead when whoever answers must prove to be human. A context of its own costs other calls nothing.
PROVE = "prove-human"
#: Where somebody who is to hear a code goes.
SAY_CODE = "say-code"
#: Where a voice speaks and where it is held to the ear of somebody who waits; what such a voice's channel is called,
#: and how long it may take to begin (seconds).
TELL_PLACE, EAR, VOICE, VOICE_S = "tell-place", "tell-place-ear", "voice.", 5
_PROMPT = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)
#: Languages whose digits Asterisk has (asterisk-core-sounds-…); the first is for everybody else.
SPOKEN = ("ru", "en")


@dataclass(frozen=True, slots=True)
class Trunk:
    """A line to an operator: `endpoint` carries the numbers that begin with `prefix` (E.164 with plus).

    `plus`: whether the operator wants the plus sign in the request URI. `caller_id`: what the citizen sees.
    """

    prefix: str
    endpoint: str
    plus: bool = True
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach a device: the dial string, and the endpoint's name for a look when dialling fails."""

    dial: str
    endpoint: str
    caller_id: str
    is_trunk: bool


def route(device: Device, trunks: Sequence[Trunk]) -> Route | None:
    """The way to a device: the trunk with the longest fitting prefix, or the citizen's own endpoint.

    Citizens' endpoints are named `citizen-<address>`, so that no request can dial a trunk or an agent by name.
    """
    if device.kind is DeviceKind.MOBILE and device.phone:
        digits = device.phone.e164
        fitting = [trunk for trunk in trunks if digits.startswith(trunk.prefix)]
        if not fitting:
            return None
        trunk = max(fitting, key=lambda each: len(each.prefix))
        number = digits if trunk.plus else digits[1:]
        return Route(f"PJSIP/{number}@{trunk.endpoint}", trunk.endpoint, trunk.caller_id, True)
    if device.kind is DeviceKind.SIP and device.address:
        endpoint = f"citizen-{device.address}"
        return Route(f"PJSIP/{endpoint}", endpoint, "", False)
    return None


class Act:
    """The hands. `trunks` as configured; `code_caller_id`, if any, is who seems to call when a code is read."""

    def __init__(self, ari: Ari, ami: Ami, trunks: Sequence[Trunk], code_caller_id: str = "") -> None:
        self._ari = ari
        self._ami = ami
        self._trunks = trunks
        self._code_caller_id = code_caller_id

    async def dial(self, order: DialOrder) -> None:
        """Raises DialRefused, AlreadyDialled, OutOfReach; Unanswered when the request may have got through."""
        way = self._way(order.device)
        await self._follow(way)
        context = PROVE if order.prove else ANSWERED
        await self._ring(order.leg, way, (context, order.queue), order.ring_s, way.caller_id, _variables(order))

    async def say_code(self, order: CodeOrder) -> None:
        """Raises DialRefused, AlreadyDialled, OutOfReach; Unanswered when the request may have got through.

        Nobody follows the leg: what becomes of it is no fact of the call, and its trace tells whether it was.
        """
        if not (order.code.isascii() and order.code.isdigit()):
            raise ValueError("a code that is read aloud is made of digits")
        way = self._way(Device(DeviceKind.MOBILE, phone=order.phone))
        caller_id = self._code_caller_id or way.caller_id
        await self._ring(order.leg, way, (SAY_CODE, "s"), order.ring_s, caller_id, _code_variables(order))

    async def announce(self, order: Announcement) -> None:
        """Whisper to a waiting channel (dialplan/tell-place.conf). Who is being spoken to is not interrupted. Raises
        NoSuchLeg, OutOfReach."""
        if not all(_PROMPT.fullmatch(name) for name in order.prompts):
            raise ValueError("a prompt is named by small letters, digits and dashes")
        try:
            await self._ari.originate(
                f"{VOICE}{order.leg}",
                f"Local/{channel_of(order.leg)}@{EAR}/n",
                context=TELL_PLACE,
                extension="s",
                timeout_s=VOICE_S,
                caller_id="",
                variables={
                    "CHANNEL(language)": spoken(order.locale),
                    "PB_SAY": "&".join(f"pbx-bridge/{name}" for name in order.prompts),
                },
            )
        except errors.Conflict:
            log.debug("somebody is being spoken to already", leg=order.leg)
        except (errors.Refused, errors.Unprocessable) as error:
            raise NoSuchLeg(order.leg) from error
        except errors.AriError as error:
            raise _out_of_reach(error) from error

    async def hush(self, leg: str) -> None:
        """Raises OutOfReach."""
        try:
            await self._ari.hangup(f"{VOICE}{leg}")
        except errors.NotFound:
            pass
        except errors.AriError as error:
            raise _out_of_reach(error) from error

    def _way(self, device: Device) -> Route:
        way = route(device, self._trunks)
        if way is None:
            raise DialRefused(Cause("no_endpoint", Source.SERVICE))
        return way

    async def _ring(
        self,
        leg: str,
        way: Route,
        place: tuple[str, str],
        ring_s: int,
        caller_id: str,
        variables: Mapping[str, str],
    ) -> None:
        """Whoever answers goes to `place`: a context and its extension."""
        context, extension = place
        try:
            await self._ari.originate(
                leg,
                way.dial,
                context=context,
                extension=extension,
                timeout_s=ring_s,
                caller_id=caller_id,
                variables=variables,
            )
        except errors.Conflict as error:
            raise AlreadyDialled(leg) from error
        except errors.Refused as error:
            raise DialRefused(await self._why(way)) from error
        except errors.Unprocessable as error:
            log.error("Asterisk would not take the order to dial", leg=leg, status=error.status)
            raise DialRefused(Cause("dial_refused", Source.SERVICE)) from error
        except errors.AriError as error:
            raise _out_of_reach(error) from error

    async def _follow(self, way: Route) -> None:
        """Hear the leg from its first moment. When nobody listens now, the next connect follows the legs it finds."""
        try:
            await self._ari.follow(way.endpoint)
        except errors.Unprocessable as error:
            raise DialRefused(Cause("no_endpoint", Source.SERVICE)) from error
        except errors.NotFound:
            log.debug("dialling while nobody listens", endpoint=way.endpoint)
        except errors.AriError as error:
            # Nothing was dialled, whatever became of the subscription.
            raise OutOfReach(str(error)) from error

    async def hang_up(self, leg: str) -> None:
        """Raises NoSuchLeg when it is gone already, OutOfReach."""
        try:
            await self._ari.hangup(channel_of(leg))
        except errors.NotFound as error:
            raise NoSuchLeg(leg) from error
        except errors.AriError as error:
            raise _out_of_reach(error) from error

    async def redirect(self, leg: str, queue: str) -> None:
        """Take an answered leg out of the dialplan's queue or talk into another queue. Raises NoSuchLeg, OutOfReach."""
        with _about(leg):
            await self._ami.redirect(await self._answered(leg), TO_QUEUE, queue, 1)

    async def forward(self, leg: str, number: Phone) -> None:
        """Let an answered leg ring somebody outside. Raises NoSuchLeg, DialRefused, OutOfReach."""
        way = self._way(Device(DeviceKind.MOBILE, phone=number))
        with _about(leg):
            name = await self._answered(leg)
            await self._ami.set_variable(name, "PB_OUT", way.dial)
            await self._ami.redirect(name, TO_NUMBER, number.e164, 1)

    async def set_limit(self, leg: str, time_limit_s: int, left_s: int | None) -> None:
        """Raises NoSuchLeg, OutOfReach."""
        with _about(leg):
            channel = await self._channel(leg)
            # First for the dialplan, which reads it at the answer: who answers in this moment has it from there.
            await self._ami.set_variable(channel["name"], "PB_LIMIT_S", str(time_limit_s))
            if channel["state"] == "Up":
                await self._ami.absolute_timeout(channel["name"], max(1, time_limit_s if left_s is None else left_s))

    async def _answered(self, leg: str) -> str:
        """The channel's name. Asterisk would also redirect a leg that only rings, and offer nobody to an agent."""
        channel = await self._channel(leg)
        if channel["state"] != "Up":
            raise NoSuchLeg(leg)
        return str(channel["name"])

    async def _channel(self, leg: str) -> Mapping[str, Any]:
        wanted = channel_of(leg)
        for each in await self._ari.channels():
            if each["id"] == wanted:
                return each
        raise NoSuchLeg(leg)

    async def _why(self, way: Route) -> Cause:
        """Asterisk says 500 for an unknown endpoint and for one without a living contact alike: look which."""
        try:
            await self._ari.endpoint("PJSIP", way.endpoint)
        except errors.NotFound:
            return Cause("no_endpoint", Source.SERVICE)
        except errors.AriError:
            return Cause("dial_refused", Source.SERVICE)
        return Cause("trunk_down" if way.is_trunk else "no_endpoint", Source.NETWORK)


@contextmanager
def _about(leg: str) -> Iterator[None]:
    """Asterisk's refusals of what is done to a leg, in the conductor's words."""
    try:
        yield
    except errors.AmiRefused as error:
        raise NoSuchLeg(leg) from error
    except errors.AsteriskError as error:
        raise _out_of_reach(error) from error


def _variables(order: DialOrder) -> Mapping[str, str]:
    return {
        "CHANNEL(hangup_handler_push)": LEG_GONE,
        "CHANNEL(language)": spoken(order.locale),
        "PB_HOME": order.queue,
        "PB_LIMIT_S": str(order.time_limit_s),
        "PB_QUEUE_S": str(order.queue_s),
        "PB_TICKET": order.ticket,
        **in_vain(order),
        **recorded(order, order.leg),
    }


def in_vain(order: DialOrder | Reception) -> dict[str, str]:
    """What differs from the dialplan's own way; a variable costs time in each call."""
    variables = {}
    if order.then is WhenFull.CALLBACK:
        variables["PB_THEN"] = order.then.value
    elif order.then is WhenFull.OVERFLOW and order.overflow:
        variables |= {"PB_THEN": order.then.value, "PB_OVERFLOW": order.overflow}
    if order.priority:
        variables["QUEUE_PRIO"] = str(order.priority)
    return variables


def recorded(order: DialOrder | Reception, leg: str) -> dict[str, str]:
    """What makes the dialplan tell that it records, and record (dialplan/recording.conf)."""
    return {"PB_RECORD": leg} if order.record else {}


def spoken(locale: str) -> str:
    """The language in which somebody with this locale is spoken to."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in SPOKEN else SPOKEN[0]


def _code_variables(order: CodeOrder) -> Mapping[str, str]:
    return {
        "CHANNEL(hangup_handler_push)": LEG_GONE,
        "CHANNEL(language)": spoken(order.locale),
        "PB_CODE": order.code,
    }


def _out_of_reach(error: errors.AsteriskError) -> OutOfReach:
    if isinstance(error, errors.Unreachable) and not error.maybe_done:
        return OutOfReach(str(error))
    # NotFound of an originate: the channel resource itself is not there, for Asterisk is still loading it.
    if isinstance(error, errors.NotFound | errors.Unauthorized | errors.AmiUnreachable | errors.AmiUnauthorized):
        return OutOfReach(str(error))
    return Unanswered(str(error))
