"""A worker as `run --metrics-address` has it, in a thread of the test, and what its address tells."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from schemas.exits import EngagementError
from stream.run import run_one
from stream.serving import Address
from tests.integration.live import Live
from tests.support import wait_until

Samples = dict[str, float]
"""By name and labels as they are written, the topics' prefix left out: `name{partition="0",topic="actions"}`."""


class Told:
    """What one address tells."""

    def __init__(self, address: str, prefix: str) -> None:
        self._address = address
        self._prefix = prefix

    def text(self, path: str) -> tuple[int, str]:
        """Status and body."""
        try:
            with urllib.request.urlopen(f"http://{self._address}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def samples(self) -> Samples:
        found: Samples = {}
        for family in text_string_to_metric_families(self.text("/metrics")[1]):
            for sample in family.samples:
                labels = ",".join(
                    f'{key}="{value.removeprefix(self._prefix)}"' for key, value in sorted(sample.labels.items())
                )
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found

    def value(self, name: str, topic: str = "actions", partition: int = 0, **labels: str) -> float | None:
        """The sample of a partition, None where there is none."""
        wanted = {"partition": str(partition), "topic": topic, **labels}
        texts = ",".join(f'{key}="{value}"' for key, value in sorted(wanted.items()))
        return self.samples().get(f"engagement_worker_{name}{{{texts}}}")

    def wait_value(self, name: str, expected: float, partition: int = 0) -> None:
        wait_until(lambda: self.value(name, partition=partition) == expected, what=f"{name} of {expected}")

    def alive(self) -> bool:
        return self.text("/livez")[0] == 200

    def hindrances(self) -> list[str]:
        """Why it is not ready, nothing where it is."""
        status, body = self.text("/readyz")
        answer = json.loads(body)
        assert (status == 200) == answer["ok"] == (not answer["reasons"])
        reasons: list[str] = answer["reasons"]
        return reasons

    def wait_ready(self) -> None:
        wait_until(lambda: not self.hindrances(), what="readiness")


@contextmanager
def telling_worker(live: Live) -> Iterator[Told]:
    """A worker on a free port, stopped at the end of the block if it still runs."""
    stop, errors = threading.Event(), list[BaseException]()
    before = len(live.said("serving"))

    def work() -> None:
        try:
            run_one(live.settings, stop, Address("127.0.0.1", 0))
        except EngagementError as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="telling worker", daemon=True)
    thread.start()
    try:
        live.wait_said("serving", times=before + 1)
        yield Told(live.said("serving")[-1]["address"], live.settings.topic_prefix)
    finally:
        stop.set()
        thread.join(90)
    assert not thread.is_alive(), "the worker does not end"
    assert not errors, errors
