"""The next day the canary compares what a run publishes of its account with what it sent."""

import datetime as dt
import time

import msgspec
import pytest
from confluent_kafka import Producer

from schemas import manifest as manifests_schema
from schemas.exits import Unavailable
from schemas.scores import ScoreRecord, encode
from schemas.settings import Settings
from store.connect import kafka_admin
from store.runs import published_runs
from stream.canary import run_watch
from stream.canary.picture import figures_of, readiness
from stream.canary.scores import published_record
from tests import support
from tests.integration.counted import published as published_run
from tests.integration.flown import ACCOUNT, Flown, command, far_from_midnight, flying, tampered
from tests.integration.live import Live, action
from tests.support import await_markers

YESTERDAY = -1


@pytest.fixture
def system(live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """With topics for scores, and a canary that asks for runs all the time."""
    monkeypatch.setattr(run_watch, "LOOK_SECONDS", 0.1)
    live.topics(actions=2)
    far_from_midnight()
    names = live.settings.topics
    support.create_topics(live.settings.kafka_bootstrap_servers, {names.runs: 1, names.scores: 3})
    return live


def yesterday() -> int:
    return dt.datetime.now(dt.UTC).date().toordinal() + YESTERDAY


def day_text(day: int) -> str:
    return dt.date.fromordinal(day).isoformat()


def published(settings: Settings) -> ScoreRecord:
    """What the newest run says of the canary's account."""
    found = published_record(settings, kafka_admin(settings), ACCOUNT, published_runs(settings)[-1])
    assert found is not None
    return found


def a_day_passes(flown: Flown) -> int:
    """At its end all that was sent is counted; then the first events of the next day are. Returns what was sent."""
    flown.counts(4)
    flown.settles()
    sent = sum(flown.path(partition).sent for partition in range(2))
    flown.days = 0
    flown.counts(1)
    flown.settles()
    return sent


def compared(flown: Flown, run_id: str) -> int | None:
    """The difference that the canary finds in a run."""

    def found() -> bool:
        score = flown.canary.seen.score
        return score is not None and score.run_id == run_id

    flown.until(found, "the run")
    assert flown.canary.seen.score is not None
    return flown.canary.seen.score.difference


def test_what_was_sent_on_a_day_is_in_its_scores(system: Live) -> None:
    day = yesterday()
    with flying(system, YESTERDAY) as flown:
        sent = a_day_passes(flown)
        run = published_run(system.settings, day)
        assert compared(flown, run.manifest.run_id) == 0
        record = published(system.settings)
        assert (record.actions, record.status, record.as_of) == (sent, "Canary", day_text(day))
        shown = {family.name: family.samples for family in figures_of(flown.canary.seen, time.monotonic())}
        assert shown["engagement_canary_score_difference"][0].value == 0
        midnight = dt.datetime.combine(dt.date.fromordinal(day), dt.time(), dt.UTC).timestamp()
        assert shown["engagement_canary_score_as_of_timestamp_seconds"][0].value == midnight


def test_customers_are_ranked_as_if_there_were_no_canary(system: Live) -> None:
    day = yesterday()
    system.produce([action("acme", day=day_text(day))] * 3)
    with flying(system, YESTERDAY) as flown:
        a_day_passes(flown)
        run = published_run(system.settings, day)
    assert {status: cohort.accounts for status, cohort in run.manifest.cohorts.items()} == {"": 1, "Canary": 1}


def test_a_counter_that_was_changed_before_the_run_is_noticed_in_its_scores(system: Live) -> None:
    day = yesterday()
    with flying(system, YESTERDAY) as flown:
        a_day_passes(flown)
    tampered(system, day, -1)
    with system.worker():
        run = published_run(system.settings, day)
        assert compared(flown, run.manifest.run_id) == -1
        assert system.said("wrong score", found="1 fewer than the canary sent")
        reasons = readiness(flown.canary.seen, time.monotonic()).reasons
        assert f"scores of {day_text(day)}: 1 fewer than the canary sent" in reasons


@pytest.mark.parametrize("change", [2, None])
def test_a_run_that_says_something_else_or_nothing_is_noticed(system: Live, change: int | None) -> None:
    day = yesterday()
    with flying(system, YESTERDAY) as flown:
        a_day_passes(flown)
        run = published_run(system.settings, day)
        record = published(system.settings)
        publish_doctored(system.settings, record, change)
        assert compared(flown, "doctored") == (2 if change else -record.actions)
        run = published_run(system.settings, day)
        assert run.manifest.run_id != "doctored"


def test_a_run_is_not_judged_before_all_of_it_is_visible(system: Live) -> None:
    """As where the marker that commits a run comes to the partition of its manifest first."""
    day, settings = yesterday(), system.settings
    with flying(system, YESTERDAY) as flown:
        a_day_passes(flown)
        published_run(settings, day)
    late = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": "late"})
    late.init_transactions(30)
    late.begin_transaction()
    record = msgspec.structs.replace(published(settings), run_id="doctored")
    late.produce(settings.topics.scores, encode(record), ACCOUNT.encode())
    assert late.flush(30) == 0
    publish_manifest(settings, "doctored")
    with pytest.raises(Unavailable, match="a transaction is open"):
        published(settings)
    with system.worker():
        once = command(system, "canary", "--once")
    assert (once.returncode, "scores: not compared (a transaction is open" in once.stdout) == (0, True), once
    late.commit_transaction(30)
    await_markers(settings.kafka_bootstrap_servers, settings.topics.scores)
    assert published(settings) == record


def publish_manifest(settings: Settings, run_id: str) -> None:
    """That of the newest run under another name."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    run = msgspec.structs.replace(published_runs(settings)[-1].manifest, run_id=run_id)
    producer.produce(settings.topics.runs, manifests_schema.encode(run), run.as_of.encode(), partition=0)
    assert producer.flush(30) == 0


def publish_doctored(settings: Settings, record: ScoreRecord, change: int | None) -> None:
    """A transaction as the daily job's, with another figure of the account, or none at all."""
    before = published_runs(settings)[-1].manifest
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": "doctor"})
    producer.init_transactions(30)
    producer.begin_transaction()
    if change is not None:
        other = msgspec.structs.replace(record, run_id="doctored", actions=record.actions + change)
        producer.produce(settings.topics.scores, encode(other), ACCOUNT.encode())
    run = msgspec.structs.replace(before, run_id="doctored", digest="other")
    producer.produce(settings.topics.runs, manifests_schema.encode(run), run.as_of.encode(), partition=0)
    producer.commit_transaction(30)
    await_markers(settings.kafka_bootstrap_servers, settings.topics.scores, settings.topics.runs)


def test_a_canary_that_starts_again_compares_a_run_with_what_the_counters_hold(system: Live) -> None:
    day = yesterday()
    with flying(system, YESTERDAY) as first:
        a_day_passes(first)
        run = published_run(system.settings, day)
    second = Flown(system)
    second.canary.start()
    assert second.canary.seen.score is not None
    assert (second.canary.seen.score.run_id, second.canary.seen.score.difference) == (run.manifest.run_id, 0)


def test_a_run_from_before_the_canary_has_nothing_to_compare(system: Live) -> None:
    day = yesterday()
    system.produce([action("acme", day=day_text(day))])
    with system.worker():
        system.wait_stored(1)
        run = published_run(system.settings, day)
        flown = Flown(system)
        flown.canary.start()
        assert compared(flown, run.manifest.run_id) is None


def test_a_run_is_not_compared_with_slots_that_are_counted_again(system: Live) -> None:
    day = yesterday()
    with flying(system, YESTERDAY) as flown:
        a_day_passes(flown)
        published_run(system.settings, day)
    for partition in range(2):
        header = system.header(partition)
        assert header is not None
        system.write(msgspec.structs.replace(header, next_offset=0), partition)
    second = Flown(system)
    second.canary.start()
    assert second.canary.seen.score is None
