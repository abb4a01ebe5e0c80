"""Takes pictures of the system from outside, one after the other, and remembers what rules over time need."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec
import redis
from confluent_kafka.admin import AdminClient

from schemas.exits import Blocked, Denied, EngagementError, Obstacle, Unavailable
from schemas.settings import Settings
from store.committed import Committed
from store.group_logs import Group, read_bounds, read_group
from store.layout import Header, SlotName
from store.offsets import LogBounds
from store.record_times import RecordTimes, Uncounted
from store.redis_state import RedisState, redis_state
from store.runs import Published, published_runs
from store.slot_headers import slot_headers
from stream.lag import lag_row, lost_note
from stream.lag_status import History, Sample, extended, judge
from stream.picture import Partition, Picture, Source, Totals

_NOBODY = Group({}, (), {})


class _Slots(msgspec.Struct, frozen=True):
    """What Redis said, and when it was asked; `headers` is None where it gave no answer."""

    at: float
    source: Source
    headers: Mapping[SlotName, Header | Blocked] | None
    state: RedisState | None


class Observer:
    """Of one system. Not for several threads. `clock` is the time of day, as that of the brokers is."""

    def __init__(
        self,
        open_admin: Callable[[], AdminClient],
        client: redis.Redis,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._open_admin = open_admin
        self._admin = open_admin()
        self._client = client
        self._settings = settings
        self._clock = clock
        self._times = RecordTimes(settings)
        self._committed = Committed(settings)
        self._topics = (settings.topics.actions, settings.topics.accounts)
        self._runs_log = SlotName(settings.topics.runs, 0)
        self._group = _NOBODY
        self._histories: dict[SlotName, History] = {}
        self._run: Published | None = None
        self._run_error: str | None = None
        self._runs_read_to: tuple[str, int] | None = None

    @property
    def topic_prefix(self) -> str:
        """What the names of all topics of the system begin with."""
        return self._settings.topic_prefix

    def close(self) -> None:
        """Give up the connections to Kafka."""
        self._times.close()
        self._committed.close()

    def look(self) -> Picture:
        """One picture. Kafka or Redis being away is part of it.

        1. Topics, partitions and owners. 2. Stored offsets: before the log ends, else a busy slot would look as if it
        were past its log. 3. Log ends. 4. The oldest uncounted record of each partition that has any. 5. The newest
        run, where its topic has grown.
        """
        began = self._clock()
        kafka = self._ask_kafka()
        group = self._group
        slots = self._ask_redis([slot for slot in group.slots if slot.topic in self._topics])
        bounds = read_bounds(self._admin, group.slots) if kafka.up else {}
        partitions = self._partitions(slots, bounds, kafka)
        if self._runs_log in bounds:
            self._read_runs(group.topic_ids[self._runs_log.topic], bounds[self._runs_log].end)
        return Picture(
            at=slots.at,
            took=self._clock() - began,
            kafka=kafka,
            redis=slots.source,
            partitions=partitions,
            missing_topics=tuple(name for name in self._topics if kafka.up and name not in group.topic_ids),
            state=slots.state,
            run=self._run,
            run_error=self._run_error,
        )

    def _ask_kafka(self) -> Source:
        if self._group.owners is None:  # a client that was left without an answer once may never get one again
            self._admin = self._open_admin()
        try:
            self._group = read_group(self._admin, (*self._topics, self._runs_log.topic), self._settings.group_id)
        except (Unavailable, Denied) as error:
            self._group = Group(self._group.topic_ids, self._group.slots, None)
            return Source("kafka", str(error))
        return Source("kafka", None)

    def _ask_redis(self, slots: list[SlotName]) -> _Slots:
        at = self._clock()
        try:
            headers = slot_headers(self._client, slots)
            state = redis_state(self._client)
        except (Unavailable, Denied) as error:
            return _Slots(at, Source("redis", str(error)), None, None)
        return _Slots(at, Source("redis", None), headers, state)

    def _partitions(self, slots: _Slots, bounds: Mapping[SlotName, LogBounds], kafka: Source) -> tuple[Partition, ...]:
        lost = self._lost(slots, bounds)
        group = self._group
        found = [
            self._placed(slot, slots.headers, bounds.get(slot), lost=slot in lost)
            for slot in group.slots
            if slot.topic in self._topics
        ]
        aged = self._aged(found, slots.at)
        self._histories = {one.slot: self._histories.get(one.slot, ()) for one in aged}
        if not kafka.up or not slots.source.up:
            return tuple(aged)  # nothing is known, so nothing is judged
        return tuple(self._judged(one, slots.at) for one in aged)

    def _lost(self, slots: _Slots, bounds: Mapping[SlotName, LogBounds]) -> set[SlotName]:
        """Slots that Redis does not have although the group committed an offset, or a published run names one."""
        if slots.headers is None:
            return set()
        without = {slot for slot in bounds if slot.topic in self._topics and slot not in slots.headers}
        published = self._run.manifest.inputs if self._run else {}
        lost = {slot for slot in without if published.get(str(slot))}
        with suppress(Unavailable, Denied):  # whether Kafka answers is told by other questions
            lost.update(self._committed.offsets(without))
        return lost

    def _placed(
        self,
        slot: SlotName,
        headers: Mapping[SlotName, Header | Blocked] | None,
        log: LogBounds | None,
        *,
        lost: bool,
    ) -> Partition:
        group = self._group
        owner = group.owners.get(slot) if group.owners is not None else None
        header = headers.get(slot) if headers is not None else None
        known = header if isinstance(header, Header) else None
        totals = Totals(known.counted, known.rejected, known.late, known.newest_day) if known else None
        place = Partition(
            slot,
            log_start=log.start if log else None,
            log_end=log.end if log else None,
            stored=known.next_offset if known else None,
            owner=owner,
            owned=None if group.owners is None else owner is not None,
            totals=totals,
        )
        if log is None or headers is None:
            return place
        row = lag_row(slot, log, header, group.topic_ids[slot.topic], self._settings.timezone)
        note, obstacle = (lost_note(slot), Obstacle.LOST) if lost else (row.note, row.obstacle)
        return msgspec.structs.replace(place, lag=row.lag, note=note, obstacle=obstacle)

    def _aged(self, found: list[Partition], at: float) -> list[Partition]:
        ids = self._group.topic_ids
        uncounted = {
            one.slot: Uncounted(ids[one.slot.topic], one.log_end - one.lag, one.log_end)
            for one in found
            if one.lag is not None and one.log_end is not None
        }
        oldest = self._times.oldest(uncounted)
        aged: list[Partition] = []
        for one in found:
            answer = oldest.get(one.slot)
            if answer is None:
                aged.append(one)
                continue
            seconds = 0.0 if answer.timestamp is None else max(0.0, at - answer.timestamp / 1000)
            aged.append(msgspec.structs.replace(one, lag_seconds=seconds))
        return aged

    def _judged(self, one: Partition, at: float) -> Partition:
        sample = Sample(
            at=at,
            topic_id=self._group.topic_ids[one.slot.topic],
            stored=one.stored,
            lag=one.lag,
            lag_seconds=one.lag_seconds,
            owned=one.owned,
            blocked=one.note if one.obstacle else None,
        )
        history = extended(self._histories[one.slot], sample)
        self._histories[one.slot] = history
        return msgspec.structs.replace(one, verdict=judge(history))

    def _read_runs(self, topic_id: str, end: int) -> None:
        """Once a day there is another run, so all of the topic is read again then."""
        if self._runs_read_to == (topic_id, end):
            return
        try:
            runs = published_runs(self._settings)
        except EngagementError as error:
            self._run_error = str(error)
            return
        self._run, self._run_error = (runs[-1] if runs else None), None
        self._runs_read_to = (topic_id, end)
