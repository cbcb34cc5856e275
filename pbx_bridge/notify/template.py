"""One HTTP request to a gateway, made from templates. Pure: text and values in, a request out.

A template is taken apart once, when the service starts; values are put between its parts. They are never put into
JSON, a form or an address that is parsed afterwards, so no value can end what it stands in and begin something else.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from yarl import URL

#: What a message can be made of. `number` is E.164, `digits` the same without the plus sign.
NAMES = ("number", "digits", "text", "code", "key")
#: The language of citizens whose own we have no text in.
USUAL_LANGUAGE = "ru"

_SLOT = re.compile(r"\{([^{}]*)\}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadTemplate(ValueError):
    """The gateway's settings cannot be used. The text names the setting and says what to do; it holds no value."""


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    """The gateway's settings, with the meaning of [sms] in docs/configuration.md. `timeout_s` in seconds."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    form: bool = False
    accepted_pointer: str = ""
    accepted_value: str = ""
    timeout_s: float = 10
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filled:
    """A request, ready to be sent. All of it is private."""

    method: str
    url: URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)


Values = Mapping[str, str]


class Slots:
    """A text with places for values: `fill` puts them in, each as `written` by the caller."""

    def __init__(self, setting: str, text: str, names: tuple[str, ...] = NAMES) -> None:
        """Raises BadTemplate for a brace that is none of `names`'."""
        # Odd pieces are names, even ones are as they stand.
        self._pieces = _SLOT.split(text)
        known = ", ".join(f"{{{name}}}" for name in names)
        if any("{" in piece or "}" in piece for piece in self._pieces[::2]):
            raise BadTemplate(f"[sms] {setting}: a brace that belongs to no name; only {known} may stand in braces")
        if not set(self._pieces[1::2]) <= set(names):
            raise BadTemplate(f"[sms] {setting}: an unknown name in braces; there is {known}")

    @property
    def names(self) -> frozenset[str]:
        """The values it asks for."""
        return frozenset(self._pieces[1::2])

    def fill(self, values: Values, written: Callable[[str], str] = str) -> str:
        """The text with the values."""
        return "".join(written(values[piece]) if odd else piece for odd, piece in _counted(self._pieces))


class Form:
    """The whole request as a template. Raises BadTemplate with one sentence when it cannot be one."""

    def __init__(self, template: SmsTemplate) -> None:
        self._method = template.method
        self._url = _url(template.url)
        self._headers = {name: _header(name, text) for name, text in template.headers.items()}
        self._form = template.form
        self._body = _body(template.body) if template.method != "GET" else None
        if template.form and any(isinstance(each, dict | list) for each in (self._body or {}).values()):
            raise BadTemplate("[sms] body: a form has no lists and no tables; set form = false for JSON")
        # A value that JSON has not is found now, not when the first code is to be sent.
        self.fill(dict.fromkeys(NAMES, "0"))

    def fill(self, values: Values) -> Filled:
        """The request for these values. Raises BadTemplate when one of them cannot stand in a header."""
        url = URL(self._url.fill(values, lambda value: quote(value, safe="")), encoded=True)
        headers = {name: slots.fill(values, _in_a_header) for name, slots in self._headers.items()}
        if self._body is None:
            return Filled(self._method, url, headers, None)
        given = {name.lower() for name in headers}
        kind = "application/x-www-form-urlencoded" if self._form else "application/json"
        if "content-type" not in given:
            headers["Content-Type"] = kind
        return Filled(self._method, url, headers, self._content(values))

    def _content(self, values: Values) -> bytes:
        filled = _filled(self._body, values)
        if self._form:
            return urlencode({name: _plain(value) for name, value in filled.items()}).encode()
        try:
            return json.dumps(filled, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError):
            raise BadTemplate("[sms] body: only texts, numbers, true, false, lists and tables") from None


class Texts:
    """What the citizen reads, by language."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Raises BadTemplate when a text would not show the code, or the usual language has none."""
        self._texts = {
            language.lower(): Slots(f"texts.{language}", text, ("code",)) for language, text in texts.items()
        }
        if USUAL_LANGUAGE not in self._texts:
            raise BadTemplate(f"[sms] texts: there must be one for {USUAL_LANGUAGE!r}, for everybody without another")
        for language, slots in self._texts.items():
            if "code" not in slots.names:
                raise BadTemplate(f"[sms] texts.{language}: without {{code}} nobody could read the code")

    def fill(self, locale: str, code: str) -> str:
        """The text in the language of a locale (`ru-RU`, `ru_RU`, `ru`)."""
        slots = self._texts.get(language_of(locale)) or self._texts[USUAL_LANGUAGE]
        return slots.fill({"code": code})


def language_of(locale: str) -> str:
    """`ru-RU` → `ru` (BCP 47: the first subtag)."""
    return re.split("[-_]", locale, maxsplit=1)[0].lower()


def _url(text: str) -> Slots:
    slots = Slots("url", text)
    try:
        # Only path and query may vary: who gets the code is not up to the values.
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise BadTemplate("[sms] url: not an address like https://sms.example/send") from None
    if parts.scheme not in ("https", "http") or not host or "{" in parts.netloc or parts.fragment:
        raise BadTemplate("[sms] url: not an address like https://sms.example/send, with names in path and query only")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise BadTemplate("[sms] url: no space and no control character may be in it")
    if parts.scheme == "http" and not _is_here(host):
        raise BadTemplate("[sms] url: codes go by https only; plain http is for a gateway on this machine")
    return slots


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _header(name: str, text: str) -> Slots:
    if not _TOKEN.fullmatch(name):
        raise BadTemplate("[sms] headers: a header's name is made of letters, digits and hyphens")
    if _CONTROL.search(text):
        raise BadTemplate(f"[sms] headers.{name}: no line end and no control character may be in it")
    return Slots(f"headers.{name}", text)


def _in_a_header(value: str) -> str:
    if _CONTROL.search(value):
        raise BadTemplate("[sms] headers: a value with a line end cannot stand in a header; put it into the body")
    return value


def _body(value: Any) -> Any:
    """The body's values with a template in the place of each text. Names are no templates."""
    if isinstance(value, str):
        return Slots("body", value)
    if isinstance(value, Mapping):
        if any(not isinstance(name, str) or "{" in name for name in value):
            raise BadTemplate("[sms] body: only values are templates; a name in braces cannot be a field's name")
        return {name: _body(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_body(each) for each in value]
    return value


def _filled(value: Any, values: Values) -> Any:
    if isinstance(value, Slots):
        return value.fill(values)
    if isinstance(value, dict):
        return {name: _filled(each, values) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    return value


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _counted(pieces: list[str]) -> list[tuple[bool, str]]:
    return [(place % 2 == 1, piece) for place, piece in enumerate(pieces)]
