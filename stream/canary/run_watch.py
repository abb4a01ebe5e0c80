"""Waits for the next run in the runs topic, and compares what it says of the canary's account."""

import datetime as dt
from collections.abc import Mapping

from confluent_kafka.admin import AdminClient

from schemas.settings import Settings
from store.layout import SlotName
from store.offsets import log_bounds
from store.runs import Published, published_runs
from stream.canary.counters import Counters
from stream.canary.ledger import Ledger
from stream.canary.scores import LONGEST_WINDOW, ScoreCheck, published_record, score_check

LOOK_SECONDS = 30.0
"""Between two questions whether there is a new run."""


class RunWatch:
    """Of one account. Not for several threads."""

    def __init__(self, settings: Settings, admin: AdminClient, account: str, counters: Counters) -> None:
        self._settings = settings
        self._admin = admin
        self._account = account
        self._counters = counters
        self._look_at = -LOOK_SECONDS
        self._read_to = 0
        self._run: Published | None = None
        self._checked: ScoreCheck | None = None

    def due(self, steady: float) -> bool:
        """Whether it is time to ask: every LOOK_SECONDS."""
        return steady >= self._look_at

    def newest(self, ledgers: Mapping[SlotName, Ledger], today: int, steady: float) -> ScoreCheck | None:
        """What came of the newest run that could be compared, None before there was any.

        A run of `today` or later is compared once that day is over, one that read further than the slots stand now
        once they have caught up. Raises Unavailable, Denied, Blocked, EngagementError for a manifest that is none.
        """
        self._look_at = steady + LOOK_SECONDS
        self._find()
        run = self._run
        if run is not None and (self._checked is None or self._checked.run_id != run.manifest.run_id):
            self._compare(run, ledgers, today)
        return self._checked

    def _compare(self, run: Published, ledgers: Mapping[SlotName, Ledger], today: int) -> None:
        as_of = dt.date.fromisoformat(run.manifest.as_of).toordinal()
        if as_of >= today:
            return
        record = published_record(self._settings, self._admin, self._account, run)
        counts = self._counts(run, ledgers, as_of)
        if counts is not None:
            self._checked = score_check(run, as_of, record, counts.__getitem__)

    def _find(self) -> None:
        log = SlotName(self._settings.topics.runs, 0)
        end = log_bounds(self._admin, [log.topic])[log].end
        if end != self._read_to:
            runs = published_runs(self._settings)
            self._run, self._read_to = (runs[-1] if runs else None), end

    def _counts(self, run: Published, ledgers: Mapping[SlotName, Ledger], as_of: int) -> Mapping[int, int] | None:
        """By day what the run can have read; what the canary knows of a day goes before what Redis says now.

        None where a slot stands before what the run has read.
        """
        days = range(as_of - LONGEST_WINDOW + 1, as_of + 1)
        total = dict.fromkeys(days, 0)
        for slot, ledger in ledgers.items():
            end = run.manifest.inputs.get(str(slot), 0)
            if not end:
                continue  # the partition was added later
            reading = self._counters.read(slot, days)
            if reading is None or reading.offset < end:
                return None
            for day in days:
                known = ledger.known(day, end)
                total[day] += reading.counts[day] if known is None else known
        return total
