"""Two versions of the worker on the same slots: `make upgrade FROM=REF` rolls from one to the other and back."""

from tests.faults.upgrade.rolling import Rolling, Row
from tests.faults.upgrade.versions import CannotRollError, Edit, Version, at_ref, edited, working_tree

__all__ = ["CannotRollError", "Edit", "Rolling", "Row", "Version", "at_ref", "edited", "working_tree"]
