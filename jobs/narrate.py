"""An explanation in plain words."""

from typing import TextIO

from jobs.bars import BLOCKS, bar_line, can_show
from jobs.explanation import DayCount, Explanation
from jobs.narrate_change import change_lines
from jobs.narrate_usage import usage_lines
from jobs.wording import line
from schemas.scores import ScoreBody


def print_explanation(explanation: Explanation, out: TextIO) -> None:
    """Print one explanation to `out`, with bars of digits where its encoding has no blocks."""
    out.writelines(text + "\n" for text in lines(explanation, blocks=can_show(BLOCKS, out.encoding)))


def lines(one: Explanation, *, blocks: bool = True) -> list[str]:
    """The explanation, line by line."""
    figures = one.figures
    head = [f"{one.account_id} on {one.as_of}: {_standing(one, figures)}", ""]
    if figures is None:
        why = [line("why", one.score_reason), *_status(one)]
        return [*head, *why, *_days(one.days, blocks=blocks), *_day_before(one), *_notes(one)]
    average = f"{figures.average_daily_actions:.4f}".rstrip("0").rstrip(".")
    return [
        *head,
        *_status(one),
        line("days", f"{figures.days_considered} considered: {one.days_reason}"),
        line("average", f"{figures.actions} actions / {figures.days_considered} days = {average} a day"),
        line("score", one.score_reason),
        *_ties(one),
        line("frequency", f"{figures.usage_frequency}: {figures.active_days} of the last 14 days with an action"),
        *usage_lines(one, figures),
        *_days(one.days, blocks=blocks),
        *_day_before(one),
        *change_lines(one, figures),
        *_notes(one),
    ]


def _standing(one: Explanation, figures: ScoreBody | None) -> str:
    if figures is None:
        return "not in the run"
    status = "without a Status" if figures.status is None else f"of Status {figures.status}"
    if figures.score is None:
        return f"no score, one of {figures.accounts_in_status} accounts {status}"
    if one.score_basis == "time_spent":
        rank = "no rank among" if figures.rank is None else f"rank {figures.rank} of"
        return f"score {figures.score}, {rank} {figures.cohort_size} accounts {status} by time spent"
    if figures.rank is None:
        return f"score 0, not ranked ({figures.cohort_size} of {figures.accounts_in_status} accounts {status} are)"
    return f"score {figures.score}, rank {figures.rank} of {figures.cohort_size} ranked accounts {status}"


def _status(one: Explanation) -> list[str]:
    record = one.record
    if record is None:
        return [line("status", "none: no account record is in force on that day")]
    since = "from before all others" if record.effective_at is None else f"since {record.effective_at}"
    name = "none" if record.status is None else record.status
    return [line("status", f"{name}, by the account record at {record.slot} offset {record.offset}, {since}")]


def _ties(one: Explanation) -> list[str]:
    if not one.tied:
        return []
    named = ", ".join(one.ties) + (" ..." if one.tied > len(one.ties) else "")
    what = "minutes" if one.score_basis == "time_spent" else "average"
    return [line("ties", f"same {what}, score and rank as {one.tied} more: {named}")]


def _days(days: list[DayCount], *, blocks: bool) -> list[str]:
    rows = [f"{day.day}  {day.actions:>9,}{'' if day.considered else '  not considered'}" for day in days]
    return [
        line("by day", _bar(days, [day.actions for day in days], "actions", blocks=blocks)),
        line("", _bar(days, [day.minutes for day in days], "minutes", blocks=blocks)),
        "",
        "day         actions",
        *rows,
        "",
    ]


def _bar(days: list[DayCount], figures: list[int], what: str, *, blocks: bool) -> str:
    most = max(figures)
    if not most:
        return f"{bar_line(figures, blocks=blocks)}  no {what}"
    return f"{bar_line(figures, blocks=blocks)}  {what}, most on {days[figures.index(most)].day}: {most:,}"


def _day_before(one: Explanation) -> list[str]:
    before = one.day_before
    if before is None:
        return [line("day before", "not in the run")]
    score = "no score" if before.score is None else f"score {before.score}"
    rank = "not ranked" if before.rank is None else f"rank {before.rank} of {before.cohort_size}"
    figures = f"{before.actions} actions in {before.days_considered} days, {before.usage_frequency}"
    return [line("day before", f"{score}, {rank}, {figures}")]


def _notes(one: Explanation) -> list[str]:
    return [line("note", note) for note in one.notes]
