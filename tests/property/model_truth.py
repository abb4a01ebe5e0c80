"""What a slot must hold where its header says that it stands: the plain fold of its log, once for each place."""

import random
from functools import cache

from store.layout import Gap, Header
from tests.property.generated_log import log_of, random_draws
from tests.property.plain_slot import Figures, LogRecord, PlainRules, PlainSlot

CASES = 8
RECORDS = 40
_DAYS_ON = [0, 0, 0, 0, 0, 1, 1, 3]

Place = tuple[int, int, tuple[Gap, ...]]
"""First offset, next offset, and the gaps that a person accepted."""


class Case:
    """A log, the rules that it is counted by, and the folds of it that were asked for."""

    def __init__(self, number: int) -> None:
        rnd = random.Random(number)
        draws = [draw._replace(days_on=rnd.choice(_DAYS_ON)) for draw in random_draws(rnd, RECORDS, 3)]
        self.log: list[LogRecord] = log_of(draws, "UTC")
        days = rnd.choice([(0, 2), (1, 4)])
        self.rules = PlainRules("UTC", days[0], days[1], user_scores=number % 2 == 0)
        self._folds: dict[Place, tuple[Figures, set[int]]] = {}

    def fold(self, header: Header) -> tuple[Figures, set[int]]:
        """The figures at the header's offset, and the offsets of all rejects below it."""
        place = (header.first_offset, header.next_offset, header.gaps)
        if place not in self._folds:
            plain = PlainSlot(self.rules).count(one for one in self.log if _counted(one.offset, header))
            self._folds[place] = plain.figures(), set(plain.reasons)
        return self._folds[place]


def _counted(offset: int, header: Header) -> bool:
    skipped = any(gap.start <= offset < gap.end for gap in header.gaps)
    return header.first_offset <= offset < header.next_offset and not skipped


@cache
def case(number: int) -> Case:
    """The same for the same number, as all machines share it."""
    return Case(number)
