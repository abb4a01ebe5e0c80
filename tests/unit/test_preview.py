import io

import numpy as np

from jobs.days import Window
from jobs.preview import Preview, compare
from jobs.preview_report import TOP, print_preview
from jobs.windows import roll, sum_over_slots
from schemas.manifest import weights_version
from tests.parts import actions_part

AS_OF = 739_432


def preview(actions: dict[str, int], before: dict[str, int], after: dict[str, int]) -> Preview:
    """Weighs accounts that did "act" so many times on AS_OF."""
    part = actions_part(list(actions), [AS_OF] * len(actions), {AS_OF: list(actions.values())})
    activity = sum_over_slots([part], Window(AS_OF, 15))
    size = len(actions)
    none, nobody = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    return compare(activity, roll(activity, AS_OF, none, nobody, nobody), AS_OF, before, after)


def printed(one: Preview) -> str:
    out = io.StringIO()
    print_preview(one, out)
    return out.getvalue()


def test_every_account_has_its_figures_under_both_versions_in_order_of_name() -> None:
    found = preview({"b": 3, "a": 0}, {"act": 2}, {"act": 5})
    assert [(one.account_id, one.before, one.after, one.change) for one in found.moves] == [
        ("a", 0, 0, 0),
        ("b", 6, 15, 9),
    ]
    assert found.versions.before == weights_version({"act": 2})
    assert found.versions.after == weights_version({"act": 5})


def test_without_configured_weights_everybody_had_0() -> None:
    found = preview({"a": 3}, {}, {"act": 5})
    assert (found.versions.before, found.moves[0].before, found.moves[0].change) == (None, 0, 15)
    assert "(no weights configured)" in printed(found)


def test_movers_are_printed_the_farthest_first_with_totals_and_versions() -> None:
    up = preview({f"n{i:02}": i for i in range(TOP + 2)}, {"act": 1}, {"act": 3})
    text = printed(up)
    assert f"up: {TOP + 1} accounts, the first {TOP} of them" in text
    assert text.index("n11") < text.index("n10")
    assert "n01" not in text
    assert f"{TOP + 2} accounts, {TOP + 1} up, 0 down, 1 unchanged; nothing published" in text
    versions = up.versions
    assert f"66 (weights {versions.before}) -> 198 (weights {versions.after}), +132" in text
    down = printed(preview({"a": 1}, {"act": 9}, {"act": 2}))
    assert "down: 1 account\naccount  before  after  change\na             9      2  -7\n" in down


def test_an_action_that_was_never_counted_is_named() -> None:
    assert "never counted, check the spelling: atc" in printed(preview({"a": 1}, {}, {"act": 1, "atc": 1}))
    assert "never counted" not in printed(preview({"a": 1}, {}, {"act": 1}))
