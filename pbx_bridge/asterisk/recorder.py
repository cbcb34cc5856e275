"""Recording, as far as the service has a hand in it: pause, resume, stop, and the notice in the middle of a talk.

What is recorded is decided in the dialplan (dialplan/recording.conf): the agent's channel, behind the notice. The
service can only take away from that, or, once the citizen heard the notice anew, begin a file of its own: a pair of
Local channels that listens to the talk. It ends with whom the citizen talks to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ..conductor.ports import NoSuchLeg, OutOfReach, Unanswered
from . import errors
from .ami import Ami
from .ari import Ari
from .legs import channel_of

log = structlog.get_logger(__name__)

#: Where the two halves of a recorder and of a notice go (dialplan/recording.conf).
KEEP, LISTEN, TELL = "recorder", "recorder-ear", "notice-ear"
#: What their channels are called, and how long they may take to begin (seconds). The half that listens has the id of
#: the other with ";2" behind it, which is Asterisk's way.
RECORDER, NOTICE, BEGIN_S = "recorder.", "notice.", 5
#: How long a notice may take, and how often it is looked whether it was heard (seconds): no event tells of it.
NOTICE_S, LOOK_S = 20.0, 0.1


@dataclass(frozen=True, slots=True)
class _Talk:
    """Who is on the line now: the citizen's channel by `name`, the ids of those it is bridged with, and the names of
    those where sound may be written."""

    name: str
    partners: Sequence[str]
    written: Sequence[str]


class Recorder:
    """Every method may raise OutOfReach, and NoSuchLeg when the leg is gone. All may be repeated."""

    def __init__(self, ari: Ari, ami: Ami) -> None:
        self._ari = ari
        self._ami = ami

    async def pause(self, leg: str) -> None:
        """Silence in place of what is said; a talk that has not begun is not recorded at all."""
        talk = await self._talk(leg)
        await self._tell(talk, "PB_PAUSED", "1")
        await self._mute(talk, muted=True)

    async def resume(self, leg: str) -> None:
        """Go on in the same file; where the talk began without one, in a new one."""
        talk = await self._talk(leg)
        await self._tell(talk, "PB_PAUSED", "")
        if not await self._mute(talk, muted=False) and talk.partners:
            await self._begin(RECORDER, leg, talk.partners[0])

    async def stop(self, leg: str) -> None:
        """Nothing more of this leg, and no notice before the next queue: there is nothing to tell."""
        talk = await self._talk(leg)
        await self._tell(talk, "PB_RECORD", "")
        # Somebody may have answered meanwhile, by the word that was taken back just now.
        for channel in {*talk.written, *(await self._talk(leg)).written}:
            await self._ask("StopMixMonitor", channel)
        await self._end(leg)

    async def notice(self, leg: str) -> bool:
        """Tell both that the talk is recorded, then record it; whether it was heard to its end. Where the citizen talks
        with nobody, nothing is said: the way back into a queue tells them."""
        await self._end(leg)
        talk = await self._talk(leg)
        await self._tell(talk, "PB_PAUSED", "")
        if not talk.partners:
            return False
        partner = talk.partners[0]
        await self._begin(NOTICE, leg, partner)
        heard = await self._heard(leg)
        if heard:
            await self._begin(RECORDER, leg, partner)
        return heard

    async def _heard(self, leg: str) -> bool:
        """Whether the notice is said to its end, and they still talk."""
        for _ in range(int(NOTICE_S / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            try:
                told = await self._ari.variable(NOTICE + leg, "PB_TOLD")
            except errors.NotFound:
                return False
            except errors.AriError as error:
                raise _out_of_reach(error) from error
            if told:
                return told == "SUCCESS"
        return False

    async def _tell(self, talk: _Talk, name: str, value: str) -> None:
        """For the dialplan, before the next talk."""
        try:
            await self._ami.set_variable(talk.name, name, value)
        except errors.AmiRefused as error:
            raise NoSuchLeg(talk.name) from error
        except errors.AsteriskError as error:
            raise _out_of_reach(error) from error

    async def _talk(self, leg: str) -> _Talk:
        try:
            channels = await self._ami.core_channels()
        except errors.AsteriskError as error:
            raise _out_of_reach(error) from error
        own = next((each for each in channels if each.uniqueid == channel_of(leg)), None)
        if own is None:
            raise NoSuchLeg(leg)
        met = [each for each in channels if own.bridge_id and each.bridge_id == own.bridge_id and each is not own]
        ours = [each.name for each in channels if each.uniqueid == f"{RECORDER}{leg};2"]
        return _Talk(own.name, [each.uniqueid for each in met], [*(each.name for each in met), *ours])

    async def _mute(self, talk: _Talk, *, muted: bool) -> bool:
        """Whether there was anything to mute."""
        done = [await self._ask("MixMonitorMute", each, Direction="both", State=int(muted)) for each in talk.written]
        return any(done)

    async def _ask(self, action: str, channel: str, **fields: str | int) -> bool:
        """False where nothing is recorded on that channel, or it has just gone."""
        try:
            await self._ami.action(action, Channel=channel, **fields)
        except errors.AmiRefused:
            return False
        except errors.AsteriskError as error:
            raise _out_of_reach(error) from error
        return True

    async def _begin(self, what: str, leg: str, partner: str) -> None:
        listen, how = (TELL, "notice") if what == NOTICE else (LISTEN, "on")
        try:
            await self._ari.originate(
                what + leg,
                f"Local/{partner}@{listen}/n",
                context=KEEP,
                extension=how,
                timeout_s=BEGIN_S,
                variables={"PB_RECORD": leg, "CHANNEL(language)": await self._language(leg)},
            )
        except errors.Conflict:
            log.debug("it goes on already", leg=leg, what=how)
        except (errors.Refused, errors.Unprocessable, errors.NotFound) as error:
            # Whom they talked to has just gone, and with them what was to be recorded.
            log.info("there was nobody to listen to", leg=leg, why=str(error))
        except errors.AriError as error:
            raise _out_of_reach(error) from error

    async def _language(self, leg: str) -> str:
        return await self._ari.variable(channel_of(leg), "CHANNEL(language)") or "ru"

    async def _end(self, leg: str) -> None:
        """Of what we began ourselves nothing is left when this returns."""
        for what in (NOTICE, RECORDER):
            for _ in range(int(BEGIN_S / LOOK_S)):
                try:
                    await self._ari.hangup(what + leg)
                except errors.NotFound:
                    break
                except errors.AriError as error:
                    raise _out_of_reach(error) from error
                await asyncio.sleep(LOOK_S)


def _out_of_reach(error: errors.AsteriskError) -> OutOfReach:
    if isinstance(error, errors.Unreachable) and error.maybe_done:
        return Unanswered(str(error))
    return OutOfReach(str(error))
