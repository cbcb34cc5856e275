"""A request made from templates: whatever is put in stays what it is, and a template that cannot work is refused."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.notify.answer import Acceptance, Verdict, pause_s
from pbx_bridge.notify.template import BadTemplate, Form, SmsTemplate, Texts

VALUES = {"number": "+79161234567", "digits": "79161234567", "text": "Код 123456", "code": "123456", "key": "k.1"}
HOSTILE = '", "to": "+79990000000"} \r\nX-Evil: 1 &to=1#?/../%00 {number} \\'
URL = "https://sms.example/send"


def form(**more: Any) -> Form:
    return Form(SmsTemplate(**{"url": URL, **more}))


def sent(body: Any, values: dict[str, str] = VALUES, **more: Any) -> Any:
    content = form(body=body, **more).fill(values).content
    assert content is not None
    return json.loads(content)


# ── values stay values ───────────────────────────────────────────────────────────────────────────────────
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_can_break_out_of_json(text: str) -> None:
    body = {"to": ["{number}"], "deep": {"text": "<{text}>", "n": 1, "yes": True, "none": None}}
    filled = sent(body, VALUES | {"text": text})
    assert filled == {"to": ["+79161234567"], "deep": {"text": f"<{text}>", "n": 1, "yes": True, "none": None}}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_can_break_out_of_a_form(text: str) -> None:
    content = form(body={"to": "{digits}", "text": "{text}", "flash": False}, form=True).fill(VALUES | {"text": text})
    assert content.content is not None
    pairs = parse_qsl(content.content.decode(), keep_blank_values=True)
    assert pairs == [("to", "79161234567"), ("text", text), ("flash", "false")]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_text_can_break_out_of_the_address(text: str) -> None:
    filled = form(url=URL + "/{code}?to={number}&text={text}", method="GET").fill(VALUES | {"text": text, "code": text})
    parts = urlsplit(str(filled.url))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "sms.example", "")
    assert unquote(parts.path) == "/send/" + text
    assert parts.path.count("/") == 2
    assert parse_qs(parts.query, keep_blank_values=True) == {"to": ["+79161234567"], "text": [text]}


@pytest.mark.parametrize("end", ["\r", "\n", "\0"])
def test_no_text_can_break_out_of_a_header(end: str) -> None:
    template = form(headers={"X-Text": "{text}"})
    assert template.fill(VALUES).headers["X-Text"] == "Код 123456"
    with pytest.raises(BadTemplate, match="line end"):
        template.fill(VALUES | {"text": f"a{end}X-Evil: 1"})


def test_a_value_that_looks_like_a_name_is_not_filled_again() -> None:
    assert sent({"text": "{text}{key}"}, VALUES | {"text": "{code}"}) == {"text": "{code}k.1"}


def test_every_name_is_known() -> None:
    assert sent({"all": "{number} {digits} {text} {code} {key}"}) == {"all": " ".join(VALUES.values())}


# ── templates that cannot work ───────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"body": {"to": "{phone}"}}, "[sms] body: an unknown name in braces; there is {number}"),
        ({"body": {"to": "{number"}}, "[sms] body: a brace that belongs to no name"),
        ({"body": {"to": "{{number}}"}}, "[sms] body: "),
        ({"body": {"deep": [{"to": "{number.__class__}"}]}}, "[sms] body: an unknown name"),
        ({"body": {"{number}": "x"}}, "[sms] body: only values are templates"),
        ({"body": {"at": object()}}, "[sms] body: only texts, numbers"),
        ({"body": {"a": float("nan")}}, "[sms] body: only texts, numbers"),
        ({"body": {"a": ["{text}"]}, "form": True}, "[sms] body: a form has no lists"),
        ({"headers": {"X-A": "{secret}"}}, "[sms] headers.X-A: an unknown name"),
        ({"headers": {"X-A": "a\r\nb: c"}}, "[sms] headers.X-A: no line end"),
        ({"headers": {"X A:": "a"}}, "[sms] headers: a header's name"),
        ({"url": ""}, "[sms] url: not an address"),
        ({"url": "sms.example/send"}, "[sms] url: not an address"),
        ({"url": "ftp://sms.example"}, "[sms] url: not an address"),
        ({"url": "https://{digits}.example/"}, "[sms] url: not an address"),
        ({"url": "https://sms.example:{digits}/"}, "[sms] url: not an address"),
        ({"url": "https://sms.example:99999/"}, "[sms] url: not an address"),
        ({"url": "https://sms.example/ a"}, "[sms] url: no space"),
        ({"url": "https://sms.example/{other}"}, "[sms] url: an unknown name"),
        ({"url": "http://sms.example/send"}, "[sms] url: codes go by https only"),
        ({"url": "http://10.0.0.1/send"}, "[sms] url: codes go by https only"),
        ({"url": "http://127.0.0.1.example/send"}, "[sms] url: codes go by https only"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_a_sentence(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(BadTemplate) as refusal:
        form(**setting)
    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025/x", "http://[::1]/x", "http://localhost:1/x", URL])
def test_plain_http_is_for_this_machine(url: str) -> None:
    form(url=url)


def test_a_secret_of_the_settings_is_in_no_repr() -> None:
    template = SmsTemplate("https://sms.example/secret", headers={"Authorization": "secret"}, body={"key": "secret"})
    assert "secret" not in repr(template) + repr(Form(template).fill(VALUES))


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("locale", "text"),
    [("ru", "Код 12"), ("en", "Code 12"), ("en-GB", "Code 12"), ("EN_us", "Code 12"), ("de", "Код 12"), ("", "Код 12")],
)
def test_the_text_is_in_the_citizens_language_or_in_russian(locale: str, text: str) -> None:
    assert Texts({"ru": "Код {code}", "en": "Code {code}"}).fill(locale, "12") == text


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"en": "Code {code}"}, "there must be one for 'ru'"),
        ({"ru": "Код"}, "texts.ru: without {code}"),
        ({"ru": "Код {code} {number}"}, "texts.ru: an unknown name"),
    ],
)
def test_a_text_that_would_not_help_is_refused(texts: dict[str, str], words: str) -> None:
    with pytest.raises(BadTemplate, match=words.replace("{", r"\{")):
        Texts(texts)


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────
VERDICTS = {
    Verdict.TAKEN: (200, 202, 204, 299),
    Verdict.REFUSED: (302, 400, 401, 404, 409, 422),
    Verdict.LATER: (408, 425, 429, 500, 502, 503, 599),
}


@pytest.mark.parametrize(
    ("status", "verdict"), [(status, verdict) for verdict, several in VERDICTS.items() for status in several]
)
def test_the_status_alone_says_what_became_of_it(status: int, verdict: Verdict) -> None:
    assert Acceptance("", "").verdict(status, b"anything") is verdict


@pytest.mark.parametrize(
    ("pointer", "value", "body", "taken"),
    [
        ("/status", "OK", '{"status": "OK"}', True),
        ("/status", "OK", '{"status": "ERROR"}', False),
        ("/status", "OK", '{"other": "OK"}', False),
        ("/status", "OK", '["OK"]', False),
        ("/status", "OK", "<html>OK</html>", False),
        ("/status", "OK", "", False),
        ("/status", "OK", "[" * 100_000, False),
        ("/ok", "true", '{"ok": true}', True),
        ("/ok", "1", '{"ok": true}', False),
        ("/error", "0", '{"error": 0}', True),
        ("/messages/0/a~1b", "x", '{"messages": [{"a/b": "x"}]}', True),
        ("/messages/1/a", "x", '{"messages": [{"a": "x"}]}', False),
        ("/messages/-1/a", "x", '{"messages": [{"a": "x"}]}', False),
        ("/id", "", '{"id": 17}', True),
        ("/id", "", '{"id": null}', False),
        ("/id", "", "{}", False),
    ],
)
def test_one_value_of_the_answer_can_say_whether_it_was_taken(pointer: str, value: str, body: str, taken: bool) -> None:
    verdict = Verdict.TAKEN if taken else Verdict.REFUSED
    assert Acceptance(pointer, value).verdict(200, body.encode()) is verdict


def test_an_answer_that_is_too_long_to_read_is_no_acceptance() -> None:
    assert Acceptance("/ok", "true").verdict(200, None) is Verdict.REFUSED
    assert Acceptance("", "").verdict(200, None) is Verdict.TAKEN


@pytest.mark.parametrize(("pointer", "value"), [("status", "OK"), ("", "OK")])
def test_an_acceptance_that_points_nowhere_is_refused(pointer: str, value: str) -> None:
    with pytest.raises(BadTemplate, match="accepted_"):
        Acceptance(pointer, value)


PAUSES = {
    "": 0, "5": 5, "3600": 30, "9" * 5000: 30, "-1": 0, "soon": 0, "1.5": 0,
    "Mon, 12 Jan 2026 06:00:20 GMT": 20, "Mon, 12 Jan 2026 05:00:00 GMT": 0, "Tue, 13 Jan 2026 06:00:00 GMT": 30,
}  # fmt: skip


@pytest.mark.parametrize(("said", "seconds"), PAUSES.items())
def test_a_pause_is_kept_for_half_a_minute_at_most(said: str, seconds: float) -> None:
    assert pause_s({"Retry-After": said, "Date": "Mon, 12 Jan 2026 06:00:00 GMT"}) == seconds


def test_a_date_without_a_clock_to_hold_it_against_is_no_pause() -> None:
    assert pause_s({"Retry-After": "Mon, 12 Jan 2026 06:00:20 GMT"}) == 0
