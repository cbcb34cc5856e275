"""Whose channel is it? Legs that we dial have ids of our own; one that came in has Asterisk's. Pure.

Somebody who dials the public number is channel `1763858613.42`. The dialplan (hotline.conf) gives it the variable
PB_LEG: `pb.call_h1763858613x42.1`, a leg like any other, and Asterisk tells it with everything it says of the channel
(`channelvars` in ari.conf and manager.conf). Outside of this folder there are only legs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import phonenumbers

from ..call.model import call_of_leg, leg_id
from ..phone import NotAPhone, Phone

#: The channel variables of dialplan/hotline.conf: the leg, and the number that was dialled.
VARIABLE, DIALLED = "PB_LEG", "PB_DIALLED"
#: How numbers are read that come without a country code.
REGION = "RU"

_CHANNEL = re.compile(r"(\d+)\.(\d+)")
_CALL = re.compile(r"call_h(\d+)x(\d+)")


def leg_that_came_in(channel_id: str) -> str | None:
    """The leg of a channel that Asterisk named itself; None for any other id."""
    named = _CHANNEL.fullmatch(channel_id)
    return leg_id(f"call_h{named[1]}x{named[2]}", 1) if named else None


def came_in(leg: str) -> bool:
    """Whether somebody dialled us. A call that came in and is called back has further attempts, which are dialled."""
    return channel_of(leg) != leg


def channel_of(leg: str) -> str:
    """The channel's id in Asterisk."""
    born = _CALL.fullmatch(call_of_leg(leg) or "")
    channel = f"{born[1]}.{born[2]}" if born else leg
    return channel if leg_that_came_in(channel) == leg else leg


def leg_of(channel_id: str, variable: str | None) -> str:
    """The leg of a channel whose PB_LEG is `variable`; a channel that is none of ours keeps its id.

    The variable counts only on the channel that it was made for, so that nobody can have it from another.
    """
    return variable if variable and variable == leg_that_came_in(channel_id) else channel_id


def leg_of_channel(channel: Mapping[str, Any]) -> str:
    """The same for a channel as ARI shows it."""
    variables = channel.get("channelvars")
    told = variables.get(VARIABLE) if isinstance(variables, Mapping) else None
    return leg_of(str(channel.get("id", "")), told)


def with_leg(event: Mapping[str, str]) -> Mapping[str, str]:
    """An AMI event in which Uniqueid is the leg, where it is about one that came in."""
    channel_id = event.get("Uniqueid", "")
    name, _, value = event.get("ChanVariable", "").partition("=")
    leg = leg_of(channel_id, value if name == VARIABLE else None)
    return event if leg == channel_id else {**event, "Uniqueid": leg}


def endpoint_of(channel_name: str) -> str:
    """PJSIP/citizen-alice-0000002a → citizen-alice."""
    return channel_name.rpartition("-")[0].partition("/")[2]


def caller(number: str) -> Phone | None:
    """Who seems to call, however the operator writes it: +7…, 7…, 8…, 00… or without any. None where it is no number
    that anybody can have: a wrong guess would be rung."""
    if not re.fullmatch(r"\+?[0-9]{5,18}", number):
        return None
    try:
        read = phonenumbers.parse(re.sub("^00", "+", number), REGION)
        if not phonenumbers.is_valid_number(read):
            return None
        return Phone(phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164))
    except (phonenumbers.NumberParseException, NotAPhone):
        return None
