"""Recording, as far as the service has a hand in it: pause, resume, stop, and the notice in the middle of a talk.

What is recorded is decided in the dialplan (dialplan/recording.conf): the agent's channel, behind the notice. The
service can only take away from that, or, once the citizen heard the notice anew, begin a file of its own: a pair of
Local channels, one half of which listens to the talk while the other writes. It ends with whom the citizen talks to.
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

#: Where a recorder writes and where it listens (dialplan/recording.conf), what its channel is called, and how long it
#: may take to begin (seconds).
WRITE, LISTEN, RECORDER, BEGIN_S = "recorder", "recorder-ear", "recorder.", 5
#: How long a notice may take, and how often it is looked whether it was heard (seconds): no event tells of it.
NOTICE_S, LOOK_S = 20.0, 0.1


@dataclass(frozen=True, slots=True)
class _Talk:
    """Who is on the line now: names and ids of the channels with whom the citizen is bridged, and the names of those
    where sound may be written."""

    partners: Sequence[str]
    written: Sequence[str]


class Recorder:
    """Every method may raise OutOfReach, and NoSuchLeg when the leg is gone. All may be repeated."""

    def __init__(self, ari: Ari, ami: Ami) -> None:
        self._ari = ari
        self._ami = ami

    async def pause(self, leg: str) -> None:
        """Silence in place of what is said; a talk that has not begun is not recorded at all."""
        await self._tell(leg, PB_PAUSED="1")
        talk = await self._talk(leg)
        await self._mute(talk, muted=True)

    async def resume(self, leg: str) -> None:
        """Go on in the same file; where the talk began without one, in a new one."""
        await self._tell(leg, PB_PAUSED="")
        talk = await self._talk(leg)
        if not await self._mute(talk, muted=False) and talk.partners:
            await self._begin(leg, talk.partners[0], "on")

    async def stop(self, leg: str) -> None:
        """Nothing more of this leg, and no notice before the next queue: there is nothing to tell."""
        await self._tell(leg, PB_RECORD="")
        talk = await self._talk(leg)
        for channel in talk.written:
            await self._ask("StopMixMonitor", channel)
        await self._end(leg)

    async def notice(self, leg: str) -> bool:
        """Tell both that the talk is recorded, then record it; whether it was heard to its end. Where the citizen talks
        with nobody, nothing is said: the way back into a queue tells them."""
        await self._tell(leg, PB_PAUSED="")
        await self._end(leg)
        talk = await self._talk(leg)
        if not talk.partners:
            return False
        await self._begin(leg, talk.partners[0], "notice")
        return await self._heard(leg)

    async def _heard(self, leg: str) -> bool:
        for _ in range(int(NOTICE_S / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            try:
                if await self._ari.variable(RECORDER + leg, "PB_TOLD"):
                    return True
            except errors.NotFound:
                return False
            except errors.AriError as error:
                raise _out_of_reach(error) from error
        return False

    async def _tell(self, leg: str, **variables: str) -> None:
        try:
            for name, value in variables.items():
                await self._ari.set_variable(channel_of(leg), name, value)
        except (errors.NotFound, errors.Conflict) as error:
            raise NoSuchLeg(leg) from error
        except errors.AriError as error:
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
        ours = [each.name for each in channels if each.uniqueid == RECORDER + leg]
        return _Talk([each.uniqueid for each in met], [*(each.name for each in met), *ours])

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

    async def _begin(self, leg: str, partner: str, how: str) -> None:
        try:
            await self._ari.originate(
                RECORDER + leg,
                f"Local/{partner}@{LISTEN}/n",
                context=WRITE,
                extension=how,
                timeout_s=BEGIN_S,
                variables={"PB_RECORD": leg, "CHANNEL(language)": await self._language(leg)},
            )
        except errors.Conflict:
            log.debug("this talk is being recorded already", leg=leg)
        except (errors.Refused, errors.Unprocessable) as error:
            # Whom they talked to has just gone, and with them what was to be recorded.
            log.info("there was nobody to listen to", leg=leg, why=str(error))
        except errors.AriError as error:
            raise _out_of_reach(error) from error

    async def _language(self, leg: str) -> str:
        return await self._ari.variable(channel_of(leg), "CHANNEL(language)") or "ru"

    async def _end(self, leg: str) -> None:
        try:
            await self._ari.hangup(RECORDER + leg)
        except errors.NotFound:
            pass
        except errors.AriError as error:
            raise _out_of_reach(error) from error


def _out_of_reach(error: errors.AsteriskError) -> OutOfReach:
    if isinstance(error, errors.Unreachable) and error.maybe_done:
        return Unanswered(str(error))
    return OutOfReach(str(error))
