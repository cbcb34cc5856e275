"""Which of the languages that have prompts somebody hears."""

from __future__ import annotations

from typing import Final

#: Languages with prompts; the first is for everybody else.
LANGUAGES: Final = ("ru", "en")


def spoken(locale: str) -> str:
    """The language of `locale` (such as en-GB or ru_RU) if it has prompts, else Russian."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else LANGUAGES[0]
