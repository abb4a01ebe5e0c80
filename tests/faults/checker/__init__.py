"""Checks the invariants of a system from outside: reads Kafka and Redis only, and shares no code with the product.

I1 to I4 and I6 hold for slots (``Checker``), I7 for published runs (``RunChecker``). For I9 and I10 ``Checker.slots``
says what is stored and where the logs end. Limits on names are not known here: whatever they refuse is a violation.
"""

from tests.faults.checker.checker import Checker
from tests.faults.checker.report import Report, Rules, Standing, Violation
from tests.faults.checker.runs import RunChecker

__all__ = ["Checker", "Report", "Rules", "RunChecker", "Standing", "Violation"]
