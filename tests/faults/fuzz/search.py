"""The search for bytes about which the decoders do not agree: mutants of mutants, as long as they say something new."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.fuzz.corpus import account_corpus, action_corpus
from tests.faults.fuzz.mutations import mutant
from tests.faults.fuzz.verdicts import Record, Said, exact, fast, independent

BATCH = 64
LARGEST_CORPUS = 4_000
_PARTICULARS = re.compile(r'"[^"]*"|[0-9][0-9,.]*')
_SHRINK_FROM = 512

Remember = Callable[[Record, Said, str], None]


@dataclass(frozen=True)
class Finding:
    """A record about which two of the three differ."""

    record: Record
    exact: Said
    fast: Said
    independent: Said


class Search:
    """Mutates and compares, a batch at a time; what is said for the first time joins the corpus."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._corpus = {"actions": action_corpus(), "accounts": account_corpus()}
        self._said: set[object] = set()
        self.records = 0

    @property
    def different(self) -> int:
        """How many kinds of verdicts there were."""
        return len(self._said)

    def batch(self) -> list[Finding]:
        """The findings among the next ``BATCH`` mutants."""
        records = [self._mutant(self._random.choice(("actions", "actions", "accounts"))) for _ in range(BATCH)]
        self.records += len(records)
        return findings(records, self._remember)

    def _mutant(self, topic: str) -> Record:
        random, corpus = self._random, self._corpus[topic]
        key, value = random.choice(corpus)
        others = [other for _, other in random.sample(corpus, 3)]
        return Record(topic, key, mutant(random, value, others))

    def _remember(self, record: Record, said: Said, detail: str) -> None:
        kind = (record.topic, _kind(said), _PARTICULARS.sub("", detail))
        corpus = self._corpus[record.topic]
        if kind not in self._said and record.value is not None and len(corpus) < LARGEST_CORPUS:
            self._said.add(kind)
            corpus.append((record.key, record.value))


def _kind(said: Said) -> Said:
    return said if said[0] == "rejected" else tuple(cell is None for cell in said)


def findings(records: Sequence[Record], remember: Remember = lambda *_: None) -> list[Finding]:
    """The records about which the three do not agree."""
    found: list[Finding] = []
    for record, quick in zip(records, fast(records), strict=True):
        said, detail = exact(record)
        remember(record, said, detail)
        other = independent(record)
        if not said == quick == other:
            found.append(Finding(record, said, quick, other))
    return found


def shrunk(finding: Finding) -> Finding:
    """The same disagreement, of as few bytes as dropping spans gets to."""
    value, size = finding.record.value or b"", _SHRINK_FROM
    while size:
        for smaller in _without(value, size):
            found = findings([Record(finding.record.topic, finding.record.key, smaller)])
            if found:
                finding, value = found[0], smaller
                break
        else:
            size //= 2
    return finding


def _without(value: bytes, size: int) -> Iterator[bytes]:
    return (value[:at] + value[at + size :] for at in range(0, len(value), size))
