"""What a portal may tell about a citizen, as values that cannot be printed by accident.

Whether a number can exist is checked here, by its check digits where it has any. Whether it is the citizen's own
is not: that is what the portal verifies and answers for. This room does no I/O and keeps nothing.
"""

from .citizen import FIELDS, Identity
from .documents import Inn, Passport, Snils
from .email import Email
from .private import NotValid, Private

__all__ = ["FIELDS", "Email", "Identity", "Inn", "NotValid", "Passport", "Private", "Snils"]
