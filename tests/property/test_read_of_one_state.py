"""What is read of a slot is of one state, also where its id goes away and comes back while it is read.

A counts two days, then one more on the first day, then one more on the second; the last reply is lost, so A will send
that checkpoint again. Somebody reads; between the calls of Redis that takes, Redis is rolled back by that checkpoint,
and A sends it again. The id before and after is the same, and the strings in between lacked what only the redo record
of the state before held.
"""

from collections.abc import Callable, Iterator, Mapping

import pytest

from store.slots import SlotStore
from tests.property import model_truth, slot_owner
from tests.property.generated_log import encoded
from tests.property.model_link import Fate, Link
from tests.property.model_worker import ModelWorker
from tests.property.plain_slot import DAY_MS, Action, LogRecord, PlainRules
from tests.property.slot_protocol import LosingSlotProtocol
from tests.property.stored_figures import StoredFigures

START = 20_500 * DAY_MS
DAYS = (0, 1, 0, 1, 0, 0, 1)


class TwoDays(model_truth.Case):
    """One account on two days in turn."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        actions = [Action("acme", "view", None, None, START + day * DAY_MS) for day in DAYS]
        self.log = [LogRecord(at, START + 5 * DAY_MS, encoded(one), one) for at, one in enumerate(actions)]
        self.rules = PlainRules("UTC", 1, 4)


class Scene(LosingSlotProtocol):
    """The state that the module describes, and the two things that happen between the reader's calls."""

    def __init__(self) -> None:
        super().__init__()
        self.begin(0)
        for size in (0, 2, 1):
            self.turn(self.workers[0], size)
        before = len(self.server.file)
        self.turn(self.workers[0], 1, Fate("lost reply"))
        self._newest_checkpoint = len(self.server.file) - before

    def turn(
        self, worker: ModelWorker, size: int, fate: Fate | None = None, between: Mapping[int, Callable[[], None]] = {}
    ) -> None:
        self.shared.now += 9
        worker.link.expect(fate, between)
        worker.count(size)
        worker.tick()
        worker.link.expect(None, {})
        self.holds()

    def rolled_back(self) -> None:
        self.lose(lambda server: server.roll_back(self._newest_checkpoint))
        self.holds()

    def sent_again(self) -> None:
        self.shared.now += 9
        self.workers[0].tick()
        self.holds()


@pytest.fixture(params=[(first, second) for first in range(1, 5) for second in range(first + 1, 6)])
def between(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Before which of the reader's calls Redis is rolled back, and the checkpoint comes again."""
    monkeypatch.setattr(model_truth, "case", TwoDays)
    with slot_owner.small_limits():
        yield request.param


def test_an_owner_that_misses_counters_never_takes_those_of_another_state(between: tuple[int, int]) -> None:
    scene = Scene()
    owner = scene.workers[1]
    owner.assign()
    owner.tick()
    scene.turn(owner, 1, None, {between[0]: scene.rolled_back, between[1]: scene.sent_again})
    for _ in range(3):
        scene.turn(owner, 1)


def test_a_snapshot_is_of_the_state_that_its_header_says(between: tuple[int, int]) -> None:
    scene = Scene()
    reader = Link(scene.network)
    reader.expect(None, {between[0]: scene.rolled_back, between[1]: scene.sent_again})
    found = SlotStore(reader).snapshot(scene.shared.name, lambda header: header.lengths)  # type: ignore[arg-type]
    assert found is not None
    expected, _ = scene.case.fold(found.header)
    assert StoredFigures(found.header, found.strings).read() == expected
