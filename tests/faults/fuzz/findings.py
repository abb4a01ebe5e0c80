"""Records about which the decoders once did not agree, kept in `findings/` for good, one file each."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.faults.fuzz.search import Finding
from tests.faults.fuzz.verdicts import Record

FOLDER = Path(__file__).with_name("found")


class Kept(msgspec.Struct):
    """A file of the folder. Bytes stand in it as Base64."""

    topic: str
    key: bytes | None
    value: bytes | None
    exact: str
    fast: str
    independent: str


def keep(finding: Finding, folder: Path = FOLDER) -> Path:
    """Write the file of a finding; the name is that of its bytes."""
    record = finding.record
    said = (repr(finding.exact), repr(finding.fast), repr(finding.independent))
    name = hashlib.sha256(repr(record).encode()).hexdigest()[:12]
    file = folder / f"{name}.json"
    folder.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(Kept(record.topic, record.key, record.value, *said))))
    return file


def kept(folder: Path = FOLDER) -> Iterator[Record]:
    """All records of the folder."""
    for file in sorted(folder.glob("*.json")):
        found = msgspec.json.decode(file.read_bytes(), type=Kept)
        yield Record(found.topic, found.key, found.value)
