"""Weighted scores of users and of their profiles, published with the run that they belong to."""

import json

from tests.acceptance.engine import Engine, Put, compact, produce, read_topic
from tests.acceptance.oracle import Json
from tests.acceptance.published import headers, newest_run, text
from tests.support import wait_until

DAY = "2024-05-01"
SETTINGS = {"ENGAGEMENT_USER_SCORES": "true", "ENGAGEMENT_WEIGHTS": '{"click": 3, "export": 10}'}


def event(user: str | None, action: str, profile: str | None = None, day: str = DAY) -> Json:
    moment = f"{day}T10:00:00Z"
    return {"account_id": "acme", "action": action, "timestamp": moment, "user_id": user, "user_profile": profile}


def test_users_and_profiles_get_weighted_scores_whose_newest_profile_counts(engine: Engine) -> None:
    engine = engine.with_env(**SETTINGS)
    engine.create_topics(2)
    events = [
        event("ann", "click", "viewer"),
        event("ann", "export", "admin"),
        event("bob", "click", "viewer"),
        event("bob", "look"),
        event("cyd", "look"),
        event("old", "export", "viewer", "2024-04-01"),
        event(None, "export"),
    ]
    with engine.workers(1):
        produce(engine.kafka, [Put(engine.prefix + "actions", b"acme", compact(one)) for one in events])
        engine.daily(DAY)
    run = newest_run(engine)
    # Each partition shows a commit a moment after the transaction has ended.
    topic = engine.prefix + "user-scores"
    messages = wait_until(lambda: read_topic(engine.kafka, topic), what="the users' scores to be committed")
    records = [json.loads(text(message.value())) for message in messages]
    weighted = {(record["kind"], record["id"]): record["weighted_score"]["value"] for record in records}

    assert weighted == {
        ("user", "ann"): 13,
        ("user", "bob"): 3,
        ("user", "cyd"): 0,
        ("profile", "admin"): 13,
        ("profile", "viewer"): 3,
    }
    assert {(record["run_id"], record["account_id"]) for record in records} == {(run.manifest["run_id"], "acme")}
    assert {headers(message)["schema"] for message in messages} == {"user-score/1"}
    assert run.scores[0]["weighted_score"] == {**records[0]["weighted_score"], "value": 26}
