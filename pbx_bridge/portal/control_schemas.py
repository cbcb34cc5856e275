"""What may be sent to steer a call that goes on."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from .forms import Number, QueueName, ServiceId, refuse
from .schemas import Strict


class RedirectRequest(Strict):
    """Where to: exactly one of the three."""

    service: Annotated[ServiceId | None, Field(description="its desk must be open now")] = None
    queue: Annotated[QueueName | None, Field(description="whatever its hours are")] = None
    number: Annotated[Number | None, Field(description="somebody outside; masked in every answer")] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.service, self.queue, self.number)) != 1:
            raise refuse("must name exactly one of service, queue and number")
        return self


class LimitRequest(Strict):
    """How long the call may last."""

    time_limit_s: Annotated[int, Field(ge=5, le=14400, description="seconds from the device's answer")]
