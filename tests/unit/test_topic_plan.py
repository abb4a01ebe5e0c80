from schemas.settings import Settings
from stream.topic_plan import (
    DAY_MS,
    REJECTS_MAX_BYTES,
    Difference,
    TopicFound,
    TopicPlan,
    Wishes,
    differences,
    fits,
    plans,
    takes_inputs,
)


def settings(**changes: object) -> Settings:
    return Settings.model_validate(
        {"kafka_bootstrap_servers": "k:9092", "redis_url": "redis://r", "topic_prefix": "t.", **changes}
    )


def planned(wishes: Wishes | None = None, brokers: int = 1, **changes: object) -> dict[str, TopicPlan]:
    return {one.name: one for one in plans(settings(**changes), wishes or Wishes(), brokers)}


def found(plan: TopicPlan, **settings: str) -> TopicFound:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return TopicFound(plan.name, plan.partitions, plan.replication, {**plan.settings, **named})


def test_the_five_topics_are_planned_and_user_scores_only_where_configured() -> None:
    five = ["t.actions", "t.accounts", "t.scores", "t.runs", "t.rejects"]
    assert list(planned()) == five
    assert list(planned(user_scores=True)) == [*five, "t.user-scores"]


def test_the_broker_sets_the_timestamps_of_actions() -> None:
    assert planned()["t.actions"].settings["message.timestamp.type"] == "LogAppendTime"


def test_account_records_and_runs_are_kept_for_ever() -> None:
    for name in ("t.accounts", "t.runs"):
        assert planned()[name].settings["retention.ms"] == "-1"
        assert planned()[name].settings["cleanup.policy"] == "delete"


def test_actions_are_kept_as_long_as_was_asked() -> None:
    assert planned(Wishes(retention_days=7))["t.actions"].settings["retention.ms"] == str(7 * DAY_MS)


def test_scores_are_compacted_but_every_record_stays_visible_for_a_week() -> None:
    week = str(7 * DAY_MS)
    wanted = {"cleanup.policy": "compact", "min.compaction.lag.ms": week, "delete.retention.ms": week}
    assert planned()["t.scores"].settings == wanted


def test_the_runs_topic_has_one_partition_whatever_is_asked() -> None:
    many = planned(Wishes(partitions=12))
    assert {name: one.partitions for name, one in many.items()} == {
        "t.actions": 12,
        "t.accounts": 12,
        "t.scores": 12,
        "t.runs": 1,
        "t.rejects": 12,
    }


def test_inputs_take_records_over_the_limit_so_that_they_can_be_rejected_with_a_reason() -> None:
    limit = 8_000_000
    assert int(planned(max_record_bytes=limit)["t.actions"].settings["max.message.bytes"]) > limit
    assert int(planned(max_record_bytes=limit)["t.accounts"].settings["max.message.bytes"]) > limit


def test_inputs_take_a_producers_full_batch_however_small_records_must_be() -> None:
    assert int(planned(max_record_bytes=100)["t.actions"].settings["max.message.bytes"]) > 1_000_000


def test_replication_follows_the_number_of_brokers_up_to_three() -> None:
    assert [planned(brokers=n)["t.runs"].replication for n in (0, 1, 2, 3, 9)] == [1, 1, 2, 3, 3]


def test_with_three_copies_two_must_have_a_record_before_it_counts() -> None:
    assert all(one.settings["min.insync.replicas"] == "2" for one in planned(brokers=3).values())
    assert all("min.insync.replicas" not in one.settings for one in planned(brokers=2).values())


def test_a_topic_as_planned_does_not_differ() -> None:
    assert all(differences(plan, found(plan), ("partitions", "replication")) == [] for plan in planned().values())


def test_a_wrong_setting_is_named_with_what_fits() -> None:
    plan = planned()["t.actions"]
    changed = found(plan, message_timestamp_type="CreateTime")
    assert differences(plan, changed, ()) == [Difference("message.timestamp.type", "CreateTime", "LogAppendTime")]


def test_other_partition_counts_differ_only_where_asked_for_but_always_for_runs() -> None:
    actions, runs = planned()["t.actions"], planned()["t.runs"]
    assert differences(actions, TopicFound("t.actions", 3, 1, actions.settings), ()) == []
    asked = differences(actions, TopicFound("t.actions", 3, 1, actions.settings), ("partitions",))
    assert asked == [Difference("partitions", "3", "8")]
    assert differences(runs, TopicFound("t.runs", 3, 1, runs.settings), ()) == [Difference("partitions", "3", "1")]


def test_more_copies_than_asked_for_do_not_differ_and_fewer_do() -> None:
    plan = planned(Wishes(replication=2))["t.runs"]
    assert differences(plan, TopicFound("t.runs", 1, 3, plan.settings), ("replication",)) == []
    fewer = differences(plan, TopicFound("t.runs", 1, 1, plan.settings), ("replication",))
    assert fewer == [Difference("replication", "1", "2")]


def test_longer_retention_fits_and_for_ever_is_the_longest() -> None:
    assert fits("retention.ms", "200", "100")
    assert fits("retention.ms", "-1", "100")
    assert not fits("retention.ms", "99", "100")
    assert not fits("retention.ms", "100", "-1")


def test_a_longer_delete_retention_or_an_unset_value_does_not_fit() -> None:
    assert not fits("delete.retention.ms", "200", "100")
    assert not fits("retention.ms", "", "100")


def test_rejects_take_inputs_where_their_limit_is_not_below_any_input() -> None:
    small, large = {"max.message.bytes": "100"}, {"max.message.bytes": str(REJECTS_MAX_BYTES)}
    assert takes_inputs(large, [small, large])
    assert not takes_inputs(small, [small, large])
