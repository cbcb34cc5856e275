"""A year of minutes × services: at every minute there is an answer to "what happens now?".

Every minute of the year is asked for a citizen of Moscow. For other zones the same holds by this argument: an answer
depends on the moment only by whether the desk is open and whether the citizen's night lasts. The desk changes at the
instants that `opening` names, a night begins and ends at a full quarter of an hour in each of these zones; a stretch
between two such instants is answered alike: by itself where a phone may ring, else by the instant at its end. Each
stretch is asked at its first and last second, and whole days are walked minute by minute: those on which clocks leap in
Berlin and New York, a shortened day, the turn of the year.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pytest

from pbx_bridge.directory.decide import Crowd, Full, Later, Now, Why, admit, call_back
from pbx_bridge.directory.service import Service
from pbx_bridge.hours.night import night_until
from pbx_bridge.hours.opening import opening
from pbx_bridge.hours.schedule import Schedule
from pbx_bridge.line.estimate import Learned
from pbx_bridge.line.sight import Sight
from pbx_bridge.settings import SHIPPED
from pbx_bridge.shelf import read_folder

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
SERVICES = dict(sorted(read_folder(SHIPPED).services.items()))
ZONES = ["Europe/Moscow", "Europe/Kaliningrad", "Asia/Kamchatka", "America/New_York", "Europe/Berlin"]
DECISIVE = [(3, 8), (3, 29), (5, 8), (10, 25), (11, 1), (12, 31)]
CROWDED = Crowd.of(Sight(agents=1, waiting=500), Learned())

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


@lru_cache(maxsize=100_000)
def may_ring(hours: Schedule, zone: str, at: datetime) -> bool:
    return opening(hours, at).open and night_until(zone, at) is None


def answered(service: Service, zone: str, at: datetime) -> None:
    """There is a decision for whoever asks, in a crowd too, and for whoever waits for a callback."""
    for crowd in (None, CROWDED):
        decision = admit(service, zone, at, crowd)
        if isinstance(decision, Later):
            sound(service, zone, at, decision)
        else:
            assert opening(service.hours, at).open
            assert isinstance(decision, Now) or (isinstance(decision, Full) and crowd)
    sound(service, zone, at, call_back(service, zone, at, Why.KEPT, at))


def sound(service: Service, zone: str, at: datetime, later: Later) -> None:
    assert later.at is not None
    assert later.at >= at
    assert may_ring(service.hours, zone, later.at), (zone, at, later.at)
    assert later.ru
    assert later.en


@every_service
def test_every_minute_of_the_year_has_an_answer(service: Service) -> None:
    at = YEAR
    while at < END:
        decision = admit(service, "Europe/Moscow", at, None)
        if isinstance(decision, Later):
            sound(service, "Europe/Moscow", at, decision)
        else:
            assert decision == Now(service.queue)
            assert opening(service.hours, at).open
        at += MINUTE


def changes(service: Service, zone: str) -> list[datetime]:
    """Every instant of the year at which the desk opens or closes, or the citizen's night begins or ends."""
    found, at = [YEAR], YEAR
    while at < END:
        answer = opening(service.hours, at)
        following = (answer.until if answer.open else answer.next_open_at) or END
        at = following
        found.append(at)
    quarters = [YEAR + number * 15 * MINUTE for number in range(int((END - YEAR) / MINUTE) // 15)]
    nights = [night_until(zone, at) is not None for at in quarters]
    found += [at for at, now, before in zip(quarters[1:], nights[1:], nights, strict=False) if now != before]
    return sorted({each for each in found if each < END})


@every_service
@pytest.mark.parametrize("zone", ZONES)
def test_in_every_zone_every_stretch_of_the_year_has_an_answer(service: Service, zone: str) -> None:
    moments = changes(service, zone)
    assert len(moments) > 700
    for change in moments:
        answered(service, zone, change - SECOND)
        answered(service, zone, change)


@every_service
@pytest.mark.parametrize("zone", ZONES)
def test_decisive_days_have_an_answer_at_every_minute_in_every_zone(service: Service, zone: str) -> None:
    for month, day in DECISIVE:
        for number in range(1440):
            answered(service, zone, datetime(2026, month, day, tzinfo=UTC) + number * MINUTE)
