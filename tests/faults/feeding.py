"""The process behind ``Feed``: `python -m tests.faults.feeding PLAN` takes orders on stdin and reports on stdout."""

import sys
import threading
import time
from contextlib import suppress
from datetime import date, timedelta
from random import Random

import msgspec
from confluent_kafka import KafkaException, Producer

from tests.faults.feed_bank import Bank
from tests.support import await_markers

SLICE_SECONDS = 0.02
REPORT_SECONDS = 0.1
FIRST_DAY = date(2004, 1, 1)
LONGEST_BACK = 400
FLUSH_SECONDS = 30.0
ABORTED = 0.25
MOST_IN_TRANSACTION = 100
BETWEEN_TRANSACTIONS = (0.2, 1.0)
PRODUCER = {"linger.ms": 5, "message.max.bytes": 4_000_000, "topic.metadata.refresh.interval.ms": 5_000}
TRANSACTIONAL = {"transaction.timeout.ms": 10_000, "message.timeout.ms": 10_000}
ANSWER_SECONDS = 10.0


class Plan(msgspec.Struct, frozen=True):
    """What a feed is about."""

    kafka: str
    prefix: str
    seed: int
    day_seconds: float


class Order(msgspec.Struct, frozen=True):
    """How fast to go from now on, 0 not at all; whether days pass by, and how many were asked for beside those."""

    number: int
    rate: int
    days: int
    days_pass: bool


class Progress(msgspec.Struct, frozen=True):
    """The last order that was followed, the events so far, and the newest day."""

    order: int
    sent: int
    day: str


class Calendar:
    """The days of the feed: mostly the next one, at times a jump that prunes many."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.day = FIRST_DAY
        self.texts: list[bytes] = []
        self.forward()

    def forward(self) -> None:
        days = 30 if self._random.random() < 0.03 else self._random.choice((1, 1, 1, 2, 4))
        self.day += timedelta(days=days)
        self.texts = [(self.day - timedelta(days=back)).isoformat().encode() for back in range(LONGEST_BACK)]


class Transactions:
    """A part of the records in transactions, committed and aborted, from a thread: it waits for the broker a lot."""

    def __init__(self, plan: Plan, bank: Bank, calendar: Calendar, random: Random) -> None:
        self._plan, self._bank, self._calendar, self._random = plan, bank, calendar, random
        self._config = {"bootstrap.servers": plan.kafka, "transactional.id": f"{plan.prefix}feed", **TRANSACTIONAL}
        self._producer: Producer | None = None
        self.sent = 0
        self.wanted = threading.Event()
        self.idle = threading.Event()
        self._order = threading.Lock()

    def run(self) -> None:
        while True:
            if not self.wanted.is_set():
                self._once()  # the log ends with markers
                self._rest()
            self._once()
            time.sleep(self._random.uniform(*BETWEEN_TRANSACTIONS))

    def _rest(self) -> None:
        with self._order:
            if not self.wanted.is_set():
                self.idle.set()
        self.wanted.wait()

    def go(self) -> None:
        """Have transactions from now on. No rest of before may be taken for one that begins after the next pause."""
        with self._order:
            self.wanted.set()
            self.idle.clear()

    def _once(self) -> None:
        try:
            if self._producer is None:
                producer = Producer({**PRODUCER, **self._config})
                producer.init_transactions(ANSWER_SECONDS)
                self._producer = producer
            self._transact(self._producer)
        except (KafkaException, BufferError) as error:
            print(f"transaction: {error}", file=sys.stderr, flush=True)
            self._producer = None

    def _transact(self, producer: Producer) -> None:
        producer.begin_transaction()
        count = self._random.randint(1, MOST_IN_TRANSACTION)
        for _ in range(count):
            entry = self._bank.next()
            producer.produce(entry.topic, entry.value(self._calendar.texts), entry.key)
        self.sent += count
        if self._random.random() < ABORTED:
            producer.flush(ANSWER_SECONDS)
            producer.abort_transaction(ANSWER_SECONDS)
        else:
            producer.commit_transaction(ANSWER_SECONDS)


class Feeding:
    """Sends what the orders say. Whether it arrives is nobody's concern: the checker reads what the log has."""

    def __init__(self, plan: Plan) -> None:
        random = Random(plan.seed)
        self._day_seconds = plan.day_seconds
        self._calendar = Calendar(random)
        self._bank = Bank(random, plan.prefix, FIRST_DAY)
        self._kafka = plan.kafka
        self._topics = (f"{plan.prefix}actions", f"{plan.prefix}accounts")
        self._producer = self._new_producer()
        self._transactions = Transactions(plan, self._bank, self._calendar, Random(plan.seed + 1))
        self._order = Order(0, 0, 0, days_pass=True)
        self._followed = self._sent = self._days = 0

    def run(self) -> None:
        for work in (self._listen, self._transactions.run):
            threading.Thread(target=work, daemon=True).start()
        last = day_at = reported_at = time.monotonic()
        due = 0.0
        while True:
            time.sleep(SLICE_SECONDS)
            now, order = time.monotonic(), self._order
            due = min(due + order.rate * (now - last), order.rate)
            due -= self._send(int(due))
            over = order.days_pass and now - day_at >= self._day_seconds
            if order.rate and (over or order.days > self._days):
                day_at = now
                self._forward(order)
            if order.number != self._followed:
                self._follow(order)
                self._report()
            elif now - reported_at >= REPORT_SECONDS:
                reported_at = now
                self._report()
            last = now

    def _new_producer(self) -> Producer:
        return Producer({"bootstrap.servers": self._kafka, "enable.idempotence": True, **PRODUCER})

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            self._order = msgspec.json.decode(line, type=Order)

    def _forward(self, order: Order) -> None:
        self._days = order.days
        self._calendar.forward()
        self._bank.renew()

    def _send(self, count: int) -> int:
        produce, take, days = self._producer.produce, self._bank.next, self._calendar.texts
        sent = 0
        try:
            for _ in range(count):
                entry = take()
                produce(entry.topic, entry.value(days), entry.key)
                sent += 1
        except BufferError:
            pass  # the broker is away
        except KafkaException:  # a log lost what this producer sent: it can never go on, a new one can
            self._producer = self._new_producer()
        self._producer.poll(0)
        self._sent += sent
        return sent

    def _follow(self, order: Order) -> None:
        if order.rate:
            self._transactions.go()
        else:
            self._transactions.wanted.clear()
            self._producer.flush(FLUSH_SECONDS)
            self._transactions.idle.wait(FLUSH_SECONDS)
            with suppress(AssertionError):  # of a broker that is away
                await_markers(self._kafka, *self._topics, seconds=FLUSH_SECONDS)
        self._followed = order.number

    def _report(self) -> None:
        done = Progress(self._followed, self._sent + self._transactions.sent, self._calendar.day.isoformat())
        sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    Feeding(msgspec.json.decode(sys.argv[1], type=Plan)).run()
