"""No order of steps makes the slot protocol lose or double a count, and the model that says so notices when one does.

``SLOT_MODEL_EXAMPLES=2000 pytest tests/property/test_slot_protocol_model.py`` runs longer, every time with other steps,
and prints what reproduces a failure.
"""

import itertools
import os
from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from store.layout import SlotName
from tests.property import slot_owner
from tests.property.model_link import RealServer, Server
from tests.property.protocol_sabotages import RARE, SABOTAGES, Sabotage, sabotaged
from tests.property.slot_protocol import LosingSlotProtocol, SlotProtocol

EXAMPLES = int(os.environ.get("SLOT_MODEL_EXAMPLES", "0"))
PARTITIONS = itertools.count()
MODEL = settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
UNTIL_NOTICED = settings(
    MODEL, max_examples=400, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False
)


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with slot_owner.small_limits():
        yield


@pytest.mark.timeout(0 if EXAMPLES else 300)
def test_no_order_of_steps_loses_or_doubles_a_count_whatever_redis_loses() -> None:
    run_state_machine_as_test(LosingSlotProtocol, settings=MODEL)


@pytest.mark.timeout(0 if EXAMPLES else 300)
def test_no_order_of_steps_loses_or_doubles_a_count_on_a_real_redis(redis_url: str, prefix: str) -> None:
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:

        class OnRealRedis(SlotProtocol):
            def new_server(self) -> Server:
                self.name = SlotName(f"{prefix}actions", next(PARTITIONS))
                return RealServer(client, self.name.tag)

        run_state_machine_as_test(OnRealRedis, settings=settings(MODEL, max_examples=EXAMPLES or 15))


@pytest.mark.parametrize("sabotage", SABOTAGES + RARE * bool(EXAMPLES), ids=lambda one: one.__name__)
def test_the_model_notices(sabotage: Sabotage) -> None:
    with sabotaged(sabotage), pytest.raises(Exception) as noticed:  # noqa: PT011  broken memory fails anyhow
        run_state_machine_as_test(LosingSlotProtocol, settings=UNTIL_NOTICED)
    assert not isinstance(noticed.value, HypothesisException | NotImplementedError)
