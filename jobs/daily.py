"""The daily run from start to end: wait for the input, take the right to publish, read, score, publish."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient

from jobs.completeness import refuse_lost, wait_until_complete
from jobs.console import working
from jobs.days import COUNT_DAYS, USAGE_DAYS, Window, iso
from jobs.figures import Days, Figures, figures_of
from jobs.inputs import Inputs
from jobs.phases import Phase, Phases
from jobs.publish import Publisher, decide, newly_forgotten, refuse_older
from jobs.scores import activity_of, score_day
from jobs.snapshot import Slots, read_inputs, read_offsets
from jobs.user_scores import UserFigure, user_figures
from jobs.windows import Activity
from schemas.manifest import Manifest, config_version, run_id
from schemas.moments import Calendar
from schemas.scores import ScoreBody, digest
from schemas.settings import Settings
from store.connect import connect_redis, kafka_admin, wait_for_kafka, wait_for_redis
from store.offsets import log_bounds, partitions, topic_ids
from store.runs import manifests
from store.slots import SlotStore


@dataclass(frozen=True)
class Run:
    """A run; `repeated` where the newest published one says the same, whose manifest it then has."""

    manifest: Manifest
    bodies: list[ScoreBody]
    repeated: bool


@dataclass(frozen=True)
class Sources:
    """Open clients, and the input logs as they were when the job started."""

    settings: Settings
    store: SlotStore
    slots: Slots


def open_sources(settings: Settings) -> Sources:
    """Connect to both. Raises Unavailable after 30 s without either, EngagementError for missing topics."""
    with working("connecting to Kafka and Redis"):
        admin = kafka_admin(settings)
        wait_for_kafka(admin, settings)
        client = connect_redis(settings)
        wait_for_redis(client, settings)
    return Sources(settings, SlotStore(client), _slots(admin, settings))


def _slots(admin: AdminClient, settings: Settings) -> Slots:
    topics = settings.topics
    partitions(admin, [topics.actions, topics.accounts, topics.scores, topics.runs])
    inputs = [topics.actions, topics.accounts]
    return Slots(log_bounds(admin, inputs), topic_ids(admin, inputs))


def run_daily(settings: Settings, as_of: int, *, dry_run: bool, phases: Phases | None = None) -> Run:
    """Score the day `as_of` and publish it, unless `dry_run` or the newest run says the same already.

    `phases` is told how long what took.

    Raises IncompleteInput, UsageError for a day older than the newest published, and all that reading and publishing
    raise.
    """
    phases = phases or Phases()
    with phases.timed(Phase.CONNECT):
        sources = open_sources(settings)
        if not dry_run:
            # Again below, where no other job can publish in between; here it saves a wait that ends in a refusal.
            refuse_older(iso(as_of), manifests(settings))
    with phases.timed(Phase.WAIT):
        wait_for_input(sources)
    with working(f"scoring {iso(as_of)}") as progress:
        if dry_run:
            runs = manifests(settings)
            return run_of(*score(sources, as_of, runs, phases), runs, settings)
        with phases.timed(Phase.CONNECT):
            publisher = Publisher(settings)
            runs = publisher.runs()
            refuse_older(iso(as_of), runs)
        figures, inputs = score(sources, as_of, runs, phases)
        with phases.timed(Phase.SCORE):
            run = run_of(figures, inputs, runs, settings)
        if run.repeated:
            return run
        progress(f"publishing {len(run.bodies):,} scores of {iso(as_of)}")
        with phases.timed(Phase.PUBLISH):
            forgotten = newly_forgotten(figures.scores.records, inputs.accounts, runs)
            publisher.publish(run.manifest, run.bodies, forgotten, users_of(figures, inputs, settings))
    return run


def wait_for_input(sources: Sources) -> None:
    """Return once all input that was there at the start is counted. Raises IncompleteInput."""
    settings = sources.settings
    with working("looking whether all input is counted") as progress:
        wait_until_complete(
            sources.slots.bounds,
            lambda wanted: read_offsets(sources.store, sources.slots, wanted, settings),
            settings.wait_seconds,
            clock=time.monotonic,
            sleep=time.sleep,
            progress=progress,
        )


def score(sources: Sources, as_of: int, runs: Sequence[Manifest], phases: Phases) -> tuple[Figures, Inputs]:
    """All figures of a day, from the slots as they are now; `runs` are those published so far.

    Raises as `read_inputs` and `refuse_lost`.
    """
    settings = sources.settings
    with phases.timed(Phase.READ):
        inputs = read_inputs(sources.store, sources.slots, settings, Window(as_of, USAGE_DAYS))
    refuse_lost(inputs.missing, runs)
    with phases.timed(Phase.SCORE):
        activity = activity_of(inputs, Window(as_of, COUNT_DAYS))
        days = score_days(inputs, activity, as_of, settings, runs)
        return figures_of(activity, days, settings.run_config), inputs


def score_days(inputs: Inputs, activity: Activity, as_of: int, settings: Settings, runs: Sequence[Manifest]) -> Days:
    """Scores of a day and of the one before, that one as configured when it was published."""
    calendar, config = Calendar(settings.timezone), settings.run_config
    published = [run for run in runs if run.as_of == iso(as_of - 1)]
    before = published[-1].config if published else config
    today = score_day(inputs, activity, as_of, calendar, config)
    same = (before.score_basis, before.unscored_statuses) == (config.score_basis, config.unscored_statuses)
    today_before = today if same else score_day(inputs, activity, as_of, calendar, before)
    return Days(today, score_day(inputs, activity, as_of - 1, calendar, before), today_before, before)


def users_of(figures: Figures, inputs: Inputs, settings: Settings) -> list[UserFigure]:
    """The figures of users and profiles, none where they are not configured."""
    if not (settings.user_scores and settings.weights):
        return []
    window = Window(figures.scores.as_of)
    return user_figures(inputs.actions, settings.weights, window, frozenset(figures.scores.members.names))


def run_of(figures: Figures, inputs: Inputs, runs: Sequence[Manifest], settings: Settings) -> Run:
    """The run that these figures make after the `runs` published so far."""
    scores, bodies = figures.scores, figures.bodies()
    config = settings.run_config
    day, version, result = iso(scores.as_of), config_version(config), digest(bodies)
    decision = decide(day, version, result, runs)
    if decision.published is not None:
        return Run(decision.published, bodies, repeated=True)
    offsets = {str(slot): offset for slot, offset in inputs.offsets.items()}
    manifest = Manifest(
        run_id=run_id(day, version, offsets, result, decision.revision),
        as_of=day,
        revision=decision.revision,
        accounts=len(bodies),
        config_version=version,
        config=config,
        inputs=offsets,
        cohorts=scores.cohorts(),
        digest=result,
    )
    return Run(manifest, bodies, repeated=False)
