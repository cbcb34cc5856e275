"""What is known about a citizen: kept whole, completed bit by bit, and never verified by itself."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.identity import FIELDS, Email, Identity, Inn, Passport, Snils
from pbx_bridge.phone import Phone

from .numbers import INNS, PASSPORTS, SNILS

PHONES = st.integers(9000000000, 9999999999).map(lambda digits: Phone(f"+7{digits}"))
EMAILS = st.sampled_from(["anna@example.ru", "boris@пример.рф"]).map(Email)


@st.composite
def identities(draw: st.DrawFn) -> Identity:
    """Any identity."""
    kinds = [PHONES, EMAILS, SNILS.map(Snils), INNS.map(Inn), PASSPORTS.map(Passport)]
    values = {name: draw(st.none() | kind) for name, kind in zip(FIELDS, kinds, strict=True)}
    present = [name for name, value in values.items() if value is not None]
    verified = draw(st.sets(st.sampled_from(present))) if present else ()
    return Identity(**values, verified=frozenset(verified))  # type: ignore[arg-type]


ANNA = Identity(Phone("+79161234567"), Email("anna@example.ru"), verified=frozenset({"phone"}))


def test_the_names_are_those_of_the_values() -> None:
    assert (*FIELDS, "verified") == tuple(field.name for field in fields(Identity))


@given(identities())
def test_what_is_kept_comes_back_the_same(identity: Identity) -> None:
    assert Identity.from_data(json.loads(json.dumps(identity.to_data()))) == identity


@given(identities())
def test_it_can_be_found_by_each_of_its_values(identity: Identity) -> None:
    assert identity.marks().keys() == identity.values().keys()
    assert identity.marks().items() <= identity.to_data().items()


def test_a_kept_value_that_is_valid_no_more_must_be_supplied_again() -> None:
    kept = {"snils": "11223344594", "email": "anna@example.ru", "phone": 7, "verified": ["snils", "email", "phone"]}
    assert Identity.from_data(kept) == Identity(email=Email("anna@example.ru"), verified=frozenset({"email"}))
    assert Identity.from_data({}) == Identity()


def test_nothing_is_verified_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="not present: snils"):
        Identity(verified=frozenset({"snils"}))


def test_what_is_not_verified_is_missing_as_what_is_not_there() -> None:
    assert ANNA.missing({"snils", "email", "phone"}) == ["email", "snils"]
    assert ANNA.missing({"phone"}) == ANNA.missing(()) == []


def test_what_was_not_told_again_is_kept_with_its_verification() -> None:
    inn = Inn("500100732259")
    assert ANNA.updated(Identity(inn=inn)) == Identity(ANNA.phone, ANNA.email, None, inn, verified=ANNA.verified)
    assert ANNA.updated(Identity()) == ANNA


def test_another_value_is_not_verified_by_the_one_before() -> None:
    other = Phone("+79167654321")
    assert ANNA.updated(Identity(other)).verified == frozenset()
    assert ANNA.updated(Identity(other, verified=frozenset({"phone"}))).verified == {"phone"}
    assert ANNA.updated(Identity(ANNA.phone)).verified == {"phone"}


@given(identities(), identities())
def test_what_was_told_last_is_what_is_known(before: Identity, told: Identity) -> None:
    after = before.updated(told)
    assert after.values() == before.values() | told.values()
    assert told.verified <= after.verified <= told.verified | before.verified
    assert after.updated(told) == after
