"""Upgrades and the ways back, by two versions of the worker: the working tree, and a copy of it that is a little newer.

`make upgrade FROM=REF` does the same with a commit.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from services.kafka import LocalKafka
from services.redis import LocalRedis
from store.layout import LAYOUT_VERSION
from tests.faults.checker.slots import Slots
from tests.faults.redis_client import direct
from tests.faults.seed import printed_random
from tests.faults.stopped import assert_error, command
from tests.faults.system import Setup, System
from tests.faults.upgrade import Edit, Rolling, Version, edited, working_tree
from tests.faults.upgrade.rolling import JOIN_SECONDS

pytestmark = pytest.mark.timeout(600)  # an upgrade waits for the group again and again

WORKERS = 2
SETUP = Setup(partitions=WORKERS + 1, workers=0, rate=500)
OTHER_SCRIPT = Edit("store/checkpoint.lua", "-- Makes one checkpoint true", "-- Has one checkpoint become true")
OTHER_LAYOUT = Edit("store/layout.py", f"LAYOUT_VERSION = {LAYOUT_VERSION}", f"LAYOUT_VERSION = {LAYOUT_VERSION + 1}")
OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


@pytest.fixture
def system(servers: tuple[LocalKafka, LocalRedis], tmp_path: Path) -> Iterator[System]:
    """A fed system without workers yet."""
    with System(*servers, tmp_path, printed_random(), SETUP) as system:
        yield system


@pytest.fixture
def now(tmp_path: Path) -> Version:
    return working_tree(tmp_path)


@pytest.fixture
def newer(tmp_path: Path) -> Version:
    """Same slots, another version number, another checkpoint script."""
    return edited(tmp_path, "98.0.0", [OTHER_SCRIPT])


@pytest.fixture
def of_another_layout(tmp_path: Path) -> Version:
    return edited(tmp_path, "99.0.0", [OTHER_LAYOUT])


def stored(system: System) -> Mapping[bytes, bytes]:
    """Every key of every slot, as Redis holds it."""
    with direct(system) as client:
        keys = sorted(client.scan_iter(f"{{{system.prefix}*", count=1_000))
        return dict(zip(keys, cast("list[bytes]", client.mget(keys)), strict=True))


def totals(system: System) -> Mapping[tuple[str, int], tuple[int | None, int, int, int]]:
    found = system.checker.slots().items()
    return {slot: (one.next_offset, one.counted, one.rejected, one.late) for slot, one in found}


def layouts(system: System) -> set[int | None]:
    """Of all slots, as their headers say it."""
    slots = Slots(system.redis_server.url)
    headers = slots.headers(system.checker.slots()).values()
    slots.client.close()
    return {None if one is None else one.header.layout for one in headers}


def assert_refuses(system: System, rolling: Rolling, version: Version, holds: int) -> None:
    """A worker of this version ends with the line of the documents."""
    worker = rolling.start(version)
    system.workers.remove(worker)
    system.until(lambda: worker.poll() is not None, JOIN_SECONDS, "a worker that stops")
    assert_error(system, worker, f"Redis holds layout {holds}, this version reads {version.layout}", "rebuild")


def test_a_version_says_its_own_number(system: System, newer: Version) -> None:
    assert system.engine.out_of(newer.root).stream("--version").out.strip() == newer.name


def test_a_rolling_upgrade_and_the_way_back_count_every_event_once_also_after_a_kill(
    system: System, now: Version, newer: Version
) -> None:
    rolling = Rolling(system, WORKERS)
    rolling.begin(now)
    together, alone = rolling.roll(newer)
    assert set(together.owned) == {now.name, newer.name}
    assert set(alone.owned) == {newer.name}
    with direct(system) as client:
        assert client.script_exists(now.script_sha, newer.script_sha) == [True, True]
    back_together, back = rolling.roll(now, killed=0)
    assert set(back_together.owned) == {now.name, newer.name}
    assert set(back.owned) == {now.name}
    assert rolling.end().events > back.events > alone.events > together.events


def test_another_layout_changes_nothing_until_a_rebuild_then_counts_the_same_and_so_does_the_way_back(
    system: System, now: Version, of_another_layout: Version
) -> None:
    rolling = Rolling(system, WORKERS)
    rolling.begin(now)
    system.feed.pause()
    system.drained()
    counted = totals(system)
    for left, taken in ((now, of_another_layout), (of_another_layout, now)):
        before = stored(system)
        assert_refuses(system, rolling, taken, left.layout)  # beside workers that go on
        assert stored(system) == before
        system.stop_workers()
        rebuild(system, taken)
        for _ in range(WORKERS):
            rolling.start(taken)
        system.check()
        assert totals(system) == counted
        assert layouts(system) == {taken.layout}


def test_the_documents_say_how_a_worker_of_another_layout_stops() -> None:
    assert f"Redis holds layout {LAYOUT_VERSION + 1}, this version reads {LAYOUT_VERSION}" in OPERATIONS.read_text()


def rebuild(system: System, version: Version) -> None:
    """Empty all slots by the command of this version."""
    system.engine = system.engine.out_of(version.root)
    with system.checker.rebuilding():
        for topic in ("actions", "accounts"):
            command(system, "rebuild", "--topic", topic)
