"""A stateful model of the slot protocol: workers, a person and a Redis in any order, and what must hold.

Real are ``OwnedSlot``, ``ActionSlot`` (with small limits), ``SlotStore``, ``checkpoint.lua``, ``rebuild`` and
``accept_gap``. Any number of the three workers believe that they own the slot: one that was revoked stores first, one
that lost it does not, a zombie goes on with what it has in memory and in hand. A checkpoint's request or reply is lost,
arrives late or twice, or the script dies after any of its writes. Between any two calls that a step makes of Redis
another worker acts, a late request arrives, or Redis is rolled back. Redis loses any number of writes, a part of a
script's included; completes a torn transaction later; comes back from an older or a newer copy; or is empty.

After each step, and wherever somebody else acted within one:

- what a reader finds is the plain fold of the log at the stored offset, with the gaps that a person accepted;
- the rejects below the stored offset are delivered;
- the stored offset goes back only where Redis returned to another state, or a person had the slot counted again;
- a checkpoint that was refused or failed changed nothing that a reader sees;
- no worker ever stops because of missing keys.

In the end one worker, as it stands, reaches the end of the log.

What the model leaves out: Kafka itself (records that are lost or replaced, a topic made anew, transactions, leader
epochs), the group's protocol (who owns what is arbitrary here), the accounts topic, several slots at once,
real time and fsync (a file is cut anywhere at any time), wrong bytes in memory, on disk or on the wire, a Redis that
evicts keys or is full, a cluster that moves slots, readers of a replica that lags, changed settings, and concurrency
within a call: a script, like every other command, is one step of Redis.
"""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.property.model_link import FATES, Fate
from tests.property.model_redis import ModelRedis
from tests.property.protocol_state import Meanwhile, ProtocolState

MEANWHILE = ("another works", "another stores", "late request arrives", "rolled back", "rebuilt", "fails")


class Turn(NamedTuple):
    """A worker's loop goes round once, or as far as ``how`` says."""

    which: int
    how: str
    size: int
    passed: float
    fate: Fate | None
    meanwhile: Sequence[Meanwhile]


workers = st.sampled_from([0, 0, 0, 1, 1, 2])
sizes = st.sampled_from([1, 2, 5, 9, 20, 0])
numbers = st.integers(0, 60)
others = st.just(()) | st.lists(
    st.builds(Meanwhile, st.integers(1, 7), st.sampled_from(MEANWHILE), numbers), max_size=2
)
turns = st.lists(
    st.builds(
        Turn,
        workers,
        st.sampled_from(["counts and ticks", "counts and ticks", "counts", "ticks", "fetches", "fetches past a gap"]),
        sizes,
        st.sampled_from([1.0, 1.0, 0.0, 0.5, 3.0, 9.0]),
        st.none() | st.builds(Fate, st.sampled_from(FATES), st.integers(0, 9)),
        others,
    ),
    min_size=1,
    max_size=4,
)
"""Workers take turns before every rule's own step: a run of rules without them would come to nothing."""


class SlotProtocol(ProtocolState):
    """See the module. The rules hold for a real Redis too, which loses nothing."""

    def work(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            worker = self.workers[turn.which]
            self.shared.now += turn.passed
            if turn.how.startswith("fetches"):
                worker.fetch(turn.size, past_gap=turn.how.endswith("gap"))
                continue
            worker.link.expect(turn.fate, self.between(worker.link, turn.meanwhile))
            if turn.how != "ticks":
                worker.count(turn.size)
            if turn.how != "counts":
                worker.tick()
            worker.link.expect(None, {})
            self.holds()

    @rule(turns=turns)
    def workers_work(self, turns: Sequence[Turn]) -> None:
        self.work(turns)

    @rule(turns=turns, which=workers)
    def gets_the_partition(self, turns: Sequence[Turn], which: int) -> None:
        self.work(turns)
        if self.workers[which].owned is None:
            self.workers[which].assign()

    @rule(turns=turns, which=workers)
    def is_revoked(self, turns: Sequence[Turn], which: int) -> None:
        self.work(turns)
        self.workers[which].store()
        self.workers[which].release()

    @rule(turns=turns, which=workers)
    def loses_the_partition(self, turns: Sequence[Turn], which: int) -> None:
        self.work(turns)
        self.workers[which].release()

    @rule(turns=turns, which=workers)
    def crashes(self, turns: Sequence[Turn], which: int) -> None:
        self.work(turns)
        self.workers[which].crash()

    @rule(turns=turns, which=workers)
    def ends_in_order(self, turns: Sequence[Turn], which: int) -> None:
        self.work(turns)
        self.workers[which].end()

    @rule(turns=turns, which=workers, offsets=st.integers(1, 20))
    def is_given_the_same_again(self, turns: Sequence[Turn], which: int, offsets: int) -> None:
        self.work(turns)
        self.workers[which].hand_on_again(offsets)

    @rule(turns=turns, which=workers, size=sizes, after=st.integers(0, 4))
    def runs_out_of_memory(self, turns: Sequence[Turn], which: int, size: int, after: int) -> None:
        self.work(turns)
        worker = self.workers[which]
        worker.out_of_memory(after, lambda: worker.count(size))
        worker.out_of_memory(after, worker.tick)

    @rule(turns=turns, takes=st.booleans())
    def rejects_topic_takes_records_or_not(self, turns: Sequence[Turn], *, takes: bool) -> None:
        self.work(turns)
        self.shared.kafka.takes_rejects = takes

    @rule(turns=turns, which=numbers)
    def late_request_arrives(self, turns: Sequence[Turn], which: int) -> None:
        self.work(turns)
        self.network.arrive(which)

    @rule(turns=turns, traces=st.booleans())
    def everything_is_gone(self, turns: Sequence[Turn], *, traces: bool) -> None:
        self.work(turns)
        if not traces:
            self.shared.kafka.committed = None
        self.lose(lambda server: server.wipe())

    @rule(turns=turns, meanwhile=others)
    def person_has_it_counted_again(self, turns: Sequence[Turn], meanwhile: Sequence[Meanwhile]) -> None:
        self.work(turns)
        self.person.expect(None, self.between(self.person, meanwhile))
        self.rebuild(self.person)

    @rule(turns=turns, offsets=st.integers(1, 60), meanwhile=others)
    def log_is_cut_and_a_person_goes_on(
        self, turns: Sequence[Turn], offsets: int, meanwhile: Sequence[Meanwhile]
    ) -> None:
        self.work(turns)
        self.cut_log(offsets)
        self.person.expect(None, self.between(self.person, meanwhile))
        self.accept_gap(self.person)


class LosingSlotProtocol(SlotProtocol):
    """The same on a model of Redis that also returns to every state it has had."""

    server: ModelRedis

    @rule(turns=turns, commands=numbers)
    def is_rolled_back(self, turns: Sequence[Turn], commands: int) -> None:
        self.work(turns)
        self.lose(lambda server: server.roll_back(commands))

    @rule(turns=turns, commands=numbers)
    def is_torn(self, turns: Sequence[Turn], commands: int) -> None:
        self.work(turns)
        self.lose(lambda server: server.tear(commands))

    @rule(turns=turns)
    def starts_again(self, turns: Sequence[Turn]) -> None:
        self.work(turns)
        self.server.start_again()

    @rule(turns=turns, copy=numbers)
    def comes_back_from_a_copy(self, turns: Sequence[Turn], copy: int) -> None:
        self.work(turns)
        self.lose(lambda server: server.restore(copy))
