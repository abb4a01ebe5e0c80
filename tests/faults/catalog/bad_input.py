"""Input that nobody should send: each record is counted or rejected with its reason, and harms no other."""

from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from tests.acceptance.poison import account_cases, action_cases, members
from tests.faults.catalog.fault import Fault
from tests.faults.fuzz.corpus import account_corpus, action_corpus
from tests.faults.fuzz.mutations import mutant
from tests.faults.system import System
from tests.support import wait_until

KIND = "input"
Record = tuple[bytes | None, bytes | None]
"""Key and value."""

TEN_MEGABYTES = 10_000_000
DELIVERY_SECONDS = 60.0
MUTANTS = 1_500
YEARS = ("0000", "99999", "10000", "-0001", "9999", "0001", "2023")


def send_all(system: System, topic: str, records: Iterable[Record]) -> None:
    """Send records to any partitions, in any batches, amid those of the feed; fails where the broker refuses one."""
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        failures.extend([error] if error else [])

    settings = {"message.max.bytes": 2 * TEN_MEGABYTES, "linger.ms": system.random.choice((0, 5, 50))}
    producer = Producer({"bootstrap.servers": system.kafka_server.address, **settings})
    partitions = [partition for name, partition in system.checker.slots() if name == system.prefix + topic]
    for key, value in records:
        producer.produce(
            system.prefix + topic,
            key=key,
            value=value,
            partition=system.random.choice(partitions),
            on_delivery=delivered,
        )
        producer.poll(0)
    assert producer.flush(DELIVERY_SECONDS) == 0
    assert not failures, failures[:3]


def shuffled(random: Random, records: list[Record]) -> list[Record]:
    return random.sample(records, len(records))


def now(system: System) -> datetime:
    """Noon of the feed's newest day, so that what is good counts."""
    day = system.feed.day
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def send_both_sides_of_the_border(system: System) -> None:
    actions = [(case.key, case.value) for case in action_cases(now(system))]
    accounts = [(case.key, case.value) for case in account_cases(now(system))]
    send_all(system, "actions", shuffled(system.random, actions))
    send_all(system, "accounts", shuffled(system.random, accounts))


def send_ten_megabytes(system: System) -> None:
    """Values far beyond the limit, of a broker that takes them."""
    for topic in ("actions", "accounts"):
        take_values_of(system, topic, 2 * TEN_MEGABYTES)
    when = now(system).isoformat().encode()
    valid = members(b'"large"', when, b'"x":"%s"' % (b"x" * TEN_MEGABYTES))
    noise = system.random.randbytes(TEN_MEGABYTES)
    values = [valid, noise, b"[" * TEN_MEGABYTES, b'{"a":' * (TEN_MEGABYTES // 5), b" " * TEN_MEGABYTES]
    small: list[Record] = [(b"large", members(b'"large"', when))] * 20
    large: list[Record] = [(b"large", value) for value in system.random.sample(values, 3)]
    send_all(system, "actions", shuffled(system.random, small + large))
    send_all(system, "accounts", [(b"large", system.random.choice(values))])


def take_values_of(system: System, topic: str, most_bytes: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(most_bytes), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, system.prefix + topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": system.kafka_server.address})
    admin.incremental_alter_configs([resource])[resource].result()
    described = ConfigResource(ConfigResource.Type.TOPIC, system.prefix + topic)

    def taken() -> bool:
        """The broker answers before it has put a setting to work."""
        found: str = admin.describe_configs([described])[described].result()["max.message.bytes"].value
        return found == str(most_bytes)

    wait_until(taken, what=f"{topic} that take {most_bytes} bytes")


def send_odd_moments(system: System) -> None:
    """Years that are none, offsets that are missing or shift a moment over a day's or a year's end."""
    day = now(system).strftime("%m-%d")
    offsets = ("Z", "", "z", "+00:00", "-00:00", "+23:59", "-23:59", "+24:00", "+0000", " Z")
    texts = [f"{year}-{day}T{clock}{offset}" for year in YEARS for clock in CLOCKS for offset in offsets]
    texts += [f"{now(system).year}-{day}T{clock}{offset}" for clock in CLOCKS for offset in offsets]
    actions: list[Record] = [(None, members(b'"odd"', text.encode())) for text in texts]
    accounts: list[Record] = [
        (b"odd", b'{"account_id":"odd","%s":"%s"}' % (field, text.encode()))
        for text in texts
        for field in (b"effective_at", b"created_at")
    ]
    send_all(system, "actions", shuffled(system.random, actions))
    send_all(system, "accounts", shuffled(system.random, accounts))


CLOCKS = ("00:00:00", "23:59:59.999999999", "24:00:00", "23:59:60")


def send_mutants(system: System) -> None:
    """What a fuzzer makes of good records and of bad ones."""
    random = system.random
    for topic, corpus in (("actions", action_corpus(now(system))), ("accounts", account_corpus(now(system)))):
        values = [value for _, value in corpus]
        records = [(key, mutant(random, value, values)) for key, value in random.choices(corpus, k=MUTANTS)]
        send_all(system, topic, records)


FAULTS: tuple[Fault, ...] = (
    Fault(KIND, "records on both sides of the border", send_both_sides_of_the_border),
    Fault(KIND, "values of 10 MB", send_ten_megabytes),
    # These two may move the newest day so far that all that the feed sends afterwards is too old to count.
    Fault(KIND, "moments without offset, of years 0 and 99999", send_odd_moments, lasting=False),
    Fault(KIND, "records with mutated bytes", send_mutants, lasting=False),
)
