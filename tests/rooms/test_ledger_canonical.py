"""One meaning of an audit line has one text, whatever a database makes of JSON, numbers and times."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pbx_bridge.ledger import AuditLine, Ledger
from pbx_bridge.ledger.chain import Said, canonical

from .ledger_calls import NOON

pytest_plugins = ["tests.ledger_plugin"]

#: One database serves all examples: each adds a line, and the whole chain is walked.
_SHARED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=12,
)


@_SHARED
@given(detail=st.dictionaries(_texts, _values, max_size=4), actor=_texts, at=st.integers(-(10**15), 10**15))
async def test_whatever_a_line_says_it_reads_the_same_when_it_is_checked(
    ledger: Ledger, detail: dict[str, Any], actor: str, at: int
) -> None:
    when = NOON.astimezone(timezone(timedelta(hours=3))) + timedelta(microseconds=at)
    await ledger.note([AuditLine(when, actor, "act", "taken", detail)])
    assert (await ledger.verify_audit()).fault is None


def said(detail: str) -> str:
    return canonical(Said(1, NOON, "a", "b", None, "taken", detail, None))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": {"c": 2, "d": 3}}', '{"b":{"d":3,"c":2},"a":1}'),
        ('{"n": 1e2}', '{"n": 100}'),
        ('{"n": 1.50}', '{"n": 1.5}'),
        ('{"n": -0.0}', '{"n": 0}'),
        ('{"n": 5e-324}', f'{{"n": 0.{"0" * 323}5}}'),
        ('{"n": 123456789012345678901234567890.125}', '{"n": 1.23456789012345678901234567890125e29}'),
        ('{"t": "\\u0444"}', '{"t": "ф"}'),
    ],
)
def test_ways_to_write_the_same_are_the_same(one: str, other: str) -> None:
    assert said(one) == said(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"n": 1}', '{"n": "1"}'),
        ('{"n": 1}', '{"n": "#1"}'),
        ('{"n": 1}', '{"n": true}'),
        ('{"n": null}', "{}"),
        ('{"n": [1, 2]}', '{"n": [2, 1]}'),
        ('{"n": 123456789012345678901234567890.1}', '{"n": 123456789012345678901234567890.2}'),
        ('{"n": ""}', '{"n": null}'),
    ],
)
def test_what_differs_stays_different(one: str, other: str) -> None:
    assert said(one) != said(other)
