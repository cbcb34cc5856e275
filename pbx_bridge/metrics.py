"""The loop's and Asterisk's figures in Prometheus' form, beside the portal's own."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .conductor.conductor import Conductor
from .conductor.ports import Clock
from .webhooks.tally import Tally


class Figures(Collector):
    """Read when somebody asks; costs nothing otherwise."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def collect(self) -> Iterable[Metric]:
        """One family for each question an engineer asks at night."""
        tally = self._conductor.tally
        yield _by("pbx_events", "Events published, by type", "type", tally.events)
        yield _by("pbx_calls_ended", "Calls ended, by outcome", "outcome", tally.outcomes)
        yield _by("pbx_facts", "Facts that were taken or refused by the call machine", "verdict", tally.facts)
        yield CounterMetricFamily("pbx_transactions", "Transactions committed", value=tally.transactions)
        well = GaugeMetricFamily("pbx_part_well", "1 when the part is well, 0 when it is not", None, ["part"])
        for part, trouble in self._conductor.health().items():
            well.add_metric([part], 0 if trouble else 1)
        yield well


class WebhookFigures(Collector):
    """What programs were told, and what they are still owed."""

    def __init__(self, tally: Tally, clock: Clock) -> None:
        self._tally = tally
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """What is owed is as at the last look, seconds ago."""
        arrears = self._tally.arrears
        age = (self._clock() - arrears.oldest).total_seconds() if arrears.oldest else 0.0
        yield _by("pbx_webhook_tries", "Webhooks sent, by what became of the try", "result", self._tally.tries)
        yield _by("pbx_webhook_addresses_gone", "Addresses given up after a 410", "client", self._tally.gone)
        yield GaugeMetricFamily("pbx_webhooks_waiting", "Events that programs are still owed", arrears.waiting)
        yield GaugeMetricFamily("pbx_webhooks_dead", "Dead letters", arrears.dead)
        yield GaugeMetricFamily("pbx_webhooks_oldest_seconds", "Age of the oldest that is owed", max(age, 0.0))


def _by(name: str, words: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, words, labels=[label])
    for key, count in sorted(counts.items()):
        family.add_metric([key], count)
    return family
