"""What no single file shows: services that are in each other's way. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..call.model import WhenFull
from .service import Directory, Service

#: Digits that tell public numbers apart: dialplan/hotline.conf looks these up.
LAST_DIGITS = 10
_Keys = Callable[[Service], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: in which file, at which place of it (empty: the file itself), what it is and what to do."""

    file: str
    place: str
    words: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.words}" if self.place else f"{self.file}: {self.words}"


def unsound(directory: Directory) -> Iterator[Problem]:
    """Everything in which the services of a directory clash."""
    if not directory.services:
        yield Problem("services", "", "no service is described: write a file such as support.toml")
    yield from _twice(directory, "numbers", _numbers, "is a number of {other} too: give it to one of them")
    yield from _twice(directory, "synonyms", _words, "is said of {other} too: a chat could not choose; leave one")
    for service in directory.services.values():
        yield from _loop(directory, service)
        if len(set(service.languages)) < len(service.languages):
            yield Problem(file_of(service), "languages", "names a language twice: leave one")


def file_of(service: Service) -> str:
    """The file in which it is described."""
    return f"{service.id}.toml"


def folded(words: str) -> str:
    """A name as people type it: no case, е for ё, one space."""
    return " ".join(words.casefold().replace("ё", "е").split())


def _numbers(service: Service) -> Iterator[tuple[str, str]]:
    for number in service.numbers:
        yield number, "".join(filter(str.isdigit, number))[-LAST_DIGITS:]


def _words(service: Service) -> Iterator[tuple[str, str]]:
    for word in (*service.names.values(), *(each for words in service.synonyms.values() for each in words)):
        yield word, folded(word)


def _twice(directory: Directory, place: str, keys: _Keys, words: str) -> Iterator[Problem]:
    seen: dict[str, Service] = {}
    for service in directory.services.values():
        for shown, key in keys(service):
            other = seen.setdefault(key, service)
            if other is not service:
                yield Problem(file_of(service), place, f'"{shown}" {words.format(other=file_of(other))}')


def _loop(directory: Directory, service: Service) -> Iterator[Problem]:
    """Whoever overflows must arrive somewhere."""
    to = {
        each.queue: each.limits.overflow
        for each in directory.services.values()
        if each.limits.then is WhenFull.OVERFLOW and each.limits.overflow
    }
    way = [service.queue]
    while (queue := to.get(way[-1])) is not None:
        if queue == service.queue:
            shown = " to ".join([*way, queue])
            yield Problem(file_of(service), "limits.overflow", f"leads in a circle, {shown}: break it at one queue")
            return
        if queue in way:
            return  # a circle further on, told of those who are in it
        way.append(queue)
