"""Redis lost all of its data, or a part of it: where figures would be wrong, workers stop and say so."""

import shutil

import redis
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from tests.faults.catalog.fault import Fault
from tests.faults.redis_client import direct
from tests.faults.stopped import assert_error, count_again, end_all, wait_for_error, wait_for_errors
from tests.faults.system import System
from tests.support import wait_until

KIND = "redis"
POLICY_ERROR = "maxmemory-policy"
COMMITTED_SECONDS = 60.0
"""An offset is committed within 10 s of its partition being assigned, which may happen again meanwhile."""


def group_of(system: System) -> str:
    return f"{system.prefix}stream"


def committed(system: System) -> bool:
    """Whether the group has committed an offset of every slot: a trace of what was counted."""
    admin = AdminClient({"bootstrap.servers": system.kafka_server.address})
    request = ConsumerGroupTopicPartitions(group_of(system))
    told = admin.list_consumer_group_offsets([request])[group_of(system)].result().topic_partitions or []
    return {(place.topic, place.partition) for place in told if place.offset > 0} >= system.checker.slots().keys()


def start_empty(system: System) -> None:
    system.until(lambda: committed(system), COMMITTED_SECONDS, "committed offsets")
    with system.checker.rolled_back():
        empty(system)
        errors = wait_for_errors(system, "Redis has no slot", "committed offset", system.prefix)
    assert all("engagement-stream rebuild --topic" in error for error in errors), errors
    count_again(system)


def start_empty_without_traces(system: System) -> None:
    """Nothing says that anything was ever counted, so everything is counted from the start of the log."""
    system.stop_workers()
    system.until(lambda: forgotten(system), what="a group without members")
    with system.checker.rolled_back():
        empty(system)
        system.start_workers()
        system.steady()


def forgotten(system: System) -> bool:
    """Whether Kafka has no group any more; it keeps one until it has missed a member that went amid a rebalance."""
    admin = AdminClient({"bootstrap.servers": system.kafka_server.address})
    try:
        admin.delete_consumer_groups([group_of(system)])[group_of(system)].result()
    except KafkaException as error:
        if error.args[0].code() not in (KafkaError.NON_EMPTY_GROUP, KafkaError.GROUP_ID_NOT_FOUND):
            raise
        return bool(error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)
    return True


def empty(system: System) -> None:
    system.redis_server.kill()
    shutil.rmtree(system.redis_server.data_dir)
    system.redis_server.start()


def lose_a_key(system: System) -> None:
    """A string that its owner loads is gone, as if evicted: the slot must not be counted on."""
    with direct(system) as client, system.checker.rolled_back():
        key = choose_a_key(system, client)
        system.stop_workers()
        client.delete(key)
        system.start_workers()
        wait_for_error(system, key, "Redis holds 0 of", "evicted", "engagement-stream rebuild")
    end_all(system)
    count_again(system)


def lose_a_key_of_an_owner(system: System) -> None:
    """The same under a running worker: it must not go on writing into what is left of the string."""
    with direct(system) as client, system.checker.rolled_back():
        key = choose_a_key(system, client)
        client.delete(key)
        wait_for_error(system, key, "evicted", "engagement-stream rebuild")
    end_all(system)
    count_again(system)


def choose_a_key(system: System, client: redis.Redis) -> str:
    """The key of a string that grows with every new account, and is not in the redo record alone any more."""
    topic, partition = system.random.choice([slot for slot in system.checker.slots() if slot[0].endswith("actions")])
    string = system.random.choice(("accounts", "accounts-lengths", "series", "first-day"))
    key = f"{{{topic}/{partition}}}:{string}:0"
    system.until(lambda: client.exists(key), what=key)
    return key


def allow_eviction(system: System) -> None:
    """Workers do not start beside a policy that may take any key."""
    system.stop_workers()
    with direct(system) as client:
        client.config_set("maxmemory-policy", f"allkeys-{system.random.choice(('lru', 'lfu', 'random'))}")
        system.start_workers()
        system.until(lambda: all(one.poll() is not None for one in system.workers), what="workers that refuse")
        for worker in system.workers:
            assert_error(system, worker, POLICY_ERROR, "noeviction", code=2)
        end_all(system)
        client.config_set("maxmemory-policy", "noeviction")
    system.start_workers()


def evict(system: System) -> None:
    """A policy changed under running workers takes half of the keys: the first that is missed stops its owner."""
    system.until(lambda: committed(system), COMMITTED_SECONDS, "committed offsets")
    with direct(system) as client, system.checker.rolled_back():
        most = client.dbsize() // 2
        client.config_set("maxmemory-policy", "allkeys-random")
        wait_until(lambda: evict_some(client) <= most, what="evicted keys")
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
        wait_for_error(system, "engagement-stream rebuild")
    end_all(system)
    count_again(system)


def evict_some(client: redis.Redis) -> int:
    """How many keys are left."""
    client.config_set("maxmemory", int(0.995 * client.info("memory")["used_memory"]))
    return client.dbsize()


FAULTS: tuple[Fault, ...] = (
    Fault(KIND, "restart empty, with traces in Kafka", start_empty, lasting=False),
    Fault(KIND, "restart empty, without traces", start_empty_without_traces, lasting=False),
    Fault(KIND, "a key is gone", lose_a_key, lasting=False),
    Fault(KIND, "a key is gone under its owner", lose_a_key_of_an_owner, lasting=False),
    Fault(KIND, "a policy that evicts anything, at start", allow_eviction),
    Fault(KIND, "keys are evicted under running workers", evict, lasting=False),
)
