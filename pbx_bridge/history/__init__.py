"""What happened on a call, for people: its stages, how long each lasted, and its ladder. Pure: made of the published
events alone, so it says the same as streams and webhooks, and the same tomorrow.
"""

from .ladder import Ladder, ladder
from .stages import Durations, Stage, durations, stages
from .status import Status, status
from .told import Told

__all__ = ["Durations", "Ladder", "Stage", "Status", "Told", "durations", "ladder", "stages", "status"]
