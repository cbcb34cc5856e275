"""When a citizen's own token spares the code: as far as the program's policy goes, and not for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pbx_bridge.ledger.access import Client, Vouching
from pbx_bridge.portal.grant import Grant
from pbx_bridge.portal.vouching import vouched

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
NOW = int(NOON.timestamp())
CLIENT = Client("portal", "portal", frozenset(), NOON, 600)
POLICY = Vouching(acr=frozenset({"high"}), amr=frozenset({"otp", "hwk"}), max_age_s=300)
GOOD = Grant("portal", frozenset(), NOW + 300, "t", citizen="u-1", acr="high", auth_time=NOW)


@pytest.mark.parametrize(
    ("grant", "policy", "is_vouched"),
    [
        (GOOD, POLICY, True),
        (replace(GOOD, acr=None, amr=frozenset({"pwd", "otp"})), POLICY, True),
        (replace(GOOD, auth_time=NOW - 300), POLICY, True),
        (replace(GOOD, auth_time=NOW + 60), POLICY, True),
        (GOOD, None, False),
        (GOOD, Vouching(), False),
        (replace(GOOD, acr="low"), POLICY, False),
        (replace(GOOD, acr=None), POLICY, False),
        (replace(GOOD, acr=None, amr=frozenset({"pwd"})), POLICY, False),
        (replace(GOOD, auth_time=None), POLICY, False),
        (replace(GOOD, auth_time=NOW - 301), POLICY, False),
        (replace(GOOD, auth_time=NOW + 61), POLICY, False),
    ],
)
def test_a_portal_vouches_as_far_as_its_policy_goes(grant: Grant, policy: Vouching | None, is_vouched: bool) -> None:
    assert vouched(grant, replace(CLIENT, vouching=policy), NOON) is is_vouched
