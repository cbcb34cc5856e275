"""When a webhook is tried again. Pure: time and chance come from outside."""

from __future__ import annotations

from datetime import datetime, timedelta

#: Seconds from one try to the next; the first try is at once. After the last one it is a dead letter.
PAUSES_S = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
#: A pause is longer by up to this part of itself, so that a thousand that failed together do not come together again.
JITTER = 0.1
#: The longest that a receiver may ask to be left alone, in seconds.
LONGEST_ASKED_S = 86400.0
#: What a slow line of others has kept from its tries is given up by its age, too.
LONGEST = timedelta(seconds=(1 + JITTER) * sum(PAUSES_S))


def next_try(tries: int, begun_at: datetime, at: datetime, asked_s: float, chance: float) -> datetime | None:
    """When to try again after the try number `tries` has failed at `at`; None: never.

    The receiver asked for `asked_s` seconds at least. `chance` is from 0 to 1.
    """
    if tries > len(PAUSES_S) or at - begun_at > LONGEST:
        return None
    pause_s = PAUSES_S[max(tries, 1) - 1] * (1 + JITTER * chance)
    return at + timedelta(seconds=max(pause_s, asked_s))
