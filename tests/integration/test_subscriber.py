import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions
from jsonschema import Draft202012Validator

from examples.subscriber import Run, Subscriber
from jobs.days import iso
from schemas import manifest as manifest_schema
from schemas.accounts import AccountEntry
from schemas.manifest import Cohort
from schemas.scores import SCHEMA_HEADER, ScoreRecord, encode
from schemas.settings import Settings, load_settings
from tests.acceptance.engine import read_topic
from tests.integration.counted import DAY, Counted, published
from tests.support import await_markers, wait_until
from tests.support import create_topics as create

ROOT = Path(__file__).parents[2]
PARTITIONS = 2
EXAMPLES = ROOT / "schemas/examples"
MANIFEST = manifest_schema.decode((EXAMPLES / "runs/valid/manifest.json").read_bytes())
SCORE = msgspec.json.decode((EXAMPLES / "scores/valid/all_fields.json").read_bytes(), type=ScoreRecord)
MANY = tuple(f"account-{n}" for n in range(50))


@pytest.fixture
def settings(settings_env: dict[str, str], create_topics: Callable[..., None]) -> Settings:
    create_topics(scores=PARTITIONS, runs=1)
    return load_settings(settings_env)


class Publisher:
    """Writes parts of runs as the daily job does, in transactions that a test begins and ends."""

    def __init__(self, settings: Settings) -> None:
        self.kafka, self.topics = settings.kafka_bootstrap_servers, settings.topics
        name = settings.topic_prefix + "test"
        self.producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": name})
        self.producer.init_transactions(30)

    def begin(self) -> "Publisher":
        self.producer.begin_transaction()
        return self

    def scores(self, run: str, *accounts: str, partition: int | None = None) -> "Publisher":
        for account in accounts:
            score = msgspec.structs.replace(SCORE, run_id=run, account_id=account)
            self._score(account, encode(score), partition)
        return self

    def forget(self, account: str) -> "Publisher":
        self._score(account, None, None)
        return self

    def manifest(self, run: str, accounts: int) -> "Publisher":
        value = manifest_schema.encode(msgspec.structs.replace(MANIFEST, run_id=run, accounts=accounts))
        self.producer.produce(self.topics.runs, value, MANIFEST.as_of.encode(), partition=0)
        return self

    def flush(self) -> "Publisher":
        assert self.producer.flush(30) == 0
        return self

    def commit(self) -> None:
        self.producer.commit_transaction(30)
        await_markers(self.kafka, self.topics.scores, self.topics.runs)

    def abort(self) -> None:
        self.producer.abort_transaction(30)

    def _score(self, account: str, value: bytes | None, partition: int | None) -> None:
        where = -1 if partition is None else partition  # -1: by the key
        self.producer.produce(self.topics.scores, value, account.encode(), where, headers=[SCHEMA_HEADER])


@pytest.fixture
def publisher(settings: Settings) -> Publisher:
    return Publisher(settings)


@pytest.fixture
def subscribe(kafka: str, prefix: str) -> Iterator[Callable[[], Subscriber]]:
    """Start subscribers, as a test asks for them."""
    opened: list[Subscriber] = []

    def start() -> Subscriber:
        opened.append(Subscriber({"bootstrap.servers": kafka}, prefix))
        opened[-1].start()
        return opened[-1]

    yield start
    for subscriber in opened:
        subscriber.close()


def next_run(subscriber: Subscriber) -> Run:
    return wait_until(lambda: subscriber.step(0.1), what="a whole run")


def held(run: Run) -> tuple[str, set[str]]:
    assert {score.run_id for score in run.scores.values()} <= {run.manifest.run_id}
    return run.manifest.run_id, set(run.scores)


def nothing_comes(subscriber: Subscriber) -> bool:
    """Read on for a while after all that is visible must have been read."""
    return all(subscriber.step(0.1) is None for _ in range(15))


def test_a_run_is_held_whole_with_every_field_of_its_records(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().scores("r1", *MANY).manifest("r1", len(MANY)).commit()
    run = next_run(subscriber)
    assert held(run) == ("r1", set(MANY))
    assert run.scores["account-7"] == msgspec.structs.replace(SCORE, run_id="r1", account_id="account-7")
    assert nothing_comes(subscriber), "a run is handed over once"


def test_a_run_is_invisible_while_its_transaction_is_open(
    settings: Settings, publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().scores("r1", *MANY).manifest("r1", len(MANY)).flush()
    for topic, records in ((settings.topics.scores, len(MANY)), (settings.topics.runs, 1)):
        written = read_topic(settings.kafka_bootstrap_servers, topic, isolation="read_uncommitted")
        assert len(written) == records
    assert nothing_comes(subscriber)
    assert nothing_comes(subscribe()), "nor to one that starts now"
    publisher.commit()
    assert held(next_run(subscriber)) == ("r1", set(MANY))


def test_an_aborted_run_is_never_seen_and_the_next_one_is(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().scores("gone", *MANY).manifest("gone", len(MANY)).flush().abort()
    publisher.begin().scores("r1", "intel.com").manifest("r1", 1).commit()
    for reader in (subscriber, subscribe()):
        assert held(next_run(reader)) == ("r1", {"intel.com"})
        assert nothing_comes(reader)


def test_a_manifest_that_is_seen_before_the_scores_waits_for_the_last_of_them(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().manifest("r1", 3).commit()
    publisher.begin().scores("r1", "amd.com", "arm.com").commit()
    assert nothing_comes(subscriber)
    publisher.begin().scores("r1", "intel.com").commit()
    assert held(next_run(subscriber)) == ("r1", {"amd.com", "arm.com", "intel.com"})


def test_scores_that_are_seen_before_the_manifest_wait_for_it(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().scores("r1", "amd.com", "arm.com").commit()
    assert nothing_comes(subscriber)
    publisher.begin().manifest("r1", 2).commit()
    assert held(next_run(subscriber)) == ("r1", {"amd.com", "arm.com"})


def test_a_newer_run_replaces_one_that_is_not_whole_yet(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().scores("r1", "amd.com", "arm.com").manifest("r1", 3).commit()
    assert nothing_comes(subscriber)
    publisher.begin().scores("r2", "amd.com", "intel.com").manifest("r2", 2).commit()
    assert held(next_run(subscriber)) == ("r2", {"amd.com", "intel.com"})
    publisher.begin().scores("r1", "intel.com").commit()
    assert nothing_comes(subscriber), "the older one is of no use any more"


def test_every_run_is_handed_over_to_a_reader_that_keeps_up(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    for run in ("r1", "r2", "r3"):
        publisher.begin().scores(run, "amd.com", "arm.com").manifest(run, 2).commit()
        assert held(next_run(subscriber)) == (run, {"amd.com", "arm.com"})


def test_an_empty_run_is_whole_at_once(publisher: Publisher, subscribe: Callable[[], Subscriber]) -> None:
    subscriber = subscribe()
    publisher.begin().manifest("r1", 0).commit()
    assert held(next_run(subscriber)) == ("r1", set())


def test_a_new_subscriber_gets_the_newest_run_alone_though_compaction_left_only_parts_of_older_ones(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    publisher.begin().scores("r1", "left.com").manifest("r1", 40).commit()
    publisher.begin().scores("r2", *MANY[:3]).manifest("r2", 50).commit()
    publisher.begin().scores("r3", *MANY).manifest("r3", len(MANY)).commit()
    subscriber = subscribe()
    assert held(next_run(subscriber)) == ("r3", set(MANY))
    assert nothing_comes(subscriber)


def test_a_new_subscriber_waits_for_the_run_that_comes_next_where_the_newest_is_not_there_whole(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    publisher.begin().scores("r1", "amd.com").manifest("r1", 2).commit()
    subscriber = subscribe()
    assert nothing_comes(subscriber)
    publisher.begin().scores("r2", "amd.com", "arm.com").manifest("r2", 2).commit()
    assert held(next_run(subscriber)) == ("r2", {"amd.com", "arm.com"})


def test_after_a_restart_the_newest_run_comes_again(publisher: Publisher, subscribe: Callable[[], Subscriber]) -> None:
    publisher.begin().scores("r1", "amd.com").manifest("r1", 1).commit()
    publisher.begin().scores("r2", "amd.com", "arm.com").manifest("r2", 2).commit()
    first = next_run(subscribe())
    assert next_run(subscribe()) == first
    assert held(first) == ("r2", {"amd.com", "arm.com"})


def test_a_null_record_is_not_counted_and_its_account_is_not_in_the_run(
    publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().scores("r1", "amd.com", "arm.com").manifest("r1", 2).commit()
    assert held(next_run(subscriber)) == ("r1", {"amd.com", "arm.com"})
    publisher.begin().scores("r2", "amd.com").forget("arm.com").manifest("r2", 1).commit()
    for reader in (subscriber, subscribe()):
        assert held(next_run(reader)) == ("r2", {"amd.com"})


def test_scores_in_partitions_that_were_added_meanwhile_are_read(
    kafka: str, settings: Settings, publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin().scores("r1", "amd.com").manifest("r1", 1).commit()
    assert held(next_run(subscriber)) == ("r1", {"amd.com"})
    topic = settings.topics.scores
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_partitions([NewPartitions(topic, PARTITIONS + 2)])[topic].result()
    wait_until(lambda: len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == PARTITIONS + 2)
    later = Publisher(settings)
    later.begin().scores("r2", "amd.com", partition=0).scores("r2", "arm.com", partition=PARTITIONS + 1)
    later.manifest("r2", 2).commit()
    assert held(next_run(subscriber)) == ("r2", {"amd.com", "arm.com"})


def test_a_record_of_another_schema_is_refused(
    settings: Settings, publisher: Publisher, subscribe: Callable[[], Subscriber]
) -> None:
    subscriber = subscribe()
    publisher.begin()
    publisher.producer.produce(settings.topics.scores, b"{}", b"amd.com", headers={"schema": b"account-score/2"})
    publisher.commit()
    with pytest.raises(ValueError, match=r"scores/\d offset 0: unknown schema"):
        wait_until(lambda: subscriber.step(0.1))


def test_a_real_compaction_leaves_a_run_that_a_new_subscriber_holds(
    kafka: str, prefix: str, settings_env: Mapping[str, str], subscribe: Callable[[], Subscriber]
) -> None:
    eager = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.001", "segment.ms": "50"}
    create(kafka, {f"{prefix}scores": 1}, eager)
    create(kafka, {f"{prefix}runs": 1})
    publisher = Publisher(load_settings(settings_env))
    publisher.begin().scores("r1", *MANY, "left.com").manifest("r1", len(MANY) + 1).commit()
    publisher.begin().scores("r2", *MANY).forget("left.com").manifest("r2", len(MANY)).commit()

    def first_run_is_gone() -> bool:
        # Every new record may close the segment before it, which is what the cleaner takes.
        publisher.begin().scores("closer", "closer.com").commit()
        values = [message.value() or b"" for message in read_topic(kafka, f"{prefix}scores")]
        return not any(b'"run_id":"r1"' in value for value in values)

    wait_until(first_run_is_gone, seconds=150, what="the cleaner")
    assert held(next_run(subscribe())) == ("r2", set(MANY))


def test_the_runs_of_the_daily_job_are_printed_with_who_moved_most(
    settings_env: dict[str, str], create_topics: Callable[..., None]
) -> None:
    create_topics(actions=2, accounts=1, scores=PARTITIONS, runs=1)
    settings = load_settings({**settings_env, "ENGAGEMENT_WAIT_SECONDS": "0"})
    counted = Counted(settings)
    names = ("amd.com", "arm.com")
    entries = [AccountEntry(n, 0, name, status="Gold", created_day=DAY - 99) for n, name in enumerate(names)]
    counted.accounts(*entries, next_offset=2)
    counted.actions({"amd.com": {3: 30}, "arm.com": {1: 20, 0: 90}})
    run = published(settings)
    command = [sys.executable, "examples/subscriber.py", "--once", "--prefix", settings.topic_prefix]
    environ = {**settings_env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, *movers = done.stdout.splitlines()
    assert first == f"{iso(DAY)} revision 0: 2 accounts, 2 ranked"
    assert run.manifest.cohorts == {"Gold": Cohort(2, 2)}
    assert movers == [
        "   -99  amd.com: 100 to 1 (peers -99)",
        "   +99  arm.com: 1 to 100 (own +99)",
    ]


def test_all_that_the_daily_job_publishes_fits_the_json_schemas_and_the_typed_records(
    settings_env: dict[str, str], create_topics: Callable[..., None], subscribe: Callable[[], Subscriber]
) -> None:
    create_topics(actions=1, accounts=1, scores=PARTITIONS, runs=1)
    with_everything = {
        "ENGAGEMENT_WAIT_SECONDS": "0",
        "ENGAGEMENT_WEIGHTS": '{"export": 3}',
        "ENGAGEMENT_LOGIN_ACTIONS": '["login"]',
        "ENGAGEMENT_FEATURE_ACTIONS": '["export"]',
        "ENGAGEMENT_UNSCORED_STATUSES": '["Partner"]',
    }
    settings = load_settings({**settings_env, **with_everything})
    counted = Counted(settings)
    statuses = {"amd.com": "Gold", "arm.com": "Gold", "ibm.com": "Partner"}
    entries = [AccountEntry(n, 0, name, status=status, licenses=n) for n, (name, status) in enumerate(statuses.items())]
    counted.accounts(*entries, next_offset=3)
    counted.actions({"amd.com": {3: 30}, "ibm.com": {0: 90}, "unknown.com": {0: 1}})
    run = published(settings)
    for topic, schema, records in (("scores", "score", 4), ("runs", "manifest", 1)):
        validator = Draft202012Validator(json.loads((ROOT / f"schemas/json/{schema}.schema.json").read_bytes()))
        read = read_topic(settings.kafka_bootstrap_servers, settings.topic_prefix + topic)
        assert len(read) == records
        for message in read:
            validator.validate(json.loads(message.value() or b""))
    whole = next_run(subscribe())
    bodies = {body.account_id: body.record(run.manifest.run_id, 0) for body in run.bodies}
    assert (whole.manifest, whole.scores) == (run.manifest, bodies)
    assert msgspec.UNSET not in (whole.scores["amd.com"].weighted_score, whole.scores["amd.com"].adoption)


def test_missing_topics_end_in_one_line(settings_env: dict[str, str], prefix: str) -> None:
    command = [sys.executable, "examples/subscriber.py", "--prefix", prefix]
    environ = {**settings_env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("see KAFKA_BOOTSTRAP_SERVERS and --prefix\n")
