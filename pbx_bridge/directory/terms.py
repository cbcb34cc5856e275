"""The terms of a call: the operator's, as far as its service does not say otherwise."""

from __future__ import annotations

from dataclasses import replace

from ..call.model import Terms
from .service import Service


def terms_for(service: Service, base: Terms, time_limit_s: int | None) -> Terms:
    """`base` is the operator's. `time_limit_s` is what the asker wishes (None: nothing); the service's own limit bounds
    it. Recorded is only where both the operator and the service say so."""
    limits, callbacks = service.limits, service.callbacks
    limit = time_limit_s if time_limit_s is not None else base.time_limit_s
    return replace(
        base,
        time_limit_s=limit if limits.time_limit_s is None else min(limit, limits.time_limit_s),
        queue_s=base.queue_s if limits.queue_s is None else limits.queue_s,
        rounds=callbacks.rules.attempts - 1,
        pauses_s=callbacks.rules.pauses_s,
        keep_s=callbacks.keep_s,
        later_s=callbacks.later_s,
        priority=service.priority,
        then=limits.then,
        overflow=limits.overflow,
        prove=callbacks.prove,
        record=base.record and service.recording.offer,
    )
