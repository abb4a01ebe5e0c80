"""The real sample through real topics gives the figures that somebody else found, however it is spread and fed."""

from datetime import date
from random import Random

import pytest

from tests.acceptance import sample
from tests.acceptance.engine import (
    Engine,
    Put,
    account_puts,
    action_puts,
    assert_equal_figures,
    compact,
    known,
    produce,
)
from tests.acceptance.oracle import Figures
from tests.acceptance.plain_scores import expected_scores
from tests.acceptance.published import manifests, newest_run


def load(engine: Engine, seed: int, *, keyed: bool) -> list[int]:
    """Produces all of the sample, each topic in its own order, both mixed at random; the partition of every action."""
    print(f"seed {seed}")
    random = Random(seed)
    queues = [account_puts(engine.prefix, sample.accounts()), action_puts(engine.prefix, sample.actions(), keyed=keyed)]
    order = [0] * len(queues[0]) + [1] * len(queues[1])
    random.shuffle(order)
    feeds = [iter(queue) for queue in queues]
    places = produce(engine.kafka, [next(feeds[number]) for number in order], batches=random)
    return [partition for topic, partition, _ in places if topic == engine.prefix + "actions"]


def figures(as_of: str, laid: list[int]) -> dict[str, Figures]:
    return expected_scores(sample.actions(), sample.accounts(), date.fromisoformat(as_of), partitions=laid)


@pytest.mark.parametrize(
    ("partitions", "workers", "flags", "keyed"),
    [
        pytest.param(1, 1, (), True, id="1 partition, 1 worker"),
        pytest.param(3, 2, (), True, id="3 partitions, 2 workers"),
        pytest.param(8, 1, (), False, id="8 partitions, 1 worker, no keys"),
        pytest.param(8, 1, ("--workers", "2"), True, id="8 partitions, 1 command with 2 workers"),
        pytest.param(3, 2, (), False, id="3 partitions, 2 workers, no keys"),
    ],
)
def test_every_account_of_all_three_days_has_the_expected_figures(
    engine: Engine, partitions: int, workers: int, flags: tuple[str, ...], *, keyed: bool
) -> None:
    engine.create_topics(partitions)
    with engine.workers(workers, *flags):
        laid = load(engine, seed=partitions * 100 + workers * 10 + keyed, keyed=keyed)
        for as_of in sample.DAYS:
            printed = engine.daily(as_of)
            # Without keys a minute may be spent in several partitions, and they are summed.
            besides = ["change"] if keyed else ["change", "time_spent_minutes"]
            assert_equal_figures(printed, known(sample.expected(as_of).values(), besides), besides)
            assert_equal_figures(newest_run(engine).scores, figures(as_of, laid))


def test_a_run_is_published_once_and_a_newer_count_is_its_next_revision(engine: Engine) -> None:
    first, second, _ = sample.DAYS
    engine.create_topics(3)
    with engine.workers(1):
        load(engine, seed=7, keyed=True)
        assert engine.daily(first, "--dry-run")
        assert manifests(engine) == [], "a dry run published"
        engine.daily(first)
        engine.daily(second)
        run = newest_run(engine)
        engine.daily(second)
        assert len(manifests(engine)) == 2, "a repeat published"
        refused = engine.jobs("daily", "--as-of", first, "--output", "json")
        assert (refused.code, refused.out) == (2, "")
        assert first in refused.error
        late = {"account_id": "intel.com", "action": "authored", "timestamp": f"{second}T12:00:00Z"}
        produce(engine.kafka, [Put(engine.prefix + "actions", b"intel.com", compact(late))])
        engine.daily(second)
        again = newest_run(engine)
    assert (run.revision, again.revision) == (0, 1)
    assert again.manifest["run_id"] != run.manifest["run_id"]
    assert len(again.scores) == len(run.scores)
    before, after = known(run.scores)["intel.com"]["actions"], known(again.scores)["intel.com"]["actions"]
    assert isinstance(before, int)
    assert after == before + 1
