"""Answers scrapes from the newest complete picture of the system.

A scrape asks for a look and waits for it for a moment: a checkpoint may end a lag of minutes at once, so figures of
even half a second ago would be wrong. Looks come one after the other, and scrapes that come together share one.
Between scrapes it looks every few seconds too: the rules about offsets need their history.
"""

import threading
import time
from collections.abc import Callable

import structlog

from schemas.settings import Settings
from store.exposition import Figures
from stream.exported import NO_TALLIES, STALE_SECONDS, figures_of, tallied
from stream.looks import Looks
from stream.observer import Observer
from stream.picture import Picture, Source
from stream.serving import Address, Answers, Health, serving

log = structlog.get_logger()

LOOK_SECONDS = 5.0
"""Between two looks where nobody asks."""
SCRAPE_SECONDS = 3.0
"""How long a scrape waits for its look; Prometheus gives up after 10 s."""
HUNG_SECONDS = 180.0
"""A look takes a minute at most, where Kafka and Redis hang; one that takes so long never ends."""


def run_exporter(
    observer: Observer,
    settings: Settings,
    address: Address,
    stop: threading.Event,
    *,
    bound: Callable[[Address], None] = lambda _: None,
) -> None:
    """Serve until `stop` is set; `bound` is told the address once it can be asked.

    Raises UsageError where nobody can listen there.
    """
    exporter = Exporter(observer, settings, stop.set)
    with exporter.looks.running(), serving(address, exporter.answers) as listening:
        bound(listening)
        stop.wait()


class Exporter:
    """See the module. `now` is the time of day."""

    def __init__(
        self, observer: Observer, settings: Settings, ended: Callable[[], None], now: Callable[[], float] = time.time
    ) -> None:
        self.looks = Looks(observer, LOOK_SECONDS, self._take, ended)
        self._settings = settings
        self._now = now
        self._began = now()
        self._tallies = NO_TALLIES
        self._up = {"kafka": True, "redis": True}

    @property
    def answers(self) -> Answers:
        """What is served over HTTP."""
        return Answers(self.metrics, self.live, self.ready)

    def metrics(self) -> Figures:
        """The figures of a picture of now if one can be had soon, else of the newest one."""
        picture = self.looks.since(self._now(), SCRAPE_SECONDS)
        return figures_of(picture, self._tallies, self._settings, self._now())

    def live(self) -> Health:
        """Whether looks still come to an end."""
        newest = self.looks.newest
        age = self._now() - (newest.at if newest else self._began)
        return Health((f"the newest look is {age:.0f} s old",) if age > HUNG_SECONDS else ())

    def ready(self) -> Health:
        """Whether the figures are complete: Kafka and Redis answered the newest look."""
        picture = self.looks.newest
        if picture is None:
            return Health(("there was no look yet",))
        reasons = [source.error for source in (picture.kafka, picture.redis) if source.error is not None]
        age = self._now() - picture.at
        if age > STALE_SECONDS:
            reasons.append(f"the newest look is {age:.0f} s old")
        return Health(tuple(reasons))

    def _take(self, picture: Picture) -> None:
        self._tallies = tallied(self._tallies, picture)
        for source in (picture.kafka, picture.redis):
            self._say(source)

    def _say(self, source: Source) -> None:
        if source.up != self._up[source.name]:
            self._up[source.name] = source.up
            if source.up:
                log.info("answers again", source=source.name)
            else:
                log.warning("no answer", source=source.name, error=source.error)
