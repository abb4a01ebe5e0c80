"""What the manifests, the compose file and the dashboard name exists, and fits what the programs do."""

import functools
import itertools
import json
from collections.abc import Iterator

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import typer

from jobs.cli import app as jobs
from schemas.exits import Exit
from schemas.settings import Settings, load_settings
from store.metrics import CANARY, EXPORTER, JOB, WORKER, Kind
from stream.cli import app as stream
from stream.topic_plan import DEFAULT_PARTITIONS
from tests import deployed
from tests.deployed import Document, Workload

APPS = {"engagement-stream": stream, "engagement-jobs": jobs}
WORKLOADS = pytest.mark.parametrize("workload", deployed.workloads(), ids=lambda one: one.name)
LISTENING = [one for one in deployed.workloads() if one.listens_at]
SERVED = ("/livez", "/readyz", "/metrics")


def settings_of(workload: Workload) -> Settings:
    """As the container finds them: the file of the ConfigMap, and the variables of its Secret."""
    (given,) = workload.container["env"]
    folder = next(one["mountPath"] for one in workload.container["volumeMounts"] if one["name"] == "settings")
    file = given["value"].removeprefix(folder + "/")
    (source,) = workload.container["envFrom"]
    variables = deployed.secret(source["secretRef"]["name"])
    return load_settings({**variables, given["name"]: str(deployed.BASE / file)})


def understood(command: list[str]) -> bool:
    """Whether the program takes these arguments; raises its error where it does not."""
    program, name, *arguments = command
    with typer.main.get_group(APPS[program]).commands[name].make_context(name, arguments):
        return True


def manifest(kind: str, name: str) -> Document:
    (found,) = [one for one in deployed.manifests() if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


# The oldest version whose fields are used, and the newest that is known.
@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("document", deployed.manifests(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_every_manifest_fits_the_schemas_of_kubernetes(document: Document, version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_seen() -> None:
    wrong = manifest("CronJob", "engagement-daily")
    wrong["spec"]["timezone"] = "UTC"
    with pytest.raises(kubernetes_validate.ValidationError, match="timezone"):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_the_kustomization_takes_every_manifest_beside_it() -> None:
    listed = deployed.documents(deployed.BASE / "kustomization.yaml")[0]["resources"]
    there = {file.name for file in deployed.BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert sorted(listed) == sorted(there)


@WORKLOADS
def test_every_command_of_the_manifests_is_understood(workload: Workload) -> None:
    assert understood(workload.container["args"])


def test_every_command_of_the_compose_file_is_understood() -> None:
    services = deployed.compose()["services"]
    ours = [one["command"] for one in services.values() if one.get("image") == "engagement-scoring"]
    assert len(ours) == 5
    assert all(understood(command[2:] if command[0] == "daily-at" else command) for command in ours)


def test_an_option_that_does_not_exist_is_seen() -> None:
    with pytest.raises(Exception, match="No such option: --metric-address"):
        understood(["engagement-stream", "run", "--metric-address", "9309"])


@WORKLOADS
def test_the_settings_that_a_container_gets_are_accepted(workload: Workload) -> None:
    settings = settings_of(workload)
    assert settings.kafka["security.protocol"] == "SASL_SSL"


def test_the_example_of_the_secrets_holds_no_secret() -> None:
    for workload in deployed.workloads():
        settings = settings_of(workload)
        assert settings.kafka["sasl.password"] == "CHANGE-ME"
        assert ":CHANGE-ME@" in settings.redis_url or "@" not in settings.redis_url


@WORKLOADS
def test_every_pod_is_restricted_and_gets_no_variables_of_services(workload: Workload) -> None:
    pod, container = workload.pod, workload.container
    assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108  in the container
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_the_user_of_the_manifests_is_that_of_the_image() -> None:
    assert "--uid 10001" in (deployed.ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("workload", LISTENING, ids=lambda one: one.name)
def test_probes_and_scrapes_ask_where_the_program_listens(workload: Workload) -> None:
    (port,) = workload.container["ports"]
    notes = workload.template["metadata"]["annotations"]
    assert str(port["containerPort"]) == workload.listens_at == notes["prometheus.io/port"]
    assert (notes["prometheus.io/scrape"], notes["prometheus.io/path"]) == ("true", SERVED[2])
    wanted = {"startupProbe": SERVED[0], "livenessProbe": SERVED[0], "readinessProbe": SERVED[1]}
    for name, path in wanted.items():
        probe = workload.container[name]
        assert probe["httpGet"] == {"path": path, "port": port["name"]}
        assert probe["timeoutSeconds"] >= 5


def test_workers_exporter_and_canary_are_the_ones_that_listen() -> None:
    assert [one.name for one in LISTENING] == ["engagement-stream", "engagement-exporter", "engagement-canary"]


def test_a_worker_has_the_time_that_it_needs_to_stop() -> None:
    template = manifest("Deployment", "engagement-stream")["spec"]["template"]
    assert template["spec"]["terminationGracePeriodSeconds"] >= 20 + 5


def test_the_daily_job_starts_after_midnight_of_the_configured_day_and_never_twice() -> None:
    spec = manifest("CronJob", "engagement-daily")["spec"]
    (workload,) = [one for one in deployed.workloads() if one.name == "engagement-daily"]
    assert spec["timeZone"] == settings_of(workload).timezone
    assert spec["concurrencyPolicy"] == "Forbid"


def test_the_daily_job_is_tried_again_unless_its_configuration_is_wrong() -> None:
    job = manifest("CronJob", "engagement-daily")["spec"]["jobTemplate"]["spec"]
    rules = {rule["action"]: rule for rule in job["podFailurePolicy"]["rules"]}
    assert list(rules) == ["FailJob", "Ignore", "Count"]
    assert rules["FailJob"]["onExitCodes"]["values"] == [Exit.USAGE]
    assert rules["Count"]["onExitCodes"]["values"] == [Exit.FAILED, Exit.INCOMPLETE]
    assert job["backoffLimit"] > 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_the_number_of_workers_follows_the_lag_up_to_the_partitions() -> None:
    (scaled,) = deployed.documents(deployed.KEDA / "scaledobject.yaml")
    assert manifest("Deployment", scaled["spec"]["scaleTargetRef"]["name"])
    assert scaled["spec"]["maxReplicaCount"] == DEFAULT_PARTITIONS
    assert f'group="{settings_of(deployed.workloads()[0]).group_id}"' in deployed.scaling_query()


@functools.cache
def labels_by_name() -> dict[str, set[str]]:
    """Of every name that a query may use: those of the list, and what a histogram is made of."""
    found: dict[str, set[str]] = {}
    for one in (*WORKER, *EXPORTER, *JOB, *CANARY):
        endings = {"_bucket": {"le"}, "_sum": set(), "_count": set()} if one.kind is Kind.HISTOGRAM else {"": set()}
        for ending, more in endings.items():
            found[one.name + ending] = {*one.labels, *more}
    return found


@pytest.mark.parametrize(
    "query", [*dict.fromkeys(query for _, query in deployed.panel_queries()), deployed.scaling_query()]
)
def test_queries_name_only_metrics_and_labels_that_there_are(query: str) -> None:
    named = list(deployed.metrics_in(query))
    assert named
    for name, labels in named:
        assert name in labels_by_name()
        assert labels <= labels_by_name()[name], name


def squares(panel: Document) -> Iterator[tuple[int, int]]:
    at = panel["gridPos"]
    assert at["x"] + at["w"] <= 24
    yield from itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"]))


def test_panels_do_not_lie_over_each_other_and_say_what_they_show() -> None:
    panels = deployed.panels()
    taken = [square for one in panels for square in squares(one)]
    assert len(taken) == len(set(taken))
    assert len({one["id"] for one in panels}) == len(panels)
    assert all(one["description"] for one in panels if one["type"] != "row")


def test_what_compose_mounts_is_there() -> None:
    for name, service in deployed.compose()["services"].items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert not source.startswith(".") or (deployed.ROOT / source).is_dir(), (name, source)
            assert source.startswith(".") or source in deployed.compose()["volumes"]


def test_prometheus_and_grafana_ask_services_of_the_compose_file() -> None:
    services = deployed.compose()["services"]
    (config,) = deployed.documents(deployed.DEPLOY / "prometheus" / "prometheus.yml")
    asked: dict[str, str] = {}
    for job in config["scrape_configs"]:
        for fixed in job.get("static_configs", ()):
            asked.update(target.split(":") for target in fixed["targets"])
        for found in job.get("dns_sd_configs", ()):
            asked.update(dict.fromkeys(found["names"], str(found["port"])))
    assert asked.keys() == {"canary", "exporter", "stream", "node-exporter"}
    for name in ("canary", "exporter", "stream"):
        assert f"0.0.0.0:{asked[name]}" in services[name]["command"]
    (source,) = deployed.documents(deployed.DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    assert services["prometheus"]["profiles"] == services["grafana"]["profiles"] == ["observability"]


def test_grafana_finds_the_dashboard_where_it_is_mounted() -> None:
    (provider,) = deployed.documents(deployed.DEPLOY / "grafana/provisioning/dashboards/engagement.yaml")[0][
        "providers"
    ]
    mounts = dict(mount.split(":")[:2] for mount in deployed.compose()["services"]["grafana"]["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert json.loads(deployed.DASHBOARD.read_bytes())["title"]
