"""A partition of the accounts topic in memory: the log of its valid records."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.accounts import AccountEntry
from schemas.rejects import Reject
from store import layout, tables
from store.layout import Header
from store.redo import Write
from stream.batch import Batch
from stream.cells import GrowingLog
from stream.decode import decode_account
from stream.limits import full_log
from stream.slot import Prepared, Slot, SlotRules

LOADED_AT_START: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedAccounts(Prepared):
    """The valid records of a batch beside the rejects."""

    batch: Batch
    rejects: list[tuple[int, Reject]]
    entries: list[AccountEntry]


class AccountSlot(Slot[PreparedAccounts]):
    """See ``Slot``. Nothing of what is stored is needed to go on."""

    def __init__(self, header: Header, rules: SlotRules, strings: Mapping[str, bytes | bytearray]) -> None:  # noqa: ARG002
        super().__init__(header)
        self._rules = rules
        self._log = GrowingLog(layout.RECORDS, header.lengths.get(layout.RECORDS, 0))

    def prepare(self, batch: Batch) -> PreparedAccounts:
        """Decode each record; see ``Slot.prepare``."""
        entries: list[AccountEntry] = []
        rejects: list[tuple[int, Reject]] = []
        room = self._rules.limits.account_records - self.header.counted
        columns = zip(batch.messages, batch.values, batch.offsets.tolist(), batch.timestamps.tolist(), strict=True)
        for at, (message, value, offset, timestamp) in enumerate(columns):
            found = decode_account(
                message.key(),
                value,
                offset=offset,
                timestamp=timestamp,
                max_record_bytes=self._rules.max_record_bytes,
                calendar=self._rules.calendar,
            )
            if not isinstance(found, AccountEntry):
                rejects.append((at, found))
            elif len(entries) < room:
                entries.append(found)
            else:
                rejects.append((at, full_log(self._rules.limits)))
        return PreparedAccounts(batch, rejects, entries)

    def apply(self, prepared: PreparedAccounts) -> None:
        """Append the records of a prepared batch; see ``Slot.apply``."""
        self._log.append(tables.encode_entries(prepared.entries))
        self._advance(prepared.batch, counted=len(prepared.entries), rejected=len(prepared.rejects))

    def _take_writes(self) -> list[Write]:
        writes = self._log.take_writes()
        self.lengths[layout.RECORDS] = self._log.length
        return writes
