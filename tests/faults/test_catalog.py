"""A part of the catalog of faults: never lost, never twice, a run whole or invisible. `make faults` tries all of it."""

from collections.abc import Iterator

import pytest

from tests.faults.catalog import BRIEF, Fault
from tests.faults.seed import printed_random
from tests.faults.site import Site
from tests.faults.system import NOT_IN_TIME, Setup


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One place for all, since most faults leave a system that can take the next one."""
    with Site(tmp_path_factory.mktemp("faults"), printed_random(), Setup()) as site:
        yield site


@pytest.mark.timeout(900)  # two tries
@pytest.mark.parametrize("fault", BRIEF, ids=lambda fault: f"{fault.kind}: {fault.name}")
def test_nothing_is_lost_and_nothing_counted_twice(site: Site, fault: Fault) -> None:
    outcome = site.attempt(fault)
    if NOT_IN_TIME in outcome.wrong:
        # A machine too busy to make the fault; what the checker finds is never tried again.
        print(outcome.wrong)
        outcome = site.attempt(fault)
    assert not outcome.wrong, outcome.wrong
    assert outcome.events > 0
