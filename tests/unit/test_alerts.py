"""Alert rules name only what exists; each alert is in the runbook, with cases where it fires and where it must not."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from jobs.metrics_file import Outcome
from schemas.exits import Obstacle
from store import metrics
from stream.lag_status import Status

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus"
CASES = RULES / "tests"
RUNBOOK = ROOT / "docs/runbook.md"
METRICS = {one.name: one for one in (*metrics.WORKER, *metrics.EXPORTER, *metrics.JOB, *metrics.CANARY)}
FOREIGN = {
    "node_filesystem_avail_bytes": {"mountpoint"},
    "node_filesystem_size_bytes": {"mountpoint"},
    "kubelet_volume_stats_available_bytes": {"persistentvolumeclaim"},
    "kubelet_volume_stats_capacity_bytes": {"persistentvolumeclaim"},
}
"""Metrics of node_exporter and of the kubelet that are used, with the labels that are."""
NAME = re.compile(r"\b(?:engagement|kafka_consumergroup)_[a-z_]+")
RECORDED = re.compile(r"\bengagement:[a-z_0-9:]+")
VALUES = {
    "status": {status.value for status in Status},
    "outcome": {outcome.value for outcome in Outcome} | {"applied", "already", "other", "error"},
    "source": {"redis", "kafka", "runs", "topics"},
    "reason": {obstacle.value for obstacle in Obstacle},
}


def loaded(file: Path) -> Any:  # noqa: ANN401  whatever the file says
    return YAML(typ="safe").load(file.read_text())


def rules(file: str) -> list[dict[str, Any]]:
    return [rule for group in loaded(RULES / f"{file}.rules.yml")["groups"] for rule in group["rules"]]


RECORDS = {rule["record"]: rule["expr"] for rule in rules("recording")}
ALERTS = rules("alerts")
NAMES = sorted({rule["alert"] for rule in ALERTS})
TESTS = [case for file in sorted(CASES.glob("*.yml")) for case in loaded(file)["tests"]]
every_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda one: f"{one['alert']}-{one['labels']['severity']}")


def whole(expression: str) -> str:
    """The expression, with those of all recorded figures that it is made of."""
    text, seen = expression, set[str]()
    while new := set(RECORDED.findall(text)) - seen:
        seen |= new
        text += "".join(f"\n{RECORDS[name]}" for name in new)
    return text


def says(case: dict[str, Any]) -> set[tuple[str, str]]:
    """The alerts that fire at some time in this case, by its checks."""
    samples = [sample["labels"] for check in case["promql_expr_test"] for sample in check["exp_samples"]]
    return {(label(text, "alertname"), label(text, "severity")) for text in samples}


def label(text: str, name: str) -> str:
    found = re.search(rf'{name}="(\w+)"', text)
    assert found, text
    return found[1]


def sections() -> list[str]:
    return re.findall(r"^## (Engagement\w+)$", RUNBOOK.read_text(), re.MULTILINE)


def test_the_runbook_has_a_section_for_each_alert_and_for_nothing_else() -> None:
    assert sections() == list(dict.fromkeys(rule["alert"] for rule in ALERTS))


@pytest.mark.parametrize("name", NAMES)
def test_a_section_says_what_is_felt_how_to_confirm_and_what_to_do(name: str) -> None:
    section = RUNBOOK.read_text().split(f"\n## {name}\n")[1].split("\n## ")[0]
    for part in ("**Felt.**", "**Confirm.**", "**Do.**"):
        assert part in section


@every_alert
def test_an_alert_wakes_or_waits_and_leads_to_its_section(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    said = alert["annotations"]
    assert set(said) == {"summary", "description", "runbook_url"}
    assert said["runbook_url"].endswith(f"#{alert['alert'].lower()}")
    assert not said["summary"].endswith(".")
    assert "docs/runbook.md" in said["runbook_url"]


@every_alert
def test_the_words_of_an_alert_name_only_labels_that_it_has(alert: dict[str, Any]) -> None:
    kept = re.findall(r"\bby \(([^)]*)\)", whole(alert["expr"]))
    labels = {one.strip() for names in kept for one in names.split(",")}
    assert set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values()))) <= labels


@pytest.mark.parametrize("expression", [*RECORDS.values(), *(rule["expr"] for rule in ALERTS)])
def test_an_expression_names_only_metrics_labels_and_values_that_exist(expression: str) -> None:
    assert set(RECORDED.findall(expression)) <= set(RECORDS)
    for name in NAME.findall(expression):
        assert name in METRICS
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for key, values in re.findall(r'(\w+)(?:=|!=|=~|!~)"([^"]*)"', matchers):
            assert key in (FOREIGN[name] if name in FOREIGN else METRICS[name].labels)
            assert name in FOREIGN or set(values.split("|")) <= VALUES[key]


def test_the_cases_feed_only_metrics_that_exist() -> None:
    fed = {re.match(r"\w+", series["series"])[0] for case in TESTS for series in case["input_series"]}  # type: ignore[index]
    assert fed <= METRICS.keys() | FOREIGN.keys()


@every_alert
def test_an_alert_has_a_case_where_it_fires(alert: dict[str, Any]) -> None:
    assert any((alert["alert"], alert["labels"]["severity"]) in says(case) for case in TESTS)


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_case_with_its_metrics_where_nothing_fires(name: str) -> None:
    used = {metric for rule in ALERTS if rule["alert"] == name for metric in NAME.findall(whole(rule["expr"]))}
    assert any(
        not says(case) and used & {re.split(r"\{", series["series"])[0] for series in case["input_series"]}
        for case in TESTS
    )
