"""What the files under `deploy/` and `docker-compose.yml` say, for the tests that hold them to the truth."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
BASE, KEDA = KUBERNETES / "base", KUBERNETES / "keda"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "engagement.json"

Document = dict[str, Any]
_CONTROLLERS = ("Deployment", "Job", "CronJob")
_METRIC = re.compile(r"\b((?:engagement|kafka)_[a-z_]+)(?:\{([^}]*)\})?")


class Workload(msgspec.Struct, frozen=True):
    """One program that Kubernetes runs: the template of its pods and the one container in them."""

    name: str
    template: Document

    @property
    def pod(self) -> Document:
        spec: Document = self.template["spec"]
        return spec

    @property
    def container(self) -> Document:
        (only,) = self.pod["containers"]
        container: Document = only
        return container

    @property
    def listens_at(self) -> str:
        """The port in its arguments, empty where it opens none."""
        return next((text.rpartition(":")[2] for text in self.container["args"] if text.startswith("0.0.0.0:")), "")


def documents(*files: Path) -> list[Document]:
    return [one for file in files for one in YAML(typ="safe").load_all(file.read_text()) if one is not None]


def manifests() -> list[Document]:
    """Of the base, and the example of the secrets."""
    base = documents(BASE / "kustomization.yaml")[0]["resources"]
    return documents(*(BASE / name for name in base), KUBERNETES / "secrets.example.yaml")


def workloads() -> list[Workload]:
    found = [one for one in manifests() if one["kind"] in _CONTROLLERS]
    return [Workload(one["metadata"]["name"], _job_spec(one)["template"]) for one in found]


def secret(name: str) -> dict[str, str]:
    """The variables that the example of this secret gives."""
    (found,) = [one for one in manifests() if one["kind"] == "Secret" and one["metadata"]["name"] == name]
    variables: dict[str, str] = found["stringData"]
    return variables


def compose() -> Document:
    return documents(ROOT / "docker-compose.yml")[0]


def panels() -> list[Document]:
    found: list[Document] = json.loads(DASHBOARD.read_bytes())["panels"]
    return found


def panel_queries() -> list[tuple[str, str]]:
    """Title and PromQL of every query of the dashboard, with Grafana's variables as they stand."""
    return [(one["title"], target["expr"]) for one in panels() for target in one.get("targets", ())]


def scaling_query() -> str:
    (trigger,) = documents(KEDA / "scaledobject.yaml")[0]["spec"]["triggers"]
    query: str = trigger["metadata"]["query"]
    return query


def metrics_in(query: str) -> Iterator[tuple[str, set[str]]]:
    """Every metric that a query names, with the labels that it selects by."""
    for name, selector in _METRIC.findall(query):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))


def _job_spec(controller: Document) -> Document:
    spec: Document = controller["spec"]
    return spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
