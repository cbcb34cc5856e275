"""What is posted to a portal is taken for the service's only when its signature, its time and its form are good."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from pbx_bridge.client import NotAWebhook, verify_webhook

OLD, NEW = (f"whsec_{base64.b64encode(letter * 24).decode()}" for letter in (b"o", b"n"))
EVENT = {"type": "call.ended", "sequence": 7}
BODY = json.dumps(EVENT).encode()


def headers(secret: str = NEW, body: bytes = BODY, at: datetime | None = None) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "Webhook-Id": "evt_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("evt_1", at, body.decode()),
    }


def test_a_message_is_taken() -> None:
    assert verify_webhook(headers(), BODY, NEW) == EVENT


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_two_secrets_count_while_one_replaces_the_other(secret: str) -> None:
    assert verify_webhook(headers(secret), BODY, [OLD, NEW]) == EVENT


def test_one_of_several_signatures_is_enough() -> None:
    sent = headers(OLD) | {"Webhook-Signature": f"{headers(OLD)['Webhook-Signature']} {headers()['Webhook-Signature']}"}
    assert verify_webhook(sent, BODY, NEW) == EVENT


@pytest.mark.parametrize(
    "wrong",
    [
        {"Webhook-Signature": headers(OLD)["Webhook-Signature"]},
        {"Webhook-Id": "evt_2"},
        {"Webhook-Signature": "v1"},
        {"Webhook-Signature": "v1,%%%"},
        {"Webhook-Signature": "a,b,c"},
        {"Webhook-Signature": ""},
        {"Webhook-Timestamp": "soon"},
        {"Webhook-Timestamp": "nan"},
        {"Webhook-Timestamp": "1e400"},
    ],
)
def test_a_message_with_a_wrong_header_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(NotAWebhook):
        verify_webhook(headers() | wrong, BODY, NEW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_message_of_another_time_is_refused(minutes: int) -> None:
    with pytest.raises(NotAWebhook, match="too"):
        verify_webhook(headers(at=datetime.now(UTC) + timedelta(minutes=minutes)), BODY, NEW)


@pytest.mark.parametrize("body", [BODY + b" ", b"", b"\xff\xfe"])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(NotAWebhook):
        verify_webhook(headers(), body, NEW)


@pytest.mark.parametrize("body", [b"[]", b"not json", b"1"])
def test_a_signed_message_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(NotAWebhook):
        verify_webhook(headers(body=body), body, NEW)


def test_without_a_secret_nothing_is_taken() -> None:
    with pytest.raises(NotAWebhook, match="no secret"):
        verify_webhook(headers(), BODY, [])


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_x"])
def test_a_secret_that_is_none_is_the_program_s_fault(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verify_webhook(headers(), BODY, secret)


@given(st.text(max_size=60), st.text(max_size=30), st.binary(max_size=60))
def test_any_message_at_all_is_refused_in_one_way(signature: str, timestamp: str, body: bytes) -> None:
    sent = {"webhook-id": "evt_1", "webhook-timestamp": timestamp, "webhook-signature": signature}
    with pytest.raises(NotAWebhook):
        verify_webhook(sent, body, NEW)
