"""What other weights would make of the weighted scores of a day; nothing is published."""

from collections.abc import Mapping

import msgspec

from jobs.console import working
from jobs.daily import open_sources, wait_for_input
from jobs.days import COUNT_DAYS, Window, iso
from jobs.scores import activity_of, score_day
from jobs.snapshot import read_inputs
from jobs.windows import Activity, Members
from schemas.manifest import weights_version
from schemas.moments import Calendar
from schemas.settings import Settings


class Versions(msgspec.Struct, frozen=True):
    """The versions of the weights; `before` is None where none are configured, which gives 0 to everybody."""

    before: str | None
    after: str


class Move(msgspec.Struct, frozen=True):
    """The weighted score of one account under the configured weights and under the others."""

    account_id: str
    before: int
    after: int
    change: int
    versions: Versions


class Preview(msgspec.Struct, frozen=True):
    """All accounts of a day, in order of account_id; `unknown` the actions of the other weights never counted."""

    as_of: str
    versions: Versions
    moves: list[Move]
    unknown: list[str]


def preview_weights(settings: Settings, as_of: int, weights: Mapping[str, int]) -> Preview:
    """Compare the configured weights with others on the day `as_of`. Raises as a dry run of that day."""
    sources = open_sources(settings)
    wait_for_input(sources)
    with working(f"weighing {iso(as_of)}"):
        inputs = read_inputs(sources.store, sources.slots, settings, Window(as_of, COUNT_DAYS))
        activity = activity_of(inputs, Window(as_of, COUNT_DAYS))
        scores = score_day(inputs, activity, as_of, Calendar(settings.timezone), settings.run_config)
        return compare(activity, scores.members, as_of, settings.weights, weights)


def compare(
    activity: Activity, members: Members, as_of: int, before: Mapping[str, int], after: Mapping[str, int]
) -> Preview:
    """The weighted score of each of the `members` under both tables of weights."""
    versions = Versions(weights_version(before) if before else None, weights_version(after))
    columns = [
        activity.occurrences(weights, Window(as_of))[members.place].tolist() if weights else [0] * len(members.names)
        for weights in (before, after)
    ]
    moves = [
        Move(account, then, now, now - then, versions)
        for account, then, now in zip(members.names, *columns, strict=True)
    ]
    known = {action for part in activity.parts for action in part.actions}
    return Preview(iso(as_of), versions, moves, sorted(after.keys() - known))
