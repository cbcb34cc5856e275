"""Services that are in each other's way, and the law that whatever is read is sound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pbx_bridge.call.model import WhenFull
from pbx_bridge.directory.reading import BadDirectory, read

from .files import files, refused, text


def to(queue: str) -> str:
    return f'[limits]\nthen = "overflow"\noverflow = "{queue}"'


def test_a_folder_without_services_is_no_directory() -> None:
    assert refused() == ["services: no service is described: write a file such as support.toml"]


@pytest.mark.parametrize("other", ["+78001000001", "88001000001", "8001000001"])
def test_a_number_leads_to_one_service_however_it_is_written(other: str) -> None:
    said = refused(aa=text("aa", numbers=["+78001000001"]), bb=text("bb", numbers=[other]))
    assert said == [f'bb.toml: numbers: "{other}" is a number of aa.toml too: give it to one of them']


@pytest.mark.parametrize("other", ["Ещё  Паспорт", "еще паспорт"])
def test_a_synonym_means_one_service_however_it_is_typed(other: str) -> None:
    said = refused(aa=text("aa", '[synonyms]\nru = ["ещё паспорт"]'), bb=text("bb", f'[synonyms]\nru = ["{other}"]'))
    assert said == [f'bb.toml: synonyms: "{other}" is said of aa.toml too: a chat could not choose; leave one']


def test_a_synonym_is_not_the_name_of_another_service() -> None:
    assert len(refused(aa=text("aa"), bb=text("bb", '[synonyms]\nen = ["line AA"]'))) == 1


def test_a_synonym_may_repeat_its_own_service_name() -> None:
    assert refused(aa=text("aa", '[synonyms]\nen = ["line AA"]')) == []


def test_an_overflow_into_its_own_queue_is_a_circle() -> None:
    assert refused(aa=text("aa", to("aa"))) == [
        "aa.toml: limits.overflow: leads in a circle, aa to aa: break it at one queue"
    ]


def test_a_circle_of_overflows_is_told_of_those_in_it_only() -> None:
    said = refused(aa=text("aa", to("bb")), bb=text("bb", to("cc")), cc=text("cc", to("bb")))
    assert said == [
        "bb.toml: limits.overflow: leads in a circle, bb to cc to bb: break it at one queue",
        "cc.toml: limits.overflow: leads in a circle, cc to bb to cc: break it at one queue",
    ]


def test_overflows_may_follow_each_other_to_an_end() -> None:
    assert refused(aa=text("aa", to("bb")), bb=text("bb", to("cc")), cc=text("cc")) == []


NAMES = ["aa", "bb", "cc", "dd"]
services = some.dictionaries(
    some.sampled_from(NAMES),
    some.tuples(
        some.sampled_from([None, *NAMES]),
        some.lists(some.sampled_from(["+78001000001", "88001000001", "+74951000001", "102"]), max_size=2),
        some.lists(some.sampled_from(["паспорт", "Паспорт", "налог", "ёж", "еж"]), max_size=2),
    ),
    max_size=4,
)


@given(services)
def test_whatever_is_read_is_sound(chosen: dict[str, tuple[str | None, list[str], list[str]]]) -> None:
    texts = {
        name: text(name, f"[synonyms]\nru = {words}", to(over) if over else "", numbers=numbers)
        for name, (over, numbers, words) in chosen.items()
    }
    try:
        directory = read(files(**texts))
    except BadDirectory:
        return
    for service in directory.services.values():
        assert all(directory.dialled(number) is service for number in service.numbers)
        assert service.name("ru")
        assert service.name("en")
        queue, steps = service.queue, 0
        while onward := [each for each in directory.of_queue(queue) if each.limits.then is WhenFull.OVERFLOW]:
            queue, steps = onward[0].limits.overflow or "", steps + 1
            assert steps <= len(NAMES)
