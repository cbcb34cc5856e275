"""Messages that the service posts to a program (Standard Webhooks 1.0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from .errors import NotAWebhook


def verify_webhook(headers: Mapping[str, str], body: bytes, secrets: str | Sequence[str]) -> dict[str, Any]:
    """The event in a message, once its signature and its time (5 minutes) were found good.

    `body` are the bytes as they came. While a secret rotates give the old and the new one. The same event may come
    twice: its `webhook-id` stays the same. Raises NotAWebhook; ValueError for a secret that is none.
    """
    known = [_secret(each) for each in ([secrets] if isinstance(secrets, str) else secrets)]
    plain = {name.lower(): value for name, value in headers.items()}
    why = "there is no secret to check it with"
    for webhook in known:
        try:
            event = webhook.verify(body, plain)
        except WebhookVerificationError as error:
            why = str(error)
        except ValueError:  # standardwebhooks lets these through: a header or a body that cannot be taken apart
            why = "the message cannot be read"
        else:
            if isinstance(event, dict):
                return event
            why = "the message holds no event"
    raise NotAWebhook(why)


def _secret(text: str) -> Webhook:
    try:
        return Webhook(text)
    except Exception:  # the library names none of its errors, and they may quote the secret
        raise ValueError("a webhook secret is `whsec_` and base64") from None
