"""Every query of the dashboard and of the scaling, asked of a real Prometheus that scraped real programs."""

import json
import shutil
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from services.server import free_port
from tests import deployed, support
from tests.integration.live import Live, action
from tests.support import wait_until

PROMETHEUS = shutil.which("prometheus")
EMPTY_IF_ALL_IS_WELL = {
    "engagement_canary_score_difference",
    "engagement_partition_blocked",
    "engagement_redis_memory_limit_bytes",
    "engagement_worker_kafka_errors_total",
}
"""A query that begins with one of these may find nothing: no slot is blocked, no limit set, no error seen,
and the canary was in no run yet."""
VARIABLES = {"$topic": ".*", "$__rate_interval": "30s"}

Ask = Callable[[str], int]


@contextmanager
def process(line: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    with log.open("wb") as file:
        started = subprocess.Popen(line, cwd=deployed.ROOT, env=environment, stdout=file, stderr=file)
    try:
        yield
    finally:
        started.kill()
        started.wait()
        print(log.name, log.read_text()[-2000:])


class TextFile(SimpleHTTPRequestHandler):
    """Gives the job's file to Prometheus, as a collector of text files would."""

    extensions_map = {".prom": "text/plain"}  # noqa: RUF012  the name and form that the base class reads

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(TextFile, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def answers(port: int, path: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def asking(port: int) -> Ask:
    """How many series a query finds; fails the test where Prometheus refuses it."""

    def ask(query: str) -> int:
        body = urllib.parse.urlencode({"query": query}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query", body, timeout=60) as answer:
            said = json.load(answer)
        assert said["status"] == "success"
        return len(said["data"]["result"])

    return ask


@contextmanager
def prometheus(folder: Path, targets: dict[str, tuple[int, str]]) -> Iterator[Ask]:
    """One that scrapes these ports and paths, under the names of the jobs that the compose file's Prometheus has."""
    assert PROMETHEUS is not None
    given = deployed.documents(deployed.DEPLOY / "prometheus" / "prometheus.yml")[0]["scrape_configs"]
    assert {one["job_name"] for one in given} == targets.keys()
    jobs = [
        {"job_name": name, "metrics_path": path, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for name, (port, path) in targets.items()
    ]
    config, port = folder / "prometheus.yml", free_port()
    YAML().dump({"global": {"scrape_interval": "2s", "scrape_timeout": "2s"}, "scrape_configs": jobs}, config)
    line = [PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with process([*line, f"--web.listen-address=127.0.0.1:{port}"], folder / "prometheus.log"):
        wait_until(lambda: answers(port, "/-/ready"), what="Prometheus")
        yield asking(port)


@pytest.fixture
def scraped(live: Live, tmp_path: Path) -> Iterator[Ask]:
    """A Prometheus that scrapes a worker with events, an exporter, the file of a run, and a canary."""
    live.topics()
    names = live.settings.topics
    support.create_topics(live.settings.kafka_bootstrap_servers, {names.runs: 1, names.scores: 1})
    worker, exporter, canary = free_port(), free_port(), free_port()
    stream = [sys.executable, "-m", "stream.cli"]
    with ExitStack() as running:
        start = running.enter_context
        run, export = ["run", "--metrics-address", str(worker)], ["exporter", "--address", f"127.0.0.1:{exporter}"]
        start(process([*stream, *run], tmp_path / "worker.log", live.environment))
        start(process([*stream, *export], tmp_path / "exporter.log", live.environment))
        wait_until(lambda: answers(worker, "/readyz"), what="the worker")
        live.produce([action(), b"poison"])
        live.wait_stored(2)
        daily = [sys.executable, "-m", "jobs.cli", "daily", "--metrics-file", str(tmp_path / "daily.prom")]
        subprocess.run(daily, cwd=deployed.ROOT, env=live.environment, check=True, timeout=150, capture_output=True)
        fly = ["canary", "--metrics-address", str(canary), "--interval", "1"]
        start(process([*stream, *fly], tmp_path / "canary.log", live.environment))
        targets = {
            "engagement-canary": (canary, "/metrics"),
            "engagement-exporter": (exporter, "/metrics"),
            "engagement-stream": (worker, "/metrics"),
            "engagement-daily": (start(served(tmp_path)), "/daily.prom"),
        }
        yield start(prometheus(tmp_path, targets))


@pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus on the PATH")
def test_every_query_finds_something(scraped: Ask) -> None:
    # The group's name has the test's prefix.
    scaling = deployed.scaling_query().replace('="engagement.stream"', '=~".*"')
    unanswered = dict.fromkeys([*deployed.panel_queries(), ("number of workers", scaling)])

    def all_found() -> bool:
        for title, query in list(unanswered):
            asked = query
            for name, value in VARIABLES.items():
                asked = asked.replace(name, value)
            first, _ = next(deployed.metrics_in(query))
            if scraped(asked) or first in EMPTY_IF_ALL_IS_WELL:
                del unanswered[title, query]
        return not unanswered

    with suppress(AssertionError):
        wait_until(all_found, 120, "an answer to every query")
    assert not unanswered
