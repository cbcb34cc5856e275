"""A place in the queue and the wait, as a citizen hears them."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.speech import place
from tests.speech.numerals import cardinal, english, genitive, minutes_of
from workshop.prompts import known, text

PLACES = {
    1: ("Вы первый в очереди.", "You are first in the queue."),
    2: ("Вы второй в очереди.", "You are second in the queue."),
    3: ("Вы третий в очереди.", "You are third in the queue."),
    6: ("Вы шестой в очереди.", "You are sixth in the queue."),
    8: ("Вы восьмой в очереди.", "You are eighth in the queue."),
    12: ("Вы двенадцатый в очереди.", "You are twelfth in the queue."),
    20: ("Вы двадцатый в очереди.", "You are twentieth in the queue."),
    21: ("Ваше место в очереди — двадцать один.", "Your place in the queue is twenty one."),
    100: ("Ваше место в очереди — сто.", "Your place in the queue is one hundred."),
    123: ("Ваше место в очереди — сто двадцать три.", "Your place in the queue is one hundred twenty three."),
    999: ("Ваше место в очереди — девятьсот девяносто девять.", "Your place in the queue is nine hundred ninety nine."),
    1000: ("Перед вами больше девятисот человек.", "There are more than nine hundred people before you."),
}
WAITS = {
    None: ("Время ожидания сейчас неизвестно.", "How long the wait will be is not known at the moment."),
    (2, 5): ("Ожидание — от двух до пяти минут.", "The wait is from two to five minutes."),
    (1, 2): ("Ожидание — от одной до двух минут.", "The wait is from one to two minutes."),
    (11, 21): ("Ожидание — от одиннадцати до двадцати одной минуты.", "The wait is from eleven to twenty-one minutes."),
    (40, 60): ("Ожидание — от сорока до часа.", "The wait is from forty to sixty minutes."),
    (5, 5): ("Ожидание — около пяти минут.", "The wait is about five minutes."),
    (1, 1): ("Ожидание — около одной минуты.", "The wait is about one minute."),
    (0, 0): ("Ожидание — около одной минуты.", "The wait is about one minute."),
    (9, 4): ("Ожидание — около девяти минут.", "The wait is about nine minutes."),
    (60, 60): ("Ожидание — около часа.", "The wait is about an hour."),
    (61, 90): ("Ожидание — больше часа.", "The wait is more than an hour."),
    (10, 61): ("Ожидание может занять больше часа.", "The wait may be more than an hour."),
}


@pytest.mark.parametrize("position", PLACES)
def test_a_place_is_told_as_people_say_it(position: int) -> None:
    russian, english_ = PLACES[position]
    assert text(place(position, None, "ru")[:-1], "ru") == russian
    assert text(place(position, None, "en")[:-1], "en") == english_


@pytest.mark.parametrize("wait", WAITS, ids=str)
def test_a_wait_is_told_as_people_say_it(wait: tuple[int, int] | None) -> None:
    russian, english_ = WAITS[wait]
    assert text(place(1, wait, "ru")[1:], "ru") == russian
    assert text(place(1, wait, "en")[1:], "en") == english_


def test_place_and_wait_are_two_sentences() -> None:
    assert text(place(3, (2, 5), "ru"), "ru") == "Вы третий в очереди. Ожидание — от двух до пяти минут."


@pytest.mark.parametrize("position", [0, -1])
def test_a_place_that_there_is_not_is_refused(position: int) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        place(position, None, "ru")


def test_every_place_above_the_ordinals_is_its_number() -> None:
    for position in range(21, 1000):
        names = place(position, None, "ru")[:-1]
        assert text(names, "ru") == f"Ваше место в очереди — {cardinal(position)}."
        assert text(names, "en") == f"Your place in the queue is {english(position)}."


def test_every_pair_of_minutes_is_in_the_genitive() -> None:
    for least, most in combinations(range(1, 60), 2):
        heard = text(place(1, (least, most), "ru")[1:], "ru")
        assert heard == f"Ожидание — от {genitive(least)} до {minutes_of(most)}."


def test_every_single_wait_is_in_the_genitive() -> None:
    for minutes in range(1, 60):
        assert text(place(1, (minutes, minutes), "ru")[1:], "ru") == f"Ожидание — около {minutes_of(minutes)}."


@given(st.integers(1, 5000), st.none() | st.tuples(st.integers(-5, 300), st.integers(-5, 300)))
def test_whatever_is_told_has_a_text_in_both_languages(position: int, wait: tuple[int, int] | None) -> None:
    for language in ("ru", "en", "uk", ""):
        assert known(place(position, wait, language))
