"""A slot is loaded header first, checked against its topic, and read on from its offset with its leader epoch."""

from collections.abc import Collection

import msgspec
import pytest

from schemas.exits import Blocked, ConfigurationError, EngagementError, Exit
from store.layout import BEING_EMPTIED, Header, SlotName
from store.offsets import LogBounds, topic_ids
from store.redo import RedoRecord
from store.slots import SlotStore
from stream.rebuild import Partition, rebuild
from tests import support
from tests.integration.live import Live, action


def counted(live: Live, count: int = 100) -> Header:
    """A slot that counted so many actions, its worker stopped."""
    live.topics()
    live.produce([action()] * count)
    with live.worker():
        live.wait_stored(count)
    header = live.header()
    assert header is not None
    return header


def rebuild_now(live: Live) -> None:
    """Set the slot to the start of its log, whoever owns it."""
    topic_id = topic_ids(live.admin, [live.slot().topic])[live.slot().topic]
    partition = Partition(live.slot(), LogBounds(0, 0), topic_id, None)
    rebuild(live.client, partition, live.settings.timezone, live.new_state_id)


def test_after_a_foreign_write_a_worker_reads_on_from_the_offset_that_is_stored_now(live: Live) -> None:
    live.topics()
    with live.worker():
        live.produce([action()] * 100)
        live.wait_stored(100)
        rebuild_now(live)
        live.produce([action()] * 30)
        live.wait_stored(130)
        live.assert_counted({"acme": 130})
    assert [line["offset"] for line in live.said("slot loaded", slot=live.slot())] == [0, 0]


def test_a_write_while_a_slot_is_loaded_voids_what_was_loaded(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(live)
    read = SlotStore.read
    meddled: list[SlotName] = []

    def written_before_the_strings_are_read(
        store: SlotStore, slot: SlotName, record: RedoRecord, strings: Collection[str]
    ) -> dict[str, bytearray]:
        if slot == live.slot() and not meddled:
            meddled.append(slot)
            found = read(store, slot, record, strings)
            rebuild_now(live)
            return found
        return read(store, slot, record, strings)

    monkeypatch.setattr(SlotStore, "read", written_before_the_strings_are_read)
    with live.worker():
        live.produce([action()] * 30)
        live.wait_stored(130)
    assert meddled
    live.assert_counted({"acme": 130})
    assert [line["offset"] for line in live.said("slot loaded", slot=live.slot())] == [0, 100, 0]


def test_a_slot_whose_topic_was_made_anew_under_the_same_name_is_not_touched(live: Live) -> None:
    header = counted(live)
    support.delete_topics(live.settings.kafka_bootstrap_servers, live.slot().topic)
    support.create_topics(live.settings.kafka_bootstrap_servers, {live.slot().topic: 1})
    live.produce([action()] * 200)
    error = live.refused()
    assert (type(error), error.exit) == (Blocked, Exit.FAILED)
    for part in (str(live.slot()), "made anew", "rebuild", "accept-gap"):
        assert part in str(error)
    assert live.header() == header


def test_a_slot_counted_in_days_of_another_time_zone_is_wrong_configuration(live: Live) -> None:
    header = counted(live)
    error = live.given(ENGAGEMENT_TIMEZONE="Asia/Tokyo").refused()
    assert (type(error), error.exit) == (ConfigurationError, Exit.USAGE)
    for part in ("Asia/Tokyo", "counted in days of UTC", live.settings.topic_prefix, "rebuild"):
        assert part in str(error)
    assert live.header() == header


def test_a_slot_of_another_layout_stops_the_worker(live: Live) -> None:
    header = counted(live)
    live.write(msgspec.structs.replace(header, layout=header.layout + 1))
    error = live.refused()
    assert (type(error), error.exit) == (Blocked, Exit.FAILED)
    assert f"layout {header.layout + 1}" in str(error)


def test_a_redis_that_evicts_counters_is_refused(fragile: Live) -> None:
    fragile.topics()
    fragile.client.config_set("maxmemory-policy", "allkeys-lru")
    error: EngagementError = fragile.refused()
    assert error.exit is Exit.USAGE
    assert "allkeys-lru" in str(error)
    fragile.client.config_set("maxmemory-policy", "volatile-lru")
    with fragile.worker():
        fragile.produce([action()])
        fragile.wait_stored(1)


def test_a_slot_that_is_being_emptied_is_waited_for_and_holds_up_no_other(live: Live) -> None:
    live.topics(actions=2)
    topic_id = topic_ids(live.admin, [live.slot().topic])[live.slot().topic]
    live.write(Header(timezone="UTC", topic_id=topic_id, next_offset=0, first_offset=0, layout=BEING_EMPTIED), 0)
    for partition in range(2):
        live.produce([action()] * 100, partition)
    with live.worker():
        live.wait_stored(100, 1)
        live.wait_said("waiting to load a slot", slot=live.slot(0))
        rebuild_now(live)
        live.wait_stored(100, 0)
    live.assert_counted({"acme": 100}, 0)
