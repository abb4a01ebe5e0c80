"""Figures in the form that Prometheus reads, from the metrics of `store/metrics.py` and nothing else."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from store.metrics import BUILD_INFO, Kind, Metric


def midnight(day: dt.date, zone: dt.tzinfo = dt.UTC) -> float:
    """When a day begins, in seconds since 1970: how a figure tells a date."""
    return dt.datetime.combine(day, dt.time(), zone).timestamp()


class Figures(Collector):
    """The figures of one answer, in the order in which they were given; a metric without any is left out.

    The version that runs is always among them.
    """

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self.add(BUILD_INFO, 1, _version())

    def add(self, metric: Metric, value: float | None, *labels: object) -> None:
        """One counter or gauge, with a value for each of the metric's labels; None is unknown, which is left out."""
        if value is not None:
            self._family(metric).add_metric(_texts(metric, labels), value)  # type: ignore[attr-defined]

    def add_histogram(self, metric: Metric, counts: Sequence[int], total: float, *labels: object) -> None:
        """Observations by bucket (the last is that beyond all bounds), and the sum of what was observed."""
        bounds = [*map(str, metric.buckets), "+Inf"]
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        self._family(metric).add_metric(_texts(metric, labels), buckets, total)  # type: ignore[attr-defined]

    def _family(self, metric: Metric) -> Family:
        found = self._families.get(metric.name)
        if found is None:
            kind = {
                Kind.COUNTER: CounterMetricFamily,
                Kind.GAUGE: GaugeMetricFamily,
                Kind.HISTOGRAM: HistogramMetricFamily,
            }[metric.kind]
            found = self._families[metric.name] = kind(metric.name, metric.help, labels=metric.labels)
        return found

    def collect(self) -> Iterable[Family]:
        """As prometheus_client asks for them."""
        return self._families.values()

    def __iter__(self) -> Iterator[Family]:
        return iter(self._families.values())


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """What these collectors give, in this order."""
    registry = CollectorRegistry(auto_describe=False)
    for one in collectors:
        registry.register(one)
    return registry


def text_of(*collectors: Collector) -> bytes:
    """The text format, version 0.0.4: what a scrape gets, and what a textfile holds."""
    return generate_latest(registry_of(*collectors))


@cache
def _version() -> str:
    try:
        return version("engagement-scoring")
    except PackageNotFoundError:  # it runs from its folder, without being installed
        return "unknown"


def _texts(metric: Metric, labels: Sequence[object]) -> list[str]:
    if len(labels) != len(metric.labels):
        raise ValueError(f"{metric.name} has the labels {metric.labels}, not {labels}")
    return [str(label) for label in labels]
