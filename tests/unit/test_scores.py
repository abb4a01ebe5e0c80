"""The digest covers the bytes that a reader of the scores topic can make again."""

import hashlib
import json

from schemas.scores import Adoption, Change, LicenseAdoption, ScoreBody, Weighted, WindowShares, digest, encode
from tests.parts import score_body

BODY = score_body("café.com")
FULL = score_body(
    "full",
    license_utilization=WindowShares(2.0, 5.0, 9.13, 12.0, 150.0, 150.0),
    weighted_score=Weighted("cafe", 431),
    adoption=Adoption(LicenseAdoption(2.0, 9.13, 150.0), 4.25, {"Öffnen": 0.5, "never": None}),
    change=Change(None, 9, -3, 0, 1),
)


def test_a_record_is_its_body_under_a_run_id_and_a_revision() -> None:
    record = BODY.record("r", 3)

    assert (record.run_id, record.revision) == ("r", 3)
    every = ["run_id", "as_of", "revision", *ScoreBody.__struct_fields__[1:]]
    assert list(json.loads(encode(FULL.record("r", 3)))) == every
    assert list(json.loads(encode(record))) == [name for name in every if name not in {"weighted_score", "adoption"}]


def test_windows_are_named_by_their_days() -> None:
    written = json.loads(encode(FULL))
    windows = ["1", "3", "7", "14", "30", "90"]
    for field in ("time_spent_minutes", "active_users", "license_utilization"):
        assert list(written[field]) == windows
    assert list(written["adoption"]["licenses"]) == ["1", "7", "30"]


def test_the_digest_can_be_made_again_from_published_records() -> None:
    total = hashlib.sha256()
    for revision, body in enumerate((BODY, FULL)):
        record = json.loads(encode(body.record("r", revision)))
        del record["run_id"], record["revision"]
        total.update(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")

    assert digest([BODY, FULL]) == total.hexdigest()
