"""The list of metrics is whole, its names say where a figure comes from, and the document shows the same list."""

import re
from collections import Counter
from pathlib import Path

import pytest

from docs.metrics import DOCUMENT, SECTIONS, written
from schemas.exits import Obstacle
from store import metrics
from store.metrics import Kind, Metric

ROOT = Path(__file__).parents[2]
ALL = [*metrics.WORKER, *metrics.EXPORTER, *metrics.JOB, *metrics.CANARY]
SHARED = (metrics.BUILD_INFO, metrics.PARTITION_BLOCKED)
LABELS = {
    "topic",
    "partition",
    "group",
    "status",
    "reason",
    "outcome",
    "code",
    "kind",
    "worker",
    "phase",
    "source",
    "version",
}
"""None of them has a value per account, user or event."""

listed = pytest.mark.parametrize("metric", list(dict.fromkeys(ALL)), ids=lambda metric: metric.name)


def test_every_metric_of_the_module_is_in_a_list_and_only_shared_ones_in_two() -> None:
    of_module = {value for value in vars(metrics).values() if isinstance(value, Metric)}
    assert of_module == set(ALL)
    assert {metric for metric, times in Counter(ALL).items() if times > 1} == set(SHARED)
    assert len({metric.name for metric in ALL}) == len(of_module)


@listed
def test_a_name_says_what_kind_of_figure_it_is_and_whose(metric: Metric) -> None:
    assert re.fullmatch(r"(engagement|kafka_consumergroup)(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert (metric in metrics.WORKER and metric not in SHARED) == metric.name.startswith("engagement_worker_")
    assert (metric in metrics.JOB and metric not in SHARED) == metric.name.startswith("engagement_job_")
    assert (metric in metrics.CANARY and metric not in SHARED) == metric.name.startswith("engagement_canary_")


@listed
def test_labels_are_few_and_the_help_is_one_sentence_for_a_table(metric: Metric) -> None:
    assert set(metric.labels) <= LABELS
    assert metric.help.endswith(".")
    assert "|" not in metric.help
    assert "\n" not in metric.help


@listed
def test_only_a_histogram_has_buckets_and_they_rise(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_the_document_shows_the_list() -> None:
    text = DOCUMENT.read_text()
    assert written(text) == text, "run `python docs/metrics.py`"
    for heading, of_section in SECTIONS.items():
        section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [metric.name for metric in of_section]


def test_a_table_that_is_not_the_list_is_noticed() -> None:
    text = DOCUMENT.read_text()
    assert written(text.replace("| gauge |", "| counter |")) == text


def test_the_document_names_no_metric_that_does_not_exist() -> None:
    names = {metric.name for metric in ALL}
    for name in re.findall(r"`((?:engagement|kafka_consumergroup)_[a-z_]+)`", DOCUMENT.read_text()):
        assert name in names


def test_the_document_names_every_reason_of_a_blocked_partition() -> None:
    assert {f"`{one}`" for one in Obstacle} <= set(re.findall(r"`\w+`", DOCUMENT.read_text()))
