"""Thousands of readers that wait for news of their calls. What they cost in time is told by `benchmarks.portal`."""

from __future__ import annotations

import contextlib
import io
import resource
from dataclasses import dataclass

from benchmarks import portal


@dataclass(frozen=True)
class Waiting:
    """`readers` streams are open; memory of the service with and without them in megabytes."""

    readers: int
    before_mb: float
    with_mb: float


async def waiting(readers: int) -> Waiting:
    """Open a stream for each of so many calls that nobody answers, and look at the service's memory."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # It tells people what it does; here a table does.
    with contextlib.redirect_stdout(io.StringIO()):
        async with portal.service() as under:
            calls = await portal.many(under, readers)
            before = under.rss_mb()
            open_ = await portal.follow(under, calls)
            found = Waiting(len(open_), before, under.rss_mb())
            for each in open_:
                each.transport.abort()
    return found
