"""Publishing a run in one Kafka transaction: all of its records and its manifest, or nothing.

One transactional id per prefix makes runs take turns. `Publisher` fences whoever came before and ends a transaction
that a killed job left open; only then are the runs read, and only after that the slots, so that a run that is published
later was also read later. Who gets fenced in between published nothing and says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer

from jobs.user_scores import UserFigure
from schemas import manifest as manifest_schema
from schemas.exits import EngagementError, Unavailable, UsageError
from schemas.manifest import Manifest, weights_version
from schemas.scores import SCHEMA_HEADER, USER_SCHEMA_HEADER, ScoreBody, UserScore, Weighted, encode
from schemas.settings import Settings
from store import transactions
from store.account_records import AccountRecords, AccountsPart
from store.connect import kafka_producer
from store.denied import kafka_denial
from store.runs import manifests

INIT_SECONDS = 60.0
COMMIT_SECONDS = 120.0
TRANSACTION_SECONDS = 300
"""How long a transaction may stay open before the broker aborts it: far over what a million records take."""

_POLL_EVERY = 10_000


class Decision(msgspec.Struct, frozen=True):
    """What becomes of a run: `published` is the run that already says the same, else `revision` is the next one's."""

    revision: int
    published: Manifest | None = None


def refuse_older(as_of: str, runs: Sequence[Manifest]) -> None:
    """Raise UsageError where a later day than `as_of` was published."""
    if runs and as_of < runs[-1].as_of:
        raise UsageError(
            f"{as_of} is older than the newest published run ({runs[-1].as_of}), and only that day can get another "
            "revision; --dry-run shows any day"
        )


def decide(as_of: str, config_version: str, digest: str, runs: Sequence[Manifest]) -> Decision:
    """Compare a run with those published (oldest first)."""
    newest = runs[-1] if runs else None
    if newest and (newest.as_of, newest.config_version, newest.digest) == (as_of, config_version, digest):
        return Decision(newest.revision, newest)
    return Decision(max((run.revision + 1 for run in runs if run.as_of == as_of), default=0))


def newly_forgotten(records: AccountRecords, parts: Sequence[AccountsPart], runs: Sequence[Manifest]) -> list[str]:
    """The accounts, in order, whose last record is a null that the newest run had not read yet; none without a run."""
    if not runs:
        return []
    found: list[str] = []
    for part in parts:
        read = 0 if part.gapped else runs[-1].inputs.get(str(part.slot), 0)
        unread = (entry for entry in part.entries if entry.forgotten and entry.offset >= read)
        found.extend(entry.account_id for entry in unread if records.forgotten.get(entry.account_id) is entry)
    return sorted(found)


def score_values(manifest: Manifest, bodies: Iterable[ScoreBody]) -> Iterator[bytes]:
    """The values of the score records: what `encode(body.record(run_id, revision))` gives, in a fraction of the time.

    The bodies of a run and its records start alike, but for the two fields that the digest leaves out.
    """
    common = f'{{"as_of":"{manifest.as_of}",'
    start = f'{{"run_id":"{manifest.run_id}","as_of":"{manifest.as_of}","revision":{manifest.revision},'.encode()
    for body in bodies:
        yield start + encode(body)[len(common) :]


class Publisher:
    """The right to publish, from construction on. Every method raises EngagementError once a newer job has taken it."""

    def __init__(self, settings: Settings) -> None:
        """Take the right to publish. Raises Unavailable where Kafka does not grant it in INIT_SECONDS."""
        self._settings = settings
        self._topics = settings.topics
        with _failures(settings):
            self._producer = _producer(settings)
            self._producer.init_transactions(INIT_SECONDS)

    def runs(self) -> list[Manifest]:
        """All runs published so far, oldest first."""
        return manifests(self._settings, wait_for_open=True)

    def publish(
        self, manifest: Manifest, bodies: Sequence[ScoreBody], forgotten: Sequence[str], users: Sequence[UserFigure]
    ) -> None:
        """Publish all or nothing: the scores, a null for each forgotten account, users' scores, the manifest last."""
        producer = self._producer
        with _failures(self._settings):
            producer.begin_transaction()
            try:
                self._produce_scores(manifest, bodies, forgotten)
                self._produce_users(manifest, users)
                # The manifest is to be the last record also by the time that the broker has it.
                _flush(producer)
                key = manifest.as_of.encode()
                producer.produce(self._topics.runs, manifest_schema.encode(manifest), key, partition=0)
                transactions.commit(producer, COMMIT_SECONDS)
            except BaseException:
                transactions.abort(producer)
                raise

    def _produce_scores(self, manifest: Manifest, bodies: Sequence[ScoreBody], forgotten: Sequence[str]) -> None:
        for count, (body, value) in enumerate(zip(bodies, score_values(manifest, bodies), strict=True)):
            self._produce(self._topics.scores, body.account_id, value)
            if count % _POLL_EVERY == 0:
                self._producer.poll(0)
        for account in forgotten:
            self._produce(self._topics.scores, account, None)

    def _produce_users(self, manifest: Manifest, users: Sequence[UserFigure]) -> None:
        version = weights_version(manifest.config.weights)
        for count, one in enumerate(users):
            figure = Weighted(version, one.value)
            record = UserScore(manifest.run_id, manifest.as_of, one.account_id, one.kind, one.id, figure)
            self._produce(self._topics.user_scores, one.account_id, encode(record))
            if count % _POLL_EVERY == 0:
                self._producer.poll(0)

    def _produce(self, topic: str, account: str, value: bytes | None) -> None:
        header = SCHEMA_HEADER if topic == self._topics.scores else USER_SCHEMA_HEADER
        while True:
            try:
                self._producer.produce(topic, value, account.encode(), headers=[header])
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise transactions.cause(self._producer, error) from error
            else:
                return


def _producer(settings: Settings) -> Producer:
    ours = {
        "transactional.id": settings.transactional_id,
        "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
        # The Java clients' partitioner: an account's records lie in the same partition whoever wrote them.
        "partitioner": "murmur2_random",
        "linger.ms": 20,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 500_000,
        "queue.buffering.max.kbytes": 262_144,
    }
    return kafka_producer(settings, **ours)


def _flush(producer: Producer) -> None:
    left = producer.flush(COMMIT_SECONDS)
    if left:
        raise Unavailable(f"Kafka left {left} score records waiting for {COMMIT_SECONDS:g} s; nothing was published")


def _right_of(refused: KafkaError, settings: Settings) -> str:
    if refused.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        topics = settings.topics
        return f"Write on topic {topics.scores}, {topics.runs} or {topics.user_scores}"
    return f"Write on transactional id {settings.transactional_id}"


@contextmanager
def _failures(settings: Settings) -> Iterator[None]:
    """Say what a failure of the producer means for the run."""
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        denial = kafka_denial(cause, _right_of(cause, settings))
        if denial is not None:
            raise denial from error
        if cause.code() in transactions.FENCED:
            text = f"another `engagement-jobs daily` took over (transactional.id {settings.transactional_id})"
            raise EngagementError(f"{text}; this one published nothing, see the other's outcome") from error
        if cause.retriable() or cause.code() == KafkaError._TIMED_OUT:  # noqa: SLF001  librdkafka's public name
            text = f"Kafka did not confirm the transaction in time ({cause.str()})"
            raise Unavailable(f"{text}; run again: what was committed is not published twice") from error
        raise EngagementError(f"Kafka refused the transaction: {cause.str()}; nothing was published") from error
