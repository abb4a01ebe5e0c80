"""Reading what an explanation needs: the slots as they are now, and what was published."""

from datetime import date

from jobs.completeness import behind
from jobs.console import working
from jobs.daily import Sources, open_sources, score_days
from jobs.days import COUNT_DAYS, USAGE_DAYS, Window, iso
from jobs.explain import Evidence, Explanation, explain
from jobs.figures import figures_of
from jobs.inputs import Inputs
from jobs.names import near_names
from jobs.scores import activity_of
from jobs.snapshot import read_inputs
from schemas.exits import UsageError
from schemas.manifest import Manifest, config_version
from schemas.settings import Settings
from store.runs import manifests


def explain_account(settings: Settings, account: str, as_of: int | None, yesterday: int) -> Explanation:
    """Explain the score of `account` on `as_of`, else on the newest published day, else yesterday.

    Raises UsageError with near names where nothing is known of the account, and all that reading raises.
    """
    sources = open_sources(settings)
    with working(f"explaining {account}"):
        runs = manifests(settings)
        day = as_of or _newest_day(runs) or yesterday
        inputs = read_inputs(sources.store, sources.slots, settings, Window(day, USAGE_DAYS))
        activity = activity_of(inputs, Window(day, COUNT_DAYS))
        if account not in activity.places:
            raise UsageError(_unknown(account, list(activity.places)))
        days = score_days(inputs, activity, day, settings, runs)
        figures = figures_of(activity, days, settings.run_config)
        evidence = Evidence(inputs, activity, figures, days.yesterday)
        return explain(account, evidence, _notes(sources, inputs, iso(day), runs))


def _newest_day(runs: list[Manifest]) -> int | None:
    return date.fromisoformat(runs[-1].as_of).toordinal() if runs else None


def _unknown(account: str, names: list[str]) -> str:
    near = near_names(account, names)
    hint = f"did you mean {', '.join(near)}?" if near else "check the spelling"
    return f"account {account!r} has no counted action and no account record; {hint}"


def _notes(sources: Sources, inputs: Inputs, day: str, runs: list[Manifest]) -> list[str]:
    """What may make the figures differ from those published."""
    late = sum(one.records for one in behind(sources.slots.bounds, inputs.offsets))
    notes = [f"{late:,} records of the log are not counted yet; the figures may still change"] if late else []
    published = next((run for run in reversed(runs) if run.as_of == day), None)
    if published is None:
        return [*notes, f"no run of {day} was published"]
    moved = published.inputs != {str(slot): offset for slot, offset in inputs.offsets.items()}
    name = f"run {published.run_id}, revision {published.revision}"
    since = "; records counted since then may show here" if moved else ""
    if published.config_version != config_version(sources.settings.run_config):
        notes.append("the configuration is another than that run's; `engagement-jobs runs` shows what it was")
    return [*notes, f"published as {name}{since}"]
