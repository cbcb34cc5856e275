"""Whether a citizen's own token says that they have just proved themselves by a second factor."""

from __future__ import annotations

from datetime import datetime

from ..ledger.access import Client
from .grant import Grant

#: Seconds that the portal's clock may be ahead of ours.
_AHEAD_S = 60


def vouched(grant: Grant, client: Client, at: datetime) -> bool:
    """Whether the token names what the program's policy asks for, and it happened not long ago.

    Without a policy, and without an `auth_time` in the token, nobody is vouched for.
    """
    policy = client.vouching
    if policy is None or grant.auth_time is None:
        return False
    age_s = at.timestamp() - grant.auth_time
    named = grant.acr in policy.acr or not policy.amr.isdisjoint(grant.amr)
    return named and -_AHEAD_S <= age_s <= policy.max_age_s
