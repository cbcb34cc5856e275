"""Nothing private shows itself, whoever prints it and however."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import pytest

from pbx_bridge.identity import Email, Identity, Inn, Passport, Private, Snils
from pbx_bridge.phone import Phone

VALUES = [Snils("112-233-445 95"), Inn("500100732259"), Passport("4509 123456"), Email("anna@example.ru")]
MASKS = ["***-***-*** 95", "**********59", "** ** ****56", "a***@e***.ru"]


@pytest.mark.parametrize(("value", "mask"), [*zip(VALUES, MASKS, strict=True)])
def test_every_way_of_printing_shows_the_mask(value: Private, mask: str) -> None:
    texts = (str(value), f"{value}", f"{value!r:>40}", f"{value:>40}", str([value]), f"{ {value: 1} }")
    for text in texts:
        assert mask in text
        assert value.clear[:-2] not in text


@pytest.mark.parametrize("value", VALUES)
def test_no_machine_writes_it_down_by_itself(value: Private) -> None:
    for write in (json.dumps, pickle.dumps, copy.copy, copy.deepcopy, vars):
        with pytest.raises(TypeError):
            write(value)  # type: ignore[operator]


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    for value in VALUES:
        logging.getLogger().warning("kept %s of %r", value, {"citizen": value})
        assert value.clear not in caplog.text


def test_an_identity_shows_no_more_than_its_values_do() -> None:
    snils, inn, passport, email = VALUES
    whole = Identity(Phone("+79161234567"), email, snils, inn, passport, frozenset({"snils"}))  # type: ignore[arg-type]
    for text in (repr(whole), str(whole.masked()), f"{whole}"):
        for mask in [*MASKS, "+7916***4567"]:
            assert mask in text
        for value in VALUES:
            assert value.clear not in text


@pytest.mark.parametrize("value", VALUES)
def test_equality_is_by_kind_and_value(value: Private) -> None:
    again = type(value)(value.clear)
    assert again == value
    assert len({again, value}) == 1
    assert value != value.clear
    assert all(other != value for other in VALUES if other is not value)
