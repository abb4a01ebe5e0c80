"""What a subscriber finds on the output topics, and what every complete run must be, whatever is in it."""

import hashlib
import json
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, TopicPartition

from tests.acceptance.engine import Engine, compact, read_topic
from tests.acceptance.oracle import Figures
from tests.support import await_markers

CONFIG_NAMES = {
    "timezone",
    "score_basis",
    "lateness_days",
    "retention_days",
    "unscored_statuses",
    "weights",
    "login_actions",
    "feature_actions",
}


@dataclass(frozen=True)
class Run:
    """A manifest and the score records that carry its run_id, in order of account_id."""

    manifest: Figures
    scores: list[Figures]

    @property
    def revision(self) -> object:
        return self.manifest["revision"]


def text(part: bytes | str | None) -> str:
    assert part is not None
    return part if isinstance(part, str) else part.decode()


def headers(message: Message) -> dict[str, str]:
    """The headers of a record; no name of ours stands twice."""
    pairs = list(message.headers() or [])
    found = {str(name): text(content) for name, content in pairs}
    assert len(found) == len(pairs)
    return found


def value(message: Message) -> Figures:
    parsed: Figures = json.loads(text(message.value()))
    return parsed


def manifests(engine: Engine) -> list[Figures]:
    """All manifests, oldest first, those of runs that were just committed among them."""
    await_markers(engine.kafka, engine.prefix + "runs")
    messages = read_topic(engine.kafka, engine.prefix + "runs")
    found = [value(message) for message in messages]
    assert [text(message.key()) for message in messages] == [one["as_of"] for one in found]
    return found


def newest_run(engine: Engine) -> Run:
    """The newest run as a reader of committed records finds it, checked for all that holds of any run."""
    manifest = manifests(engine)[-1]
    await_markers(engine.kafka, engine.prefix + "scores")
    messages = [m for m in read_topic(engine.kafka, engine.prefix + "scores") if m.value() is not None]
    messages = [m for m in messages if value(m)["run_id"] == manifest["run_id"]]
    for message in messages:
        assert text(message.key()) == value(message)["account_id"]
        assert headers(message)["schema"] == "account-score/1"
    run = Run(manifest, sorted(map(value, messages), key=lambda score: str(score["account_id"]).encode()))
    check(engine, run)
    return run


def check(engine: Engine, run: Run) -> None:
    """What a subscriber may rely on: the run is whole, its digest and versions can be recomputed."""
    manifest, scores = run.manifest, run.scores
    assert manifest["accounts"] == len(scores) == len({score["account_id"] for score in scores})
    assert {(score["as_of"], score["revision"]) for score in scores} <= {(manifest["as_of"], manifest["revision"])}
    assert manifest["digest"] == digest(scores)
    config = manifest["config"]
    assert isinstance(config, dict)
    assert set(config) == CONFIG_NAMES
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert manifest["config_version"] == hashlib.sha256(canonical).hexdigest()[:16]
    assert manifest["inputs"] == log_ends(engine)


def digest(scores: list[Figures]) -> str:
    """SHA-256 over the records without run_id and revision, a line each."""
    lines = (
        compact({name: part for name, part in score.items() if name not in {"run_id", "revision"}}) + b"\n"
        for score in scores
    )
    return hashlib.sha256(b"".join(lines)).hexdigest()


def log_ends(engine: Engine) -> dict[str, int]:
    """The next offset of every partition of both input topics."""
    consumer = Consumer({"bootstrap.servers": engine.kafka, "group.id": "reader-of-tests"})
    try:
        ends = {}
        for topic in (engine.prefix + "actions", engine.prefix + "accounts"):
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
                watermarks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
                assert watermarks is not None
                ends[f"{topic}/{partition}"] = watermarks[1]
        return ends
    finally:
        consumer.close()
