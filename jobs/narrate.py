"""An explanation in plain words."""

from typing import TextIO

from jobs.explain import Explanation
from schemas.scores import ScoreBody

_LABEL = 12


def print_explanation(explanation: Explanation, out: TextIO) -> None:
    """Print one explanation to `out`."""
    out.writelines(line + "\n" for line in lines(explanation))


def lines(one: Explanation) -> list[str]:
    """The explanation, line by line."""
    figures = one.figures
    head = [f"{one.account_id} on {one.as_of}: {_standing(figures)}", ""]
    if figures is None:
        return [*head, _line("why", one.score_reason), *_status(one), *_days(one), *_day_before(one), *_notes(one)]
    average = f"{figures.average_daily_actions:.4f}".rstrip("0").rstrip(".")
    return [
        *head,
        *_status(one),
        _line("days", f"{figures.days_considered} considered: {one.days_reason}"),
        _line("average", f"{figures.actions} actions / {figures.days_considered} days = {average} a day"),
        _line("score", one.score_reason),
        *_ties(one),
        _line("frequency", f"{figures.usage_frequency}: {figures.active_days} of the last 14 days with an action"),
        *_days(one),
        *_day_before(one),
        *_notes(one),
    ]


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _standing(figures: ScoreBody | None) -> str:
    if figures is None:
        return "not in the run"
    status = "without a Status" if figures.status is None else f"of Status {figures.status}"
    if figures.score is None:
        return f"no score, one of {figures.accounts_in_status} accounts {status}"
    if figures.rank is None:
        return f"score 0, not ranked ({figures.cohort_size} of {figures.accounts_in_status} accounts {status} are)"
    return f"score {figures.score}, rank {figures.rank} of {figures.cohort_size} ranked accounts {status}"


def _status(one: Explanation) -> list[str]:
    record = one.record
    if record is None:
        return [_line("status", "none: no account record is in force on that day")]
    since = "from before all others" if record.effective_at is None else f"since {record.effective_at}"
    name = "none" if record.status is None else record.status
    return [_line("status", f"{name}, by the account record at {record.slot} offset {record.offset}, {since}")]


def _ties(one: Explanation) -> list[str]:
    if not one.tied:
        return []
    named = ", ".join(one.ties) + (" ..." if one.tied > len(one.ties) else "")
    return [_line("ties", f"same average, score and rank as {one.tied} more: {named}")]


def _days(one: Explanation) -> list[str]:
    rows = [f"{day.day}  {day.actions:>9,}{'' if day.considered else '  not considered'}" for day in one.days]
    return ["", "day         actions", *(row.rstrip() for row in rows), ""]


def _day_before(one: Explanation) -> list[str]:
    before = one.day_before
    if before is None:
        return [_line("day before", "not in the run")]
    score = "no score" if before.score is None else f"score {before.score}"
    rank = "not ranked" if before.rank is None else f"rank {before.rank} of {before.cohort_size}"
    figures = f"{before.actions} actions in {before.days_considered} days, {before.usage_frequency}"
    return [_line("day before", f"{score}, {rank}, {figures}")]


def _notes(one: Explanation) -> list[str]:
    return [_line("note", note) for note in one.notes]
