"""The checker catches what it must: each wrong state made by hand breaks its invariant, and right ones break none."""

from collections.abc import Callable, Iterator

import pytest
import redis
from confluent_kafka import Producer

from store.layout import Gap
from store.redo import Write
from tests.acceptance.poison import members
from tests.faults.checker import Checker
from tests.faults.checker.hand_made import BAD, HandMade, found
from tests.support import wait_until

PATIENTLY = 30.0
"""A sample that is counted on must be taken, however busy the broker is."""
GOOD = members(b'"acme"', b"2024-05-01T12:00:00Z", b'"user_id":"u"')


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def made(kafka: str, client: redis.Redis, prefix: str, create_topics: Callable[..., None]) -> HandMade:
    create_topics(actions=1, accounts=1, rejects=1)
    return HandMade(kafka, client, prefix)


@pytest.fixture
def checker(kafka: str, redis_url: str, prefix: str, made: HandMade) -> Iterator[Checker]:
    with Checker(kafka, redis_url, prefix) as checker:
        made.consume(3)
        made.consume(2)
        yield checker


def test_right_checkpoints_break_nothing_and_are_really_looked_at(checker: Checker, made: HandMade) -> None:
    checker.sample(PATIENTLY)
    made.consume(4)
    report = checker.verify()
    assert report.violations == ()
    assert report.events == 9
    assert report.checks["I1"] == report.checks["I6"] == 2
    assert report.checks["I2"] == 2
    assert report.checks["I3"] >= 2


def test_no_record_is_folded_twice(checker: Checker, made: HandMade) -> None:
    assert checker.verify().events == 5
    made.consume(1)
    assert checker.verify().events == 6


def test_a_record_that_follows_another_than_the_stored_one_breaks_i2(checker: Checker, made: HandMade) -> None:
    made.force(previous=b"x" * 16)
    assert found(checker.verify()) == {"I2"}


def test_a_record_that_leaves_one_out_breaks_i2(checker: Checker, made: HandMade) -> None:
    made.force(sequence=9)
    assert found(checker.verify()) == {"I2"}


def test_more_records_consumed_than_offsets_passed_break_i2_and_i6(checker: Checker, made: HandMade) -> None:
    made.store(rejected=6)
    assert found(checker.verify()) == {"I2", "I6"}


def test_an_offset_that_goes_back_breaks_i3(checker: Checker, made: HandMade) -> None:
    made.store(next_offset=3, rejected=3)
    assert "I3" in found(checker.verify())


def test_where_redis_was_rolled_back_an_offset_may_go_back(checker: Checker, made: HandMade) -> None:
    key, older = made.slot.redo_key, made.stored
    made.consume(3)
    assert older is not None
    with checker.rolled_back():
        made.client.delete(key)
        made.client.set(key, older.encoded)
        made.stored, made.header = older, older.header
        made.store(next_offset=8, rejected=8)
    assert checker.verify().violations == ()


def test_a_write_without_a_checkpoint_breaks_i4(checker: Checker, made: HandMade) -> None:
    made.client.eval("redis.call('SETRANGE', KEYS[1], 0, ARGV[1])", 1, made.slot.chunk_key("accounts", 0), "acme")
    assert found(checker.verify()) == {"I4"}


def test_a_repeated_write_of_the_stored_record_breaks_nothing_and_another_breaks_i4(
    checker: Checker, made: HandMade
) -> None:
    data = bytes(range(256))
    made.store([Write("extra", 0, data)], lengths={"extra": len(data)})
    repeat, key = "redis.call('SETRANGE', KEYS[1], 0, ARGV[1])", made.slot.chunk_key("extra", 0)
    made.client.eval(repeat, 1, key, data)
    made.store()
    assert found(checker.verify()) == set()
    made.client.eval(repeat, 1, key, data)
    assert found(checker.verify()) == {"I4"}


def test_a_string_deleted_past_the_protocol_breaks_i4(checker: Checker, made: HandMade) -> None:
    made.client.set("nobody's", 1)
    made.client.delete(made.slot.chunk_key("accounts", 0))
    assert found(checker.verify()) == {"I4"}


def test_a_reject_that_is_not_delivered_breaks_i6(checker: Checker, made: HandMade) -> None:
    made.consume(1, deliver=False)
    assert found(checker.verify()) == {"I6"}


def test_a_reject_that_is_delivered_after_the_offset_passed_it_breaks_i6(checker: Checker, made: HandMade) -> None:
    made.consume(1, deliver=False)
    checker.sample(PATIENTLY)
    made.reject(5)
    assert found(checker.verify()) == {"I6"}


@pytest.mark.parametrize(
    "changes", [{"value": b"other bytes"}, {"key": b"a key"}, {"value": None}, {"reason": "too_large"}]
)
def test_a_reject_that_is_not_what_was_received_breaks_i6(
    checker: Checker, made: HandMade, changes: dict[str, bytes]
) -> None:
    made.send(BAD)
    made.reject(5, **{"value": BAD, **changes})  # type: ignore[arg-type]
    made.store(next_offset=6, rejected=6)
    assert found(checker.verify()) == {"I6"}


def test_a_reject_may_be_there_twice_and_early(checker: Checker, made: HandMade) -> None:
    made.send(BAD)
    made.reject(5)
    assert found(checker.verify()) == set()
    made.reject(5)
    made.store(next_offset=6, rejected=6)
    assert found(checker.verify()) == set()


def test_a_reject_of_a_record_that_counts_breaks_i6(checker: Checker, made: HandMade) -> None:
    made.send(GOOD)
    made.reject(5, GOOD, "invalid_field")
    made.store(next_offset=6, counted=1)
    assert "I6" in found(checker.verify())


def test_a_counted_record_without_cells_breaks_i1(checker: Checker, made: HandMade) -> None:
    made.send(GOOD)
    made.store(next_offset=6, counted=1)
    assert found(checker.verify()) == {"I1"}


def test_aborted_records_do_not_count_and_markers_are_passed(checker: Checker, made: HandMade) -> None:
    producer = Producer({"bootstrap.servers": made.kafka, "transactional.id": made.prefix})
    producer.init_transactions(30)
    for end in (producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        producer.produce(made.topic, BAD, partition=0)
        producer.flush(30)
        end(30)
    made.reject(7)
    made.store(next_offset=9, rejected=6)
    wait_until(lambda: checker.slots()[made.topic, 0].log_end == 9, what="both markers")
    report = checker.verify()
    assert (report.violations, report.events) == ((), 6)
    assert checker.slots()[made.topic, 0].lag == 0


def test_a_gap_that_a_person_accepts_is_left_out_of_the_fold(checker: Checker, made: HandMade) -> None:
    made.send(GOOD, GOOD)
    checker.verify()
    with checker.rebuilding():
        made.store(next_offset=7, gaps=(Gap(5, 7),))
    made.consume(2)
    report = checker.verify()
    assert (report.violations, report.events) == ((), 7)


def test_a_slot_set_back_by_a_person_is_folded_from_the_start_again(checker: Checker, made: HandMade) -> None:
    checker.verify()
    with checker.rebuilding():
        made.store(next_offset=0, rejected=0)
    made.store(next_offset=5, rejected=5)
    report = checker.verify()
    assert (report.violations, report.events) == ((), 10)


def test_a_slot_set_back_by_nobody_breaks_i3(checker: Checker, made: HandMade) -> None:
    made.store(next_offset=0, rejected=0)
    made.store(next_offset=5, rejected=5)
    assert "I3" in found(checker.verify())


def test_a_stored_offset_beyond_the_log_cannot_be_compared(checker: Checker, made: HandMade) -> None:
    made.store(next_offset=50)
    assert "I1" in found(checker.verify())
