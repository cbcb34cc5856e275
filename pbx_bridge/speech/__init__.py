"""What is said to a citizen on the telephone, as names of prompts in the order in which they are played.

Pure: the names come without a folder, and no sound is touched here. What each name says stands in prompts/ru.toml and
prompts/en.toml, where engineers change it; grammar that depends on a number or a date is decided here, once.
"""

from .clock import callback_at, opens
from .language import spoken
from .queue import place
from .ticket import ticket

__all__ = ["callback_at", "opens", "place", "spoken", "ticket"]
