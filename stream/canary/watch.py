"""The canary at work: sends, looks into the slots until what it sent is in there, and compares each new run.

All of it is one thread that takes steps. What a step came to is `seen`, a value that other threads may read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog
from confluent_kafka import KafkaException

from schemas.exits import Blocked, ConfigurationError, Denied, EngagementError
from schemas.settings import Settings
from store.connect import connect_redis, kafka_admin
from store.layout import SlotName
from store.offsets import existing
from store.slots import SlotStore
from stream.canary.counters import Counters
from stream.canary.ledger import Ledger, Outcome
from stream.canary.picture import Path, Seen, wrong_count
from stream.canary.run_watch import RunWatch
from stream.canary.sender import ACTION, STATUS, Clocks, Sender, Tally
from stream.canary.standing import has_record

SOURCES = ("kafka", "redis", "runs")
ANSWER_SECONDS = 5.0
"""How long a look at Kafka may keep the looks into the slots waiting."""

log = structlog.get_logger()


class Canary:
    """Of one account. `interval` is the time from one round of events to the next, in seconds. Not for several threads.

    A source that gives no answer is counted, logged once, and asked again at the next step; what a person has to put
    right (Denied, ConfigurationError) is raised.
    """

    def __init__(self, settings: Settings, account: str, interval: float, clocks: Clocks) -> None:
        self._settings = settings
        self._account = account
        self._interval = interval
        self._clocks = clocks
        self._admin = kafka_admin(settings)
        self._client = connect_redis(settings)
        self._counters = Counters(self._client, account, ACTION, settings.timezone)
        self._sender = Sender(settings, account, clocks)
        self._runs = RunWatch(settings, self._admin, account, self._counters)
        self._ledgers: dict[SlotName, Ledger] = {}
        self._next_round = clocks.steady()
        self.seen = Seen(clocks.steady(), 0, dict.fromkeys(SOURCES, 0), {}, {}, None)

    def start(self) -> None:
        """Give the account a record with a Status of its own, if it has none, and compare the newest run.

        So whatever right is missing is told at once. Raises EngagementError where Kafka or Redis give no answer.
        """
        topics = self._settings.topics
        accounts, now = self._slots(topics.accounts), int(self._clocks.now() * 1000)
        if not has_record(SlotStore(self._client), accounts, self._account, now):
            self._sender.send_account()
            log.info("account record sent", account=self._account, status=STATUS)
        self._ledgers = {slot: Ledger() for slot in self._slots(topics.actions)}
        self._compare_runs()

    def step(self) -> None:
        """Send where it is time to, look where something is not in yet, and compare a new run where all is in."""
        if self._clocks.steady() >= self._next_round:
            self.send()
        self.look()
        if self.waits_for_none and self._runs.due(self._clocks.steady()):
            self._compare_runs()
        self._show(at=self._clocks.steady())

    @property
    def waits_for_none(self) -> bool:
        """Whether all that was sent is in the slots."""
        return all(ledger.oldest() is None for ledger in self._ledgers.values())

    def send(self) -> None:
        """One event to each partition that there is now, or was when Kafka last said so."""
        self._next_round = self._clocks.steady() + self._interval
        with self._asking("kafka"):
            topic = self._settings.topics.actions
            added = [slot for slot in self._slots(topic) if slot not in self._ledgers]
            if added:
                self._sender.learn_partitions(topic, ANSWER_SECONDS)
                self._ledgers |= {slot: Ledger() for slot in added}
        with self._asking("kafka", settles=False):
            self._sender.send(self._ledgers)
        self._show(rounds=self.seen.rounds + 1)

    def look(self) -> None:
        """Compare the slots that have passed an event since the last look."""
        with self._asking("kafka", settles=False):
            self._sender.answers()
        with self._asking("redis"):
            self._read_all()
        self._show(paths={slot: self._path(slot) for slot in self._ledgers})

    def _read_all(self) -> None:
        """Raises Blocked after all others were read, where a slot cannot be."""
        waiting = [slot for slot, ledger in self._ledgers.items() if ledger.oldest() is not None]
        offsets = self._counters.offsets(waiting) if waiting else {}
        blocked: Blocked | None = None
        for slot, offset in offsets.items():
            try:
                self._read(slot, self._ledgers[slot], offset)
            except Blocked as error:
                blocked = error
        if blocked is not None:
            raise blocked

    def _compare_runs(self) -> None:
        with self._asking("runs"):
            score = self._runs.newest(self._ledgers, self._sender.today(), self._clocks.steady())
            if score != self.seen.score and score is not None and score.difference:
                log.error("wrong score", account=self._account, found=wrong_count(score.difference))
            self._show(score=score)

    def _slots(self, topic: str) -> list[SlotName]:
        found = existing(self._admin, [topic], ANSWER_SECONDS)
        if topic not in found:
            raise EngagementError(f"missing in Kafka: {topic}; make it with `engagement-stream topics --create`")
        return [SlotName(topic, number) for number in range(len(found[topic].partitions))]

    def _read(self, slot: SlotName, ledger: Ledger, offset: int) -> None:
        days = ledger.wants(offset)
        reading = self._counters.read(slot, days) if days else None
        if reading is not None:
            outcome = ledger.read(reading, self._clocks.steady())
            self._show(paths={**self.seen.paths, slot: self._judged(slot, outcome)})

    def _judged(self, slot: SlotName, outcome: Outcome) -> Path:
        path, difference = self.seen.paths.get(slot, Path()), outcome.difference or 0
        wrong = outcome.news and difference != 0
        if wrong:
            log.error("wrong count", slot=str(slot), account=self._account, found=wrong_count(difference))
        delays = path.delays.and_those(outcome.delays)
        return msgspec.structs.replace(path, delays=delays, wrong=path.wrong + wrong)

    def _path(self, slot: SlotName) -> Path:
        ledger, tally = self._ledgers[slot], self._sender.tallies.get(slot, Tally())
        return msgspec.structs.replace(
            self.seen.paths.get(slot, Path()),
            sent=tally.sent,
            failed=tally.failed,
            difference=ledger.difference,
            oldest=ledger.oldest(),
        )

    @contextmanager
    def _asking(self, source: str, *, settles: bool = True) -> Iterator[None]:
        """`settles`: that nothing is raised means that the source answers."""
        others = {name: text for name, text in self.seen.failing.items() if name != source}
        try:
            yield
        except (Denied, ConfigurationError):
            raise
        except (EngagementError, KafkaException) as error:
            if source not in self.seen.failing:
                log.warning("no answer", source=source, error=str(error))
            errors = {**self.seen.errors, source: self.seen.errors[source] + 1}
            self._show(errors=errors, failing={**others, source: str(error)})
        else:
            if settles and source in self.seen.failing:
                log.info("answers again", source=source)
                self._show(failing=others)

    def _show(self, **changes: object) -> None:
        self.seen = msgspec.structs.replace(self.seen, **changes)
