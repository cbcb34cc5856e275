"""Authenticator apps: a code is good for a minute and a half, once; a recovery code for ever, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.codes.authenticator import (
    STEP_S,
    check,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_hash,
    without,
)

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
STEP = int(NOON.timestamp()) // STEP_S
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of the RFC's test vectors: "12345678901234567890"
PEPPER = b"p" * 32


def shown(steps_away: int) -> str:
    """What the citizen's app shows so many steps from noon on."""
    return pyotp.TOTP(SECRET).at(NOON + timedelta(seconds=STEP_S * steps_away))


@pytest.mark.parametrize(("second", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")])
def test_codes_are_those_of_the_rfcs_test_vectors(second: int, code: str) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    assert check(SECRET, code, at, 0) == second // STEP_S


@pytest.mark.parametrize("steps_away", [-1, 0, 1])
def test_a_code_of_this_step_or_a_neighbour_counts_and_names_its_step(steps_away: int) -> None:
    assert check(SECRET, shown(steps_away), NOON, 0) == STEP + steps_away


@pytest.mark.parametrize("steps_away", [-3, -2, 2, 3, 1000])
def test_a_code_of_another_time_does_not_count(steps_away: int) -> None:
    assert check(SECRET, shown(steps_away), NOON, 0) is None


def test_a_code_counts_once() -> None:
    step = check(SECRET, shown(0), NOON, 0)
    assert step is not None
    assert check(SECRET, shown(0), NOON, step) is None
    assert check(SECRET, shown(-1), NOON, step) is None
    assert check(SECRET, shown(1), NOON, step) == step + 1


@pytest.mark.parametrize("code", ["", "1", "12345", "1234567", "abcdef", "１２３４５６", "\0" * 6, " 123456", "-12345"])
def test_what_is_no_code_does_not_count(code: str) -> None:
    assert check(SECRET, code, NOON, 0) is None


def test_the_first_minute_of_time_holds_no_surprise() -> None:
    assert check(SECRET, "755224", datetime(1970, 1, 1, tzinfo=UTC), -1) == 0


def test_secrets_differ_and_have_160_bits() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(pyotp.TOTP(secret).byte_secret()) for secret in made} == {20}


@pytest.mark.parametrize("account", ["u-1", "a/b:c?d#e&f=g", "Анна", "x\" onload='"])
def test_the_uri_tells_an_app_everything_whatever_the_account_is_called(account: str) -> None:
    uri = urlsplit(provisioning_uri(SECRET, account, "pbx-bridge"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == f"/pbx-bridge:{account}"
    assert parse_qs(uri.query) == {"secret": [SECRET], "issuer": ["pbx-bridge"]}


def test_recovery_codes_are_ten_and_hold_fifty_bits_each() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert len(code) == 11
        assert code[5] == "-"
        assert set(code) <= set("0123456789abcdefghjkmnpqrstvwxyz-")


@given(st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=10, max_size=10))
def test_a_recovery_code_may_be_written_as_people_write(code: str) -> None:
    kept = recovery_hash(PEPPER, "portal", "u-1", code)
    careless = code.upper().replace("0", "O").replace("1", "l")
    for written in (f"{code[:5]}-{code[5:]}", f" {code[:5]} {code[5:]}", careless):
        assert recovery_hash(PEPPER, "portal", "u-1", written) == kept


def test_a_recovery_code_counts_once_and_takes_no_other_with_it() -> None:
    kept = tuple(recovery_hash(PEPPER, "portal", "u-1", code) for code in ("aaaaa-aaaaa", "bbbbb-bbbbb"))
    left = without(kept, kept[0])
    assert left == kept[1:]
    assert without(left, kept[0]) is None
    assert without(left, kept[1]) == ()
    assert without((), kept[1]) is None


def test_a_recovery_code_is_its_citizens_alone() -> None:
    hashes = {
        recovery_hash(PEPPER, client, user, "aaaaa-aaaaa")
        for client, user in (("portal", "u-1"), ("portal", "u-2"), ("other", "u-1"), ("portalu", "-1"))
    }
    assert len(hashes | {recovery_hash(b"q" * 32, "portal", "u-1", "aaaaa-aaaaa")}) == 5
