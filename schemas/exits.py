"""Exit codes and the errors that carry them. A message is one line: what happened, where, and what to do."""

from enum import IntEnum


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


class Blocked(EngagementError):  # noqa: N818  as above
    """A slot is in a state that a person must decide about."""
