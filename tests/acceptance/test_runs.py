"""Runs are whole, published once, and follow what the inputs say, transactions and forgotten accounts included."""

from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Producer

from tests.acceptance.engine import Engine, Put, account_puts, action_puts, known, produce, read_topic
from tests.acceptance.oracle import AccountRecord, Json
from tests.acceptance.published import manifests, newest_run, text
from tests.support import await_markers

DAY = "2024-05-01"


def clicks(account: str, count: int) -> list[Json]:
    return [{"account_id": account, "action": "click", "timestamp": f"{DAY}T10:00:00Z"}] * count


def test_empty_topics_give_a_run_of_no_accounts(engine: Engine) -> None:
    engine.create_topics(2)
    assert engine.daily(DAY) == []
    assert newest_run(engine).scores == []


def test_two_jobs_at_once_publish_one_run(engine: Engine) -> None:
    engine.create_topics(2)
    with engine.workers(1):
        produce(engine.kafka, action_puts(engine.prefix, clicks("acme", 5)))
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(engine.jobs, "daily", "--as-of", DAY, "--output", "json") for _ in range(2)]
    codes = [job.result().code for job in jobs]
    assert 0 in codes, [job.result().err for job in jobs]
    assert len(manifests(engine)) == 1
    assert len(newest_run(engine).scores) == 1


def test_a_forgotten_account_leaves_with_a_null_and_returns_with_its_actions(engine: Engine) -> None:
    gone = account_puts(engine.prefix, [AccountRecord("gone", None)])
    back = account_puts(engine.prefix, [AccountRecord("gone", {"account_id": "gone", "status": "Gold"})])
    engine.create_topics(1)
    with engine.workers(1):
        produce(engine.kafka, action_puts(engine.prefix, clicks("gone", 3) + clicks("stays", 2)))
        engine.daily(DAY)
        produce(engine.kafka, gone)
        engine.daily(DAY)
        without = newest_run(engine)
        assert last_score(engine, "gone") is None
        produce(engine.kafka, back)
        engine.daily(DAY)
        again = newest_run(engine)
    assert list(known(without.scores)) == ["stays"]
    assert known(again.scores)["gone"]["actions"] == 3
    assert known(again.scores)["gone"]["status"] == "Gold"
    assert (without.revision, again.revision) == (1, 2)
    assert last_score(engine, "gone") is not None


def last_score(engine: Engine, account: str) -> bytes | str | None:
    """The newest value of the account's key, as compaction keeps it."""
    messages = read_topic(engine.kafka, engine.prefix + "scores")
    return [message.value() for message in messages if text(message.key()) == account][-1]


def test_another_configuration_is_another_revision(engine: Engine) -> None:
    engine.create_topics(1)
    gold = AccountRecord("acme", {"account_id": "acme", "status": "Gold"})
    with engine.workers(1):
        produce(engine.kafka, action_puts(engine.prefix, clicks("acme", 3)) + account_puts(engine.prefix, [gold]))
        engine.daily(DAY)
        before = newest_run(engine)
        engine.with_env(ENGAGEMENT_UNSCORED_STATUSES='["Gold"]').daily(DAY)
    after = newest_run(engine)
    assert after.manifest["config_version"] != before.manifest["config_version"]
    figures = [(run.scores[0]["score"], run.scores[0]["rank"], run.scores[0]["cohort_size"]) for run in (before, after)]
    assert figures == [(100, 1, 1), (None, None, 0)]


def test_actions_of_aborted_transactions_do_not_count_and_markers_do_not_hold_up_the_job(engine: Engine) -> None:
    engine.create_topics(2)
    producer = Producer({"bootstrap.servers": engine.kafka, "transactional.id": engine.prefix + "input"})
    producer.init_transactions(30)
    with engine.workers(1):
        for commit, count in ((True, 3), (False, 50), (True, 4), (False, 70)):
            producer.begin_transaction()
            for partition in range(2):
                put_all(producer, action_puts(engine.prefix, clicks("acme", count)), partition)
            if commit:
                producer.commit_transaction(30)
            else:
                producer.flush(30)  # they do reach the log
                producer.abort_transaction(30)
        await_markers(engine.kafka, engine.prefix + "actions")  # else the job may start before they are in the log
        assert engine.daily(DAY)[0]["actions"] == 2 * (3 + 4)
        newest_run(engine)
        producer.begin_transaction()
        put_all(producer, action_puts(engine.prefix, clicks("acme", 5)), 0)
        producer.flush(30)
        assert engine.daily(DAY, "--dry-run")[0]["actions"] == 2 * (3 + 4), "an open transaction was counted"
        producer.commit_transaction(30)
        await_markers(engine.kafka, engine.prefix + "actions")
        assert engine.daily(DAY)[0]["actions"] == 2 * (3 + 4) + 5
    assert newest_run(engine).revision == 1


def put_all(producer: Producer, puts: list[Put], partition: int) -> None:
    for put in puts:
        producer.produce(put.topic, value=put.value, key=put.key, partition=partition)
