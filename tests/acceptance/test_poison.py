"""Whatever producers send: consumed = counted + rejected, and every reject says why with the bytes as they came."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from confluent_kafka import Message

from tests.acceptance import poison
from tests.acceptance.engine import Engine, Put, assert_equal_figures, produce, read_topic
from tests.acceptance.oracle import AccountRecord, Json
from tests.acceptance.plain_scores import expected_scores
from tests.acceptance.poison import Case
from tests.acceptance.published import headers

PARTITIONS = 2
RETENTION_DAYS = 400
KEYS = (None, b"", b"acme", b"\xff\x00", b"k" * 1_000)  # of action records, which are never read

Place = tuple[str, int, int]


def old_and_older(now: datetime) -> Iterator[Case]:
    """What may come after all others, when the newest day of the partition is the one almost a day ahead."""
    newest = now + timedelta(hours=23)
    kept = poison.moment(newest - timedelta(days=RETENTION_DAYS))
    gone = poison.moment(newest - timedelta(days=RETENTION_DAYS + 1))
    yield Case("as old as may be", poison.members(b'"oldest"', kept.encode()), None, "oldest", kept)
    yield Case("a day too old", poison.members(b'"acme"', gone.encode()), poison.TOO_OLD)
    yield Case("start of time", poison.members(b'"acme"', b"0001-01-01T00:00:00Z"), poison.TOO_OLD)
    yield Case("too old and no action", b'{"account_id":"a","timestamp":"1970-01-01T00:00:00Z"}', poison.MISSING)
    yield Case("as old as may be, again", poison.members(b'"oldest"', kept.encode()), None, "oldest", kept)


def actions_of_a_partition(now: datetime, random: Random) -> list[Case]:
    """Bad ones and good ones mixed; a first one from long ago, which nothing in the log can call too old."""
    long_ago = "2000-02-29T12:00:00Z"
    pioneer = Case("pioneer", poison.members(b'"pioneer"', long_ago.encode()), None, "pioneer", long_ago)
    cases = list(poison.action_cases(now))
    for number in range(400):
        account, at = f"plain {random.randrange(20)}", poison.moment(now - timedelta(hours=random.randrange(300)))
        value = poison.members(f'"{account}"'.encode(), at.encode(), b'"user_id":"u"')
        cases.append(Case(f"plain {number}", value, None, account, at))
    random.shuffle(cases)
    after = Case("end", poison.members(b'"end"', poison.moment(now).encode()), None, "end", poison.moment(now))
    ordered = [pioneer, *cases, after, *old_and_older(now)]
    return [replace(case, key=random.choice(KEYS)) for case in ordered]


def accounts_of_a_partition(now: datetime, random: Random, partition: int) -> list[Case]:
    """Bad and good records, and one account that is forgotten amid them and another that returns."""
    cases = list(poison.account_cases(now)) if partition == 0 else [c for c in poison.account_cases(now) if c.reason]
    random.shuffle(cases)
    third = len(cases) // 3
    for name, at in (("forgotten", third), ("returned", third)):
        value = f'{{"account_id":"{name}{partition}","status":"Gold"}}'.encode()
        good = Case(
            name, value, None, f"{name}{partition}", key=f"{name}{partition}".encode(), record={"status": "Gold"}
        )
        cases.insert(at, good)
        cases.insert(2 * at, replace(good, value=None, record=None))
        if name == "returned":
            cases.append(good)
    return cases


def good_ones(cases: list[tuple[Case, Place]]) -> tuple[list[Json], list[int], list[AccountRecord]]:
    """What the oracle is told: the actions that count, their partitions, and the records that hold."""
    good = [(case, place) for case, place in cases if case.reason is None]
    acted = [(case, partition) for case, (_, partition, _) in good if case.moment]
    records = [AccountRecord(case.account, case.record, (0, *place[1:])) for case, place in good if not case.moment]
    return [action(case) for case, _ in acted], [partition for _, partition in acted], records


def action(case: Case) -> Json:
    """What counts of a good action. Its value is too deep for a plain reader, but names the user plainly, if at all."""
    users = re.findall(rb'"user_id":("(?:[^"\\]|\\.)*")', case.value or b"")
    return {"account_id": case.account, "user_id": json.loads(users[-1]) if users else None, "timestamp": case.moment}


def rejects(engine: Engine) -> dict[Place, Message]:
    """Every reject by the place of its record; where one was reported twice, both said the same."""
    found: dict[Place, Message] = {}
    for message in read_topic(engine.kafka, engine.prefix + "rejects"):
        said = headers(message)
        assert set(said) == {"reason", "detail", "topic", "partition", "offset"}
        assert said["detail"].isprintable(), said
        assert said["detail"], said
        place = (said["topic"], int(said["partition"]), int(said["offset"]))
        assert f"{place[1]} {place[2]}" == said["partition"] + " " + said["offset"]
        earlier = found.setdefault(place, message)
        assert (earlier.headers(), earlier.value(), earlier.key()) == (
            message.headers(),
            message.value(),
            message.key(),
        )
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_every_record_is_counted_or_rejected_once_with_its_bytes_and_the_right_reason(
    engine: Engine, seed: int
) -> None:
    random, now = Random(seed), datetime.now(UTC)
    laid: list[tuple[Put, Case]] = []
    for partition in range(PARTITIONS):
        for topic, cases in (
            ("actions", actions_of_a_partition(now, random)),
            ("accounts", accounts_of_a_partition(now, random, partition)),
        ):
            laid += [(Put(engine.prefix + topic, case.key, case.value, partition), case) for case in cases]
    engine.create_topics(PARTITIONS)
    as_of = (now + timedelta(hours=23)).date()
    with engine.workers(1):
        places = produce(engine.kafka, [put for put, _ in laid], batches=random)
        printed = engine.daily(as_of.isoformat(), "--dry-run")
    seen = [(case, place) for (_, case), place in zip(laid, places, strict=True)]
    assert_rejects(rejects(engine), seen)
    actions, partitions, records = good_ones(seen)
    assert_equal_figures(printed, expected_scores(actions, records, as_of, partitions=partitions))


def assert_rejects(found: dict[Place, Message], cases: list[tuple[Case, Place]]) -> None:
    bad = {place: case for case, place in cases if case.reason is not None}
    assert len(bad) > 800
    said = {place: (headers(found[place])["reason"] if place in found else None) for place in bad}
    wrong = [(case.name, case.reason, said[place]) for place, case in bad.items() if said[place] != case.reason]
    assert not wrong, f"(case, expected reason, found): {wrong}"
    names = {place: case.name for case, place in cases}
    assert not [names[place] for place in found.keys() - bad.keys()], "good records were rejected"
    for place, case in bad.items():
        assert (found[place].value(), found[place].key()) == (case.value, case.key), case.name
