from jobs.bars import BLOCKS, bar_line, can_show


def test_a_figure_is_a_step_up_to_the_greatest_and_0_a_dot() -> None:
    assert bar_line([0, 1, 8, 4], blocks=True) == ".▁█▄"
    assert bar_line([0, 1, 9, 900], blocks=False) == ".119"


def test_nothing_done_is_a_line_of_dots() -> None:
    assert bar_line([0] * 3, blocks=True) == "..."
    assert bar_line([], blocks=True) == ""


def test_an_encoding_that_lacks_a_character_is_known() -> None:
    assert can_show(BLOCKS, "utf-8")
    assert not can_show(BLOCKS, "latin-1")
    assert not can_show(BLOCKS, None)
