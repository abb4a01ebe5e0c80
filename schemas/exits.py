"""Exit codes and the errors that carry them. A message is one line: what happened, where, and what to do."""

from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3


class EngagementError(Exception):
    """An error that ends a command with a one-line message and `exit`."""

    exit: Exit = Exit.FAILED


class ConfigurationError(EngagementError):
    """A setting is missing, unknown or out of bounds."""

    exit = Exit.USAGE


class UsageError(EngagementError):
    """A command was asked for something that it refuses to do."""

    exit = Exit.USAGE


class IncompleteInput(EngagementError):  # noqa: N818  the name is what happened, not that it is an error
    """The slots had not reached the end of the log within `wait_seconds`."""

    exit = Exit.INCOMPLETE


class Unavailable(EngagementError):  # noqa: N818  as above
    """Kafka or Redis cannot be reached, or answers with an error that passes by itself."""


class Denied(EngagementError):  # noqa: N818  as above
    """Kafka or Redis do not allow what a command needs, until a person grants it."""


class Obstacle(StrEnum):
    """Why a slot cannot go on, for whoever counts such slots; the error's message says it in full."""

    LOST = "lost"
    """Redis has no slot, but the partition was counted before."""
    BEFORE_START = "before_log_start"
    """The log no longer holds the next record."""
    PAST_END = "past_log_end"
    """The log ends before the stored offset."""
    REPLACED = "replaced"
    """Records that were counted were replaced by others."""
    OTHER_TOPIC = "other_topic"
    """The topic was deleted and made again."""
    BEING_EMPTIED = "being_emptied"
    """`rebuild` is at work, or was broken off."""
    LAYOUT = "layout"
    """Another version wrote the slot."""
    TIMEZONE = "timezone"
    """The slot was counted in days of another time zone."""
    UNREADABLE = "unreadable"
    """What Redis holds is no slot, or not all of it."""


class Blocked(EngagementError):  # noqa: N818  as above
    """A slot is in a state that a person must decide about."""

    def __init__(self, message: str, obstacle: Obstacle = Obstacle.UNREADABLE) -> None:
        super().__init__(message)
        self.obstacle = obstacle
