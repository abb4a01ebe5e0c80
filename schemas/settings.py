"""All settings of the system, checked once at start and frozen from then on."""

from collections.abc import Mapping
from typing import Annotated, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.manifest import RunConfig, ScoreBasis
from schemas.settings_fields import KafkaSettings, Limit, Names, RedisAddress, Text, Timezone, Weights
from schemas.settings_sources import explain, read_sources

LEAST_RETENTION_DAYS = 93
"""The longest window is 90 days, and a run may look back over events up to `lateness_days` late."""


class Topics(msgspec.Struct, frozen=True):
    """The full names of the topics."""

    actions: str
    accounts: str
    scores: str
    runs: str
    rejects: str
    user_scores: str


class Settings(BaseModel):
    """Every setting under its name in the TOML file; see `load_settings` for where the values come from."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kafka_bootstrap_servers: Text
    redis_url: RedisAddress = Field(repr=False)
    timezone: Timezone = "UTC"
    score_basis: ScoreBasis = "actions"
    lateness_days: Annotated[int, Field(ge=0)] = 3
    retention_days: Annotated[int, Field(ge=LEAST_RETENTION_DAYS, le=36_500)] = 400
    unscored_statuses: Names = ()
    wait_seconds: Annotated[int, Field(ge=0)] = 600
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=200)] = "engagement."
    max_record_bytes: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1_048_576
    max_accounts: Limit = 1_000_000
    max_users: Limit = 5_000_000
    max_actions: Limit = 100_000
    max_profiles: Limit = 100_000
    max_series: Limit = 5_000_000
    max_name_bytes: Annotated[int, Field(ge=1, le=1 << 40)] = 1 << 29
    max_account_records: Limit = 10_000_000
    weights: Weights = Field(default_factory=dict)
    login_actions: Names = ()
    feature_actions: Names = ()
    user_scores: bool = False
    kafka: KafkaSettings = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _late_events_are_kept(self) -> Self:
        if self.lateness_days > self.retention_days:
            message = f"lateness_days ({self.lateness_days}) must not be over retention_days ({self.retention_days})"
            raise ValueError(message)
        return self

    @property
    def topics(self) -> Topics:
        """The full names of the topics under `topic_prefix`."""
        names = ("actions", "accounts", "scores", "runs", "rejects", "user-scores")
        return Topics(*(self.topic_prefix + name for name in names))

    @property
    def group_id(self) -> str:
        """The consumer group of the stream workers."""
        return self.topic_prefix + "stream"

    @property
    def transactional_id(self) -> str:
        """The transactional id of the daily job: one per prefix, so that a second job fences the first."""
        return self.topic_prefix + "daily"

    @property
    def run_config(self) -> RunConfig:
        """The settings that decide a run's figures."""
        return RunConfig(**{name: getattr(self, name) for name in RunConfig.__struct_fields__})


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return settings from `environ`, then from the TOML file that its ENGAGEMENT_CONFIG names, then the defaults.

    Raises ConfigurationError that names the first wrong key, its value (never a secret) and the fix.
    """
    given = read_sources(environ, tuple(Settings.model_fields))
    try:
        return Settings.model_validate(given.values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise explain(given, first["loc"], first["type"], first["msg"]) from None
