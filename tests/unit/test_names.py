from jobs.names import near_names


def test_a_name_that_differs_in_case_comes_first() -> None:
    assert near_names("Intel.com", ["intel.org", "intel.com"])[0] == "intel.com"


def test_part_of_a_name_finds_it() -> None:
    assert near_names("intel", ["amd.com", "intel.com"]) == ["intel.com"]


def test_a_misspelt_name_is_found() -> None:
    assert near_names("redhta.com", ["amd.com", "redhat.com"]) == ["redhat.com"]


def test_nothing_like_it_gives_no_suggestion() -> None:
    assert near_names("zzz", ["amd.com", "intel.com"]) == []
