"""The checker of one system: reads Kafka and Redis, and takes nobody's word for anything."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

import redis
from confluent_kafka import KafkaException

from tests.faults.checker.rejected import Copy, Ends, Rejected
from tests.faults.checker.report import Report, Rules, Standing, Violation
from tests.faults.checker.slot_check import Sample, SlotCheck
from tests.faults.checker.slots import Place, ShortString, Slots, State, named
from tests.faults.checker.topics import Topics, patiently
from tests.faults.checker.watch import Watch

QUICKLY = 1.0
SILENT = (redis.RedisError, OSError, KafkaException)
BY_DEFAULT = Rules()


class Checker:
    """See the package. Not thread-safe, but for the watch that it keeps."""

    def __init__(self, bootstrap: str, redis_url: str, prefix: str, rules: Rules = BY_DEFAULT) -> None:
        self._inputs = [f"{prefix}actions", f"{prefix}accounts"]
        self._rules = rules
        self._slots = Slots(redis_url)
        self._topics = Topics(bootstrap)
        self._rejected = Rejected(self._topics, f"{prefix}rejects")
        self._watch = Watch(self._slots.client, redis_url, prefix)
        self._checks: dict[Place, SlotCheck] = {}
        self._places: list[Place] = []
        self._seen: dict[Place, tuple[int, int]] = {}
        self._restarts: dict[Place, int] = {}
        self._own: dict[Violation, None] = {}
        self._own_checks: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._watch.stop()
        self._slots.client.close()

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Within the block Redis itself loses writes or keys: only there may an offset go back."""
        self._seen.clear()
        with self._watch.losing_writes():
            yield
        self._seen.clear()

    @contextmanager
    def rebuilding(self) -> Iterator[None]:
        """Within the block a person's command sets slots back to the start of their logs, or past a gap."""
        with self._watch.person_decides():
            yield
        self._seen.clear()
        self._start_again()

    def _start_again(self) -> None:
        """Forget the fold of every slot that was set back."""
        now = self._watch.restarts()
        for place, count in now.items():
            if count != self._restarts.get(place, 0):
                self._check_of(place).start_again()
        self._restarts = now

    def slots(self) -> Mapping[Place, Standing]:
        """Where every slot stands now; waits for servers that are away."""
        return patiently(self._standings, SILENT)

    def _standings(self) -> dict[Place, Standing]:
        places = self._topics.places(self._inputs)
        records = self._slots.headers(places)
        ends = self._topics.ends(places)
        return {
            place: Standing(None, ends[place])
            if record is None
            else Standing(
                record.header.next_offset,
                ends[place],
                record.header.counted,
                record.header.rejected,
                record.header.late,
            )
            for place, record in records.items()
        }

    def sample(self, seconds: float = QUICKLY) -> None:
        """Keep what each slot holds, to be compared when the fold gets there. Does nothing where nobody answers."""
        if self._watch.rebuilding:
            return
        try:
            states = self._states(seconds)
        except (redis.RedisError, OSError):
            return
        ends = self._ends(seconds)
        for place, state in states.items():
            self._check_of(place).see(Sample(state, ends))

    def _ends(self, seconds: float) -> Ends | None:
        try:
            return self._rejected.ends(seconds)
        except KafkaException:
            return None

    def _states(self, seconds: float) -> dict[Place, State]:
        """What each slot holds now, those without a header or without all of their strings left out."""
        with suppress(KafkaException):  # else those of before
            self._places = self._topics.places(self._inputs, seconds)
        found: dict[Place, State] = {}
        for place in self._places:
            try:
                state = self._slots.read(place)
            except ShortString as short:
                if not (self._watch.rolling_back or self._watch.rebuilding):
                    self._accuse("I1", place, str(short))
                continue
            if state is not None:
                found[place] = state
                self._look_back(place, state)
        return found

    def _look_back(self, place: Place, state: State) -> None:
        """An offset seen earlier must not be greater (I3)."""
        at = len(state.header.gaps), state.header.next_offset
        if self._watch.rolling_back or self._watch.rebuilding:
            return
        self._own_checks["I3"] += 1
        if at < self._seen.get(place, at):
            self._accuse("I3", place, f"the offset was {self._seen[place][1]} and is {at[1]}")
        self._seen[place] = at

    def _check_of(self, place: Place) -> SlotCheck:
        if place not in self._checks:
            self._checks[place] = SlotCheck(place, self._rules, of_accounts=place[0] == self._inputs[1])
        return self._checks[place]

    def _accuse(self, invariant: str, place: Place, text: str) -> None:
        self._own[Violation(invariant, named(place), text)] = None

    def verify(self) -> Report:
        """Fold the logs up to where the slots are, and compare all that was seen. No record is folded twice."""
        self._watch.sync()
        self._start_again()
        states = patiently(lambda: self._states(5.0), SILENT)
        ends = patiently(self._rejected.ends, SILENT)
        for place, state in states.items():
            self._check_of(place).begin(Sample(state, ends))
        self._fold(list(states))
        self._judge_rejects()
        return self._report()

    def _fold(self, places: list[Place]) -> None:
        while legs := {place: leg for place in places if (leg := self._checks[place].leg()) is not None}:
            for place in patiently(lambda legs=legs: self._unreadable(legs), SILENT):  # type: ignore[misc]
                del legs[place]
            for place, messages in self._topics.read(legs):
                self._checks[place].fold(messages)
            for place in legs:
                self._checks[place].end_leg()

    def _unreadable(self, legs: Mapping[Place, tuple[int, int]]) -> list[Place]:
        """Those that the log no longer has, or never had: they are given up."""
        wanted = [place for place, (start, end) in legs.items() if start < end]
        starts, ends = self._topics.starts(wanted), self._topics.ends(wanted)
        found: list[Place] = []
        for place in wanted:
            start, end = legs[place]
            if starts[place] > start or ends[place] < end:
                log = f"the log has {starts[place]} to {ends[place]}"
                self._checks[place].give_up(f"offsets {start} to {end} cannot be read: {log}")
                found.append(place)
        return found

    def _judge_rejects(self) -> None:
        fresh: dict[Place, list[Copy]] = {}
        for copy in patiently(self._rejected.read_on, SILENT):
            fresh.setdefault(copy.source, []).append(copy)
        for place in fresh.keys() - self._checks.keys():
            self._accuse("I6", place, f"{len(fresh[place])} rejects tell of a slot that nobody has")
        for text in self._rejected.unreadable:
            self._accuse("I6", ("rejects", 0), text)
        for place, check in self._checks.items():
            check.judge_rejects(self._rejected, fresh.get(place, ()))

    def _report(self) -> Report:
        every = list(self._checks.values())
        checks = sum((one.checks for one in every), self._own_checks + self._watch.checks)
        found = [*self._own, *self._watch.violations, *(violation for one in every for violation in one.violations)]
        events, cells = sum(one.events for one in every), sum(one.cells for one in every)
        return Report(events, cells, dict(sorted(checks.items())), tuple(found))
