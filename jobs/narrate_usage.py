"""Time spent, active users, licences, weighted score and adoption of one account in plain words."""

import msgspec

from jobs.explanation import Explanation, WeightedPart
from jobs.figures import ADOPTION_DAYS
from jobs.wording import count, line, number
from schemas.scores import Adoption, ScoreBody, WindowCounts, WindowShares

PARTS_NAMED = 5


def usage_lines(one: Explanation, figures: ScoreBody) -> list[str]:
    """A line for each metric that there is."""
    return [
        line("time spent", _windows(figures.time_spent_minutes, "minute")),
        line("users", _windows(figures.active_users, "active user")),
        line("licences", _licences(one, figures.license_utilization)),
        *_weighted(one, figures),
        *_adoption(one, figures),
    ]


def _windows(counts: WindowCounts, noun: str) -> str:
    days = (("3", counts.d3), ("7", counts.d7), ("14", counts.d14), ("30", counts.d30), ("90", counts.d90))
    return f"{count(counts.d1, noun)} on the day; " + ", ".join(f"{value:,} in {length} days" for length, value in days)


def _licences(one: Explanation, shares: WindowShares | None) -> str:
    if shares is None:
        none = one.record is None or one.record.licenses is None
        return "none known, so no utilisation" if none else "0, so no utilisation"
    days = (("3", shares.d3), ("7", shares.d7), ("14", shares.d14), ("30", shares.d30), ("90", shares.d90))
    licenses = one.record.licenses if one.record else 0
    used = ", ".join(f"{number(share)}% in {length} days" for length, share in days)
    return f"{licenses:,}, of which in use {number(shares.d1)}% on the day; {used}"


def _weighted(one: Explanation, figures: ScoreBody) -> list[str]:
    weighted = figures.weighted_score
    if isinstance(weighted, msgspec.UnsetType):
        return []
    parts = one.weighted or []
    named = ", ".join(map(_part, parts[:PARTS_NAMED])) or "no action with a weight in 14 days"
    more = f" and {count(len(parts) - PARTS_NAMED, 'more action')}" if len(parts) > PARTS_NAMED else ""
    return [line("weighted", f"{weighted.value:,} with weights {weighted.version}: {named}{more}")]


def _part(part: WeightedPart) -> str:
    return f"{part.action} {part.occurrences:,} x {part.weight}"


def _adoption(one: Explanation, figures: ScoreBody) -> list[str]:
    adoption, counts = figures.adoption, one.adoption
    if isinstance(adoption, msgspec.UnsetType) or counts is None:
        return []
    logins = f"{count(counts.logins, 'login')} in {ADOPTION_DAYS} days"
    rates = [
        _rate("minutes", counts.minutes, counts.logins, adoption.minutes_per_login),
        *(_rate(name, counts.features[name], counts.logins, rate) for name, rate in adoption.features.items()),
    ]
    return [line("adoption", f"{_licensed(adoption)}; {logins}"), *(line("", rate) for rate in rates)]


def _licensed(adoption: Adoption) -> str:
    shares = adoption.licenses
    if shares is None:
        return "no licences"
    return (
        f"{number(shares.d1)}% of the licences in use on the day, {number(shares.d7)}% in 7 days, "
        f"{number(shares.d30)}% in 30 days"
    )


def _rate(name: str, amount: int, logins: int, rate: float | None) -> str:
    if rate is None:
        return f"{name}: {amount:,}, none per login without logins"
    return f"{name}: {amount:,} / {logins:,} = {number(rate)} per login"
