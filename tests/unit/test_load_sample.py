from collections import Counter

from examples.load_sample import account_records, actions


def test_the_sample_is_whole_and_in_order_of_arrival() -> None:
    found = list(actions())
    assert len(found) == 10_921
    assert len({one["account_id"] for one in found}) == 392
    times = [one["timestamp"] for one in found]
    assert times == sorted(times)


def test_each_listed_month_is_a_record_from_its_first_day_on() -> None:
    found = [one for one in account_records() if one["account_id"] == "intel.com"]
    assert found[0] == {"account_id": "intel.com", "status": "Platinum", "effective_at": "2021-01-01T00:00:00Z"}
    assert len(found) == 68


def test_an_account_that_drops_out_of_the_list_gets_one_record_without_status() -> None:
    dell = [one for one in account_records() if one["account_id"] == "dell.com"]
    assert [sorted(one) for one in dell] == [
        ["account_id", "effective_at", "status"],
        ["account_id", "effective_at"],
    ]
    assert dell[0]["effective_at"] < dell[1]["effective_at"]


def test_no_account_has_two_records_of_one_month() -> None:
    months = Counter((one["account_id"], one["effective_at"]) for one in account_records())
    assert set(months.values()) == {1}
