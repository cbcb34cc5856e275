"""Whether a file may be kept: the last look at the consent, whatever happened before. Pure.

Nothing should come this far without consent; what does is deleted unheard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..call.model import Call, Consent
from ..ledger.access import Profile
from ..ledger.erase import ERASED
from ..ledger.values import StoredEvent

#: Asterisk's clock and ours may differ, and a fact is told a moment after it happened.
SLACK = timedelta(seconds=2)
_ENDS = frozenset({"recording.refused", "recording.stopped"})


@dataclass(frozen=True, slots=True)
class Agreed:
    """The consent by which a file is kept."""

    at: datetime
    how: str
    text_version: str


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Why a file must not be kept."""

    why: str


def judge(
    call: Call | None, events: Sequence[StoredEvent], profile: Profile | None, began_at: datetime
) -> Agreed | Forbidden:
    """By what was agreed, and what was taken back before the file began."""
    if call is None:
        return Forbidden("there is no such call")
    if call.request.user.startswith(ERASED):
        return Forbidden("the citizen was erased")
    consent = call.request.consent
    if consent is None or not consent.recording:
        return Forbidden("there is no stored consent")
    if call.recording is None:
        return Forbidden("the service did not offer to record this call")
    agreed_at = consent.at or call.accepted_at
    if began_at + SLACK < agreed_at:
        return Forbidden("it began before the consent was given")
    ended_at = min((event.time for event in events if event.type in _ENDS), default=None)
    if ended_at is not None and ended_at + SLACK < began_at:
        return Forbidden("the citizen had refused, or taken the consent back")
    if _withdrawn(consent, agreed_at, profile, began_at):
        return Forbidden("the consent in the profile had been taken back")
    return Agreed(agreed_at, consent.how.value, consent.text_version)


def _withdrawn(consent: Consent, agreed_at: datetime, profile: Profile | None, began_at: datetime) -> bool:
    said = profile.consents if profile else ()
    return any(agreed_at < each.at and each.at + SLACK < began_at and not each.consent.recording for each in said)
