"""The daily run from start to end: wait for the input, take the right to publish, read, score, publish."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient

from jobs.completeness import wait_until_complete
from jobs.console import working
from jobs.days import Window, iso
from jobs.publish import Publisher, decide, newly_forgotten, refuse_older
from jobs.scores import Scores, activity_of, score_day
from jobs.snapshot import Inputs, Slots, read_inputs, read_offsets
from schemas.exits import ConfigurationError
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
    if settings.score_basis != "actions":
        raise ConfigurationError(
            f'score_basis "{settings.score_basis}" is not available in this version; set it to "actions"'
        )
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


def run_daily(settings: Settings, as_of: int, *, dry_run: bool) -> Run:
    """Score the day `as_of` and publish it, unless `dry_run` or the newest run says the same already.

    Raises IncompleteInput, UsageError for a day older than the newest published, and all that reading and publishing
    raise.
    """
    sources = open_sources(settings)
    if not dry_run:
        # Again below, where no other job can publish in between; here it saves a wait that ends in a refusal.
        refuse_older(iso(as_of), manifests(settings))
    _wait(sources)
    with working(f"scoring {iso(as_of)}") as progress:
        if dry_run:
            return _run(*_score(sources, as_of), manifests(settings), settings)
        publisher = Publisher(settings)
        runs = publisher.runs()
        refuse_older(iso(as_of), runs)
        scores, inputs = _score(sources, as_of)
        run = _run(scores, inputs, runs, settings)
        if run.repeated:
            return run
        progress(f"publishing {len(run.bodies):,} scores of {iso(as_of)}")
        publisher.publish(run.manifest, run.bodies, newly_forgotten(scores.records, inputs.accounts, runs))
    return run


def _wait(sources: Sources) -> None:
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


def _score(sources: Sources, as_of: int) -> tuple[Scores, Inputs]:
    settings, window = sources.settings, Window(as_of)
    inputs = read_inputs(sources.store, sources.slots, settings, window)
    activity = activity_of(inputs, window)
    return score_day(inputs, activity, as_of, Calendar(settings.timezone), settings.unscored_statuses), inputs


def _run(scores: Scores, inputs: Inputs, runs: Sequence[Manifest], settings: Settings) -> Run:
    """The run that these scores make after the `runs` published so far."""
    bodies = scores.bodies()
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
