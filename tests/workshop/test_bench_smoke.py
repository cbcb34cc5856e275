"""The benchmark itself works: a few calls on both sides, counted whole."""

from __future__ import annotations

from benchmarks.__main__ import TINY, measure


async def test_a_tiny_run_measures_both_sides() -> None:
    rows, _, version = await measure(TINY, lambda line: None)
    measured = {row.what: row for row in rows}
    assert "Asterisk 22" in version
    ratio = measured["Asterisk CPU per call, everything on, over the floor"].measured
    assert 0.2 < float(ratio.split(" × ")[0]) < 20
    # Each of the five calls was accepted, rang and got its agent; each told four things over SSE.
    counts = [row.spread for row in rows if row.spread.endswith("values")]
    assert counts == ["5 values", "5 values", "20 values", "5 values"]
