"""A process that writes calls until it is killed: `python -m tests.rooms.ledger_writer URL FIRST_NUMBER`.

Each transaction opens GROUP calls and then moves each of them on; after its commit the number of the group is printed.
"""

from __future__ import annotations

import asyncio
import sys

from pbx_bridge.ledger import Ledger

from .ledger_calls import KEY, NOON, PEPPER, birth, change, dialling, newborn

GROUP = 20


async def write(url: str) -> None:
    """Until killed."""
    ledger = await Ledger.open(url, [KEY], pepper=PEPPER)
    number = 0
    while True:
        async with ledger.transaction() as transaction:
            calls = [newborn(f"u-{number}-{index}") for index in range(GROUP)]
            await transaction.write([birth(call) for call in calls], NOON)
            loaded = await transaction.load([call.id for call in calls])
            await transaction.write([change(call, dialling(call), NOON) for call in loaded.values()], NOON)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
