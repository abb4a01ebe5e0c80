"""Creates the topics, and says where existing ones differ. Never changes one, but for what the rejects topic takes."""

from collections.abc import Collection, Iterable
from concurrent.futures import Future
from enum import StrEnum
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    TopicDescription,
)

from schemas.exits import Denied, EngagementError, Unavailable
from schemas.settings import Settings
from store.denied import kafka_denial
from store.offsets import existing, log_bounds, topic_settings
from store.patience import ask_patiently
from stream.topic_plan import (
    MAX_BYTES,
    REJECTS_MAX_BYTES,
    Difference,
    TopicFound,
    TopicPlan,
    Wishes,
    differences,
    plans,
    takes_inputs,
)

REQUEST_SECONDS = 30.0


class State(StrEnum):
    """What became of a topic."""

    MISSING = "missing"
    CREATED = "created"
    EXISTS = "exists"


class TopicReport(msgspec.Struct, frozen=True):
    """One topic as it is after the command. `partitions` and `replication` are None while it is missing."""

    topic: str
    state: State
    partitions: int | None
    replication: int | None
    differs: list[Difference]


def report_topics(
    admin: AdminClient, settings: Settings, wishes: Wishes, *, asked: frozenset[str], create: bool
) -> list[TopicReport]:
    """Look at all topics, after creating the missing ones where `create` says so.

    `asked` names the wishes that were given and are no defaults. Raises Unavailable, or EngagementError where the
    broker refuses.
    """
    planned = plans(settings, wishes, _brokers(admin))
    before = found_topics(admin, [plan.name for plan in planned])
    missing = [plan for plan in planned if plan.name not in before]
    if create:
        _create(admin, missing)
        ensure_rejects_takes_inputs(admin, settings)
    now = found_topics(admin, [plan.name for plan in planned]) if create else before
    return [_report(plan, now.get(plan.name), asked, created=create and plan in missing) for plan in planned]


def ensure_rejects_takes_inputs(admin: AdminClient, settings: Settings) -> None:
    """Raise `max.message.bytes` of the rejects topic to the most that can be sent, so that no rejected record is stuck.

    Where the cluster's owner forbids that, what the input topics take must do. Raises EngagementError where it does
    not, Unavailable where Kafka does not answer. Missing topics are nobody's business here.
    """
    topics = settings.topics
    found = found_topics(admin, [topics.rejects, topics.actions, topics.accounts])
    rejects = found.get(topics.rejects)
    if rejects is None or int(rejects.settings[MAX_BYTES]) >= REJECTS_MAX_BYTES:
        return
    entry = ConfigEntry(MAX_BYTES, str(REJECTS_MAX_BYTES), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topics.rejects, incremental_configs=[entry])
    try:
        _answer(admin.incremental_alter_configs([resource], request_timeout=REQUEST_SECONDS)[resource])
    except KafkaException as error:
        inputs = [one.settings for name, one in found.items() if name != topics.rejects]
        if not takes_inputs(rejects.settings, inputs):
            raise EngagementError(_too_small(topics.rejects, rejects, error)) from error


def found_topics(admin: AdminClient, names: Iterable[str]) -> dict[str, TopicFound]:
    """Those of the topics that exist. Raises Unavailable where Kafka does not answer, Denied."""
    topics = existing(admin, list(names))
    settings = topic_settings(admin, list(topics))
    return {
        name: TopicFound(name, len(topic.partitions), _replication(topic), settings[name])
        for name, topic in topics.items()
    }


def _report(plan: TopicPlan, found: TopicFound | None, asked: Collection[str], *, created: bool) -> TopicReport:
    if found is None:
        return TopicReport(plan.name, State.MISSING, None, None, [])
    differs = differences(plan, found, asked)
    state = State.CREATED if created else State.EXISTS
    return TopicReport(plan.name, state, found.partitions, found.replication, differs)


def _create(admin: AdminClient, missing: list[TopicPlan]) -> None:
    if not missing:
        return
    wanted = [NewTopic(one.name, one.partitions, one.replication, config=one.settings) for one in missing]
    try:
        for name, future in admin.create_topics(wanted, operation_timeout=REQUEST_SECONDS).items():
            _created(name, future)
    except KafkaException as error:
        message = f"Kafka gave no answer: {error.args[0].str()}; run `engagement-stream topics --create` again"
        raise Unavailable(message) from error
    ask_patiently(lambda: _use(admin, [one.name for one in missing]))


def _use(admin: AdminClient, names: list[str]) -> None:
    """Raise Unavailable where a broker does not know the topics yet, which it may say a moment after they were made."""
    try:
        log_bounds(admin, names)
    except Denied:
        raise
    except EngagementError as error:
        raise Unavailable(str(error)) from error


def _created(name: str, future: Future[Any]) -> None:
    try:
        _answer(future)
    except KafkaException as error:
        reason = error.args[0]
        if reason.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        message = f"Kafka refused to create topic {name}: {reason.str()}"
        raise kafka_denial(reason, f"Create on topic {name}") or EngagementError(message) from error


def _brokers(admin: AdminClient) -> int:
    try:
        return len(admin.list_topics(timeout=REQUEST_SECONDS).brokers)
    except KafkaException as error:
        message = f"Kafka gave no answer: {error.args[0].str()}; is it up, and is KAFKA_BOOTSTRAP_SERVERS right?"
        raise Unavailable(message) from error


def _answer(future: Future[Any]) -> Any:  # noqa: ANN401  confluent-kafka's futures carry no type
    return future.result(timeout=2 * REQUEST_SECONDS)


def _replication(topic: TopicDescription) -> int:
    return min((len(one.replicas) for one in topic.partitions), default=0)


def _too_small(name: str, rejects: TopicFound, error: KafkaException) -> str:
    return (
        f"topic {name} takes {rejects.settings[MAX_BYTES]} bytes, less than an input topic, and Kafka refused to raise "
        f"it ({error.args[0].str()}); allow this user to alter it, or set its {MAX_BYTES} to that of the input topics"
    )
