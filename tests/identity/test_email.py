"""Addresses for e-mail: one normal form, and nothing that a header or a log could stumble over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.identity import Email, NotValid

LABELS = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
LOCALS = st.from_regex(r"[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}", fullmatch=True)
ADDRESSES = st.builds("{}@{}.{}".format, LOCALS, LABELS, st.sampled_from(["ru", "com", "xn--p1ai"]))


@given(ADDRESSES)
def test_an_ordinary_address_is_taken_as_it_is(text: str) -> None:
    assert Email(text).clear == text


@given(ADDRESSES)
def test_the_domain_counts_without_case_and_the_rest_with_it(text: str) -> None:
    local, _, domain = text.partition("@")
    assert Email(f"{local}@{domain.upper()}") == Email(text)
    assert (Email(f"{local.swapcase()}@{domain}") == Email(text)) == (local.swapcase() == local)


@given(ADDRESSES)
def test_of_an_address_two_letters_and_the_last_label_are_shown(text: str) -> None:
    local, _, domain = text.partition("@")
    last = Email(text).masked.rpartition(".")[2]
    assert Email(text).masked == f"{local[0]}***@{domain[0]}***.{last}"


def test_a_domain_in_russian_is_one_however_it_is_written() -> None:
    address = Email("anna@Пример.РФ")
    assert address == Email("anna@xn--e1afmkfd.xn--p1ai")
    assert address.clear == "anna@xn--e1afmkfd.xn--p1ai"
    assert address.masked == "a***@п***.рф"


@pytest.mark.parametrize(
    "text",
    [
        "", "anna", "@example.ru", "anna@", "anna@localhost", "anna@@example.ru", "a b@example.ru", "anna@exa mple.ru",
        ".anna@example.ru", "anna.@example.ru", "an..na@example.ru", '"anna"@example.ru', "anna@[127.0.0.1]",
        "anna@127.0.0.1", "anna@example.ru.", "anna@example..ru", "anna@-example.ru", "anna@exa_mple.ru",
        "anna@example.ru\n", "anna\n@example.ru", "anna\0@example.ru", "anna@example.ru\r\nBcc: x@y.ru",
        "анна@example.ru", "Anna <anna@example.ru>", "anna@xn--a.ru", "a" * 65 + "@example.ru",
        "anna@" + "a" * 64 + ".ru", "anna@" + "a." * 130 + "ru",
    ],
)  # fmt: skip
def test_what_is_not_an_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(NotValid) as refusal:
        Email(text)
    assert len(text) < 16 or text not in str(refusal.value)
    assert refusal.value.__cause__ is refusal.value.__context__ is None


def test_the_length_counts_as_it_is_sent() -> None:
    label = "ы" * 40
    domain = f"{label}.{label}.{label}.{label}.рф"
    assert len(f"a@{domain}") < 254
    with pytest.raises(NotValid, match="at most 254"):
        Email(f"{'a' * 60}@{domain}")
