"""What whoever guesses codes needs: the right one, wrong ones, and a way to count what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.hostile.asker import Answer
from tests.hostile.fort import Fort

WRONG, OVER, LOCKED = (403, "code-mismatch"), (409, "nothing-to-confirm"), (429, "locked-out")
FLOOD = (429, "too-many-codes")


async def code_for(fort: Fort, number: str) -> str:
    """The newest code to the number, which is private from now on."""
    code = await fort.gateway.code_for(number)
    fort.treasure.keep("code", code)
    return code


def others(code: str, count: int) -> list[str]:
    """So many codes that are wrong."""
    return [f"{(int(code) + each) % 10**6:06d}" for each in range(1, count + 1)]


def told(answers: Iterable[Answer]) -> Counter[tuple[int, str]]:
    return Counter(answer.refused for answer in answers)
