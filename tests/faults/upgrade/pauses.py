"""How long slots stand still while their logs have more."""

from collections.abc import Mapping

from tests.faults.checker import Standing

Place = tuple[str, int]


class Pauses:
    """The longest pause of any slot and the most records that one was behind, over all looks."""

    def __init__(self) -> None:
        self._since: dict[Place, tuple[int | None, float]] = {}
        self.longest = 0.0
        self.most_behind = 0

    def look(self, standings: Mapping[Place, Standing], now: float) -> None:
        """Take in where all slots stand."""
        for place, standing in standings.items():
            offset, since = self._since.get(place, (None, now))
            if standing.next_offset != offset or standing.lag == 0:
                self._since[place] = standing.next_offset, now
            self.longest = max(self.longest, now - since)
            self.most_behind = max(self.most_behind, standing.lag or 0)
