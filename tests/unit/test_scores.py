"""The digest covers the bytes that a reader of the scores topic can make again."""

import hashlib
import json

from schemas.scores import ScoreBody, digest, encode

BODY = ScoreBody(
    as_of="2025-06-30",
    account_id="café.com",
    status=None,
    score=0,
    rank=None,
    cohort_size=0,
    accounts_in_status=1,
    average_daily_actions=2 / 7,
    actions=4,
    days_considered=14,
    usage_frequency="occasionally",
    active_days=2,
)


def test_a_record_is_its_body_under_a_run_id_and_a_revision() -> None:
    record = BODY.record("r", 3)

    assert (record.run_id, record.revision) == ("r", 3)
    assert list(json.loads(encode(record))) == ["run_id", "as_of", "revision", *ScoreBody.__struct_fields__[1:]]


def test_the_digest_can_be_made_again_from_published_records() -> None:
    total = hashlib.sha256()
    for revision in (0, 1):
        record = json.loads(encode(BODY.record("r", revision)))
        del record["run_id"], record["revision"]
        total.update(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")

    assert digest([BODY, BODY]) == total.hexdigest()
