"""What the model of the slot protocol consists of, how its steps are made, and what must hold after each."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from schemas.exits import EngagementError
from store.layout import BEING_EMPTIED, Header, SlotName
from store.slots import SlotStore
from stream.rebuild import Partition, accept_gap, rebuild
from tests.property import model_truth
from tests.property.model_link import Link, Network, Server
from tests.property.model_redis import ModelRedis
from tests.property.model_worker import Kafka, ModelWorker, Shared
from tests.property.stored_figures import StoredFigures

WORKERS = 3
MOST_TURNS = 60
"""In which a worker that nobody disturbs any more gets to the end of the log."""


class Meanwhile(NamedTuple):
    """What somebody else does before the ``call``-th call that a step makes of Redis."""

    call: int
    what: str
    number: int


class ProtocolState(RuleBasedStateMachine):
    """Workers, a person, a log and a Redis. Without rules nothing happens."""

    name = SlotName("t.actions", 0)

    def new_server(self) -> Server:
        """The Redis of this run."""
        return ModelRedis()

    def __init__(self) -> None:
        super().__init__()
        self.workers: list[ModelWorker] = []

    @initialize(number=st.integers(0, model_truth.CASES - 1))
    def begin(self, number: int) -> None:
        """One worker owns a slot that was never counted."""
        self.case = model_truth.case(number)
        ids = itertools.count(1)
        self.new_state_id = lambda: next(ids).to_bytes(16, "big")
        self.server = self.new_server()
        self.shared = Shared(self.name, Kafka(self.case.log), self.case.rules, self.new_state_id)
        self.network = Network(self.server, self.seen)
        self.reader, self.person = SlotStore(cast("Any", Link(self.network))), Link(self.network)
        self.workers = [ModelWorker(Link(self.network), self.shared) for _ in range(WORKERS)]
        self.workers[0].assign()
        self.stored_offset, self.may_go_back = -1, False
        self.starts = {self.shared.kafka.start}

    def seen(self) -> tuple[Header, dict[str, bytearray]] | None:
        """All that a reader finds."""
        found = self.reader.snapshot(self.shared.name, lambda header: header.lengths)
        return (found.header, found.strings) if found else None

    @invariant()
    def holds(self) -> None:
        """What the module ``slot_protocol`` says of every step."""
        found = self.seen()
        if found is not None and found[0].layout == BEING_EMPTIED:
            return
        offset = found[0].next_offset if found else -1
        assert self.may_go_back or offset >= self.stored_offset, f"from {self.stored_offset} back to {offset}"
        self.stored_offset, self.may_go_back = offset, False
        if found is None:
            return
        header, strings = found
        assert {header.first_offset, *(gap.end for gap in header.gaps)} <= self.starts
        figures, rejects = self.case.fold(header)
        held = StoredFigures(header, strings).read()
        assert held == figures, f"not what the log says up to offset {offset}"
        assert rejects <= self.shared.kafka.rejects

    def between(self, link: Link, meanwhile: Sequence[Meanwhile]) -> dict[int, Callable[[], None]]:
        """What others than the one behind ``link`` do before its calls."""
        others = [worker for worker in self.workers if worker.link is not link]
        return {one.call: lambda one=one: self._meanwhile(one, others) for one in meanwhile}  # type: ignore[misc]

    def _meanwhile(self, one: Meanwhile, others: Sequence[ModelWorker]) -> None:
        other = others[one.number % len(others)]
        match one.what:
            case "another works":
                other.hand_on()
                other.tick()
            case "another stores":
                other.store()
            case "late request arrives":
                self.network.arrive(one.number)
            case "rolled back" if isinstance(self.server, ModelRedis):
                self.lose(lambda server: server.roll_back(one.number))
            case "rebuilt":
                self.rebuild(Link(self.network))
            case "fails":
                raise redis.ConnectionError(one.what)
        self.holds()

    def lose(self, how: Callable[[Any], None]) -> None:
        """Redis returns to another state."""
        self.may_go_back = True
        how(self.server)

    def cut_log(self, offsets: int) -> None:
        """The oldest records are deleted."""
        kafka = self.shared.kafka
        kafka.start = min(max(kafka.start, kafka.log[0].offset) + offsets, kafka.end)
        self.starts.add(kafka.start)

    def rebuild(self, link: Link) -> None:
        """A person has the slot counted again, however often that breaks off."""
        self._decide(lambda: rebuild(cast("Any", link), self._partition(), self.case.rules.timezone, self.new_state_id))
        self.may_go_back = True

    def accept_gap(self, link: Link) -> None:
        """A person goes on without what is gone from the log."""
        store = SlotStore(cast("Any", link))
        self._decide(lambda: accept_gap(store, self._partition(), lambda *_: False, self.new_state_id))

    def _partition(self) -> Partition:
        return Partition(self.shared.name, self.shared.kafka.bounds(), "t", None)

    def _decide(self, command: Callable[[], object]) -> None:
        try:
            command()
        except EngagementError:
            """The person is told why, and nothing is done or it is to be done again."""

    def teardown(self) -> None:
        """The first worker that has the slot, as it is now, counts the rest of the log alone."""
        if not self.workers:
            return
        last = next((worker for worker in self.workers if worker.owned is not None), self.workers[0])
        for worker in self.workers:
            if worker is not last:
                worker.release()
        if last.owned is None:
            last.assign()
        self.shared.kafka.takes_rejects = True
        for _ in range(MOST_TURNS):
            self._last_turn(last)
            if self.stored_offset == self.shared.kafka.end and last.owned is not None and not last.owned.unstored:
                return
        raise AssertionError(f"{self.stored_offset} is as far as it got")

    def _last_turn(self, last: ModelWorker) -> None:
        found = self.seen()
        if last.blocked or (found is not None and found[0].layout == BEING_EMPTIED):
            self.rebuild(self.person)
        last.fetch(model_truth.RECORDS, past_gap=False)
        while last.fetched:
            last.hand_on()
        self.shared.now += 9.0
        last.tick()
        self.holds()
