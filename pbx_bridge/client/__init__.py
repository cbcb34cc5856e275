"""A client for portals: tokens, signatures, one ring for one press, and every event once.

    from pbx_bridge.client import Bridge, Problem

    async with Bridge("https://calls.example", "client_…", secret="pbxs_…") as bridge:
        call = await bridge.start_call({"id": "u-1", "phone": "+79161234567"})
        async for event in bridge.follow(call["id"]):
            print(event["data"]["call"]["phase_label"])

docs/how-to/python-client.md tells the rest. This package needs nothing else of pbx_bridge.
"""

from .answer import Answer
from .asker import Asker, Call
from .bridge import ACCESS_TOKEN, JWT, Bridge, Citizen
from .errors import BridgeError, NotAWebhook, Problem, StreamEnded, TokenRefused, Unreachable, Untrusted
from .keys import Key
from .stream import Event
from .webhooks import verify_webhook

__all__ = [
    "ACCESS_TOKEN",
    "JWT",
    "Answer",
    "Asker",
    "Bridge",
    "BridgeError",
    "Call",
    "Citizen",
    "Event",
    "Key",
    "NotAWebhook",
    "Problem",
    "StreamEnded",
    "TokenRefused",
    "Unreachable",
    "Untrusted",
    "verify_webhook",
]
