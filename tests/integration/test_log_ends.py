"""The offset also moves past what holds no records, and settings that change hold from the next record on."""

from collections.abc import Iterable

from confluent_kafka import Producer

from store import layout, vectors
from store.connect import kafka_admin
from store.offsets import high_watermarks, log_bounds
from store.slots import SlotStore
from stream.lag import read_lag
from tests.integration.live import Live, action
from tests.support import wait_until


def transactions(live: Live, *outcomes: str) -> None:
    """One transaction of 5 actions for each outcome: commit, abort or leave open."""
    producer = Producer(
        {
            "bootstrap.servers": live.settings.kafka_bootstrap_servers,
            "transactional.id": live.settings.topic_prefix + "t",
        }
    )
    producer.init_transactions(30)
    for outcome in outcomes:
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(live.slot().topic, value=action(outcome), partition=0)
        assert producer.flush(30) == 0
        if outcome == "commit":
            producer.commit_transaction(30)
        elif outcome == "abort":
            producer.abort_transaction(30)


def lags(live: Live) -> list[int | None]:
    return [row.lag for row in read_lag(kafka_admin(live.settings), live.client, live.settings)]


def test_the_offset_moves_past_markers_and_aborted_records_to_the_very_end(live: Live) -> None:
    live.topics()
    transactions(live, "commit", "abort", "commit", "abort")
    end = 4 * (5 + 1)
    wait_until(lambda: high_watermarks(live.admin, [live.slot()])[live.slot()] == end, what="the last marker")
    with live.worker():
        live.wait_stored(end)
    assert lags(live) == [0, 0]
    live.assert_counted({"commit": 10})
    with live.worker():
        transactions(live, "commit")
        live.wait_stored(end + 6)
    live.assert_counted({"commit": 15})


def test_a_log_that_holds_no_record_at_all_is_passed_too(live: Live) -> None:
    live.topics()
    transactions(live, "abort")
    with live.worker():
        live.wait_stored(6)
    assert lags(live) == [0, 0]
    live.assert_counted({})


def test_an_open_transaction_is_where_the_log_ends(live: Live) -> None:
    live.topics()
    transactions(live, "commit", "open")
    assert log_bounds(live.admin, [live.slot().topic])[live.slot()].end == 6
    with live.worker():
        live.wait_stored(6)
        assert lags(live) == [0, 0]
    with live.worker():
        live.wait_said("slot loaded", times=2, slot=live.slot())
        transactions(live, "commit")  # the same transactional id: what was open is aborted
        live.wait_stored(6 + 6 + 6)
    live.assert_counted({"commit": 10})


def count_more(live: Live, values: Iterable[bytes]) -> int:
    """Count these with a worker of their own; returns how many actions were late so far."""
    sent = list(values)
    before = live.next_offset() or 0
    live.produce(sent)
    with live.worker():
        live.wait_stored(before + len(sent))
    header = live.header()
    assert header is not None
    return header.late


def minutes_of(live: Live, name: str) -> int:
    found = SlotStore(live.client).snapshot(live.slot(), lambda _: [name])
    assert found is not None
    return int(vectors.cells(found.strings[name], 1)[0])


def test_another_lateness_holds_from_the_next_record_on_and_closed_minutes_stay_as_they_are(live: Live) -> None:
    live.topics()
    closed = layout.minutes(layout.day_of("x:2025-06-26") or 0)
    first = [action(day="2025-06-26"), action(day="2025-06-30"), action(day="2025-06-26", minute=1)]
    assert count_more(live.given(ENGAGEMENT_LATENESS_DAYS="3"), first) == 1
    assert minutes_of(live, closed) == 1
    patient = live.given(ENGAGEMENT_LATENESS_DAYS="10")
    assert count_more(patient, [action(day="2025-06-26", minute=2), action(day="2025-06-27")]) == 2
    assert count_more(patient, [action(day="2025-07-05"), action(day="2025-06-27", minute=1)]) == 2
    assert count_more(live.given(ENGAGEMENT_LATENESS_DAYS="0"), [action(day="2025-07-04")]) == 3
    assert minutes_of(live, closed) == 1
    assert minutes_of(live, layout.minutes(layout.day_of("x:2025-06-27") or 0)) == 2
    live.assert_counted({"acme": 8})


def test_another_size_limit_holds_from_the_next_record_on(live: Live) -> None:
    live.topics()
    count_more(live, [action()] * 3)
    count_more(live.given(ENGAGEMENT_MAX_RECORD_BYTES="10"), [action()] * 2)
    count_more(live, [action()])
    header = live.header()
    assert header is not None
    assert (header.counted, header.rejected) == (4, 2)
