"""The fail points: the steps of the product where a process of it can be made to die, to stop or to hang."""
# ruff: noqa: ANN401  what is wrapped may take and return anything

import os
import signal
import sys
import time
from typing import Any

from redis.connection import AbstractConnection

from store.slots import SlotStore
from stream.account_slot import AccountSlot
from stream.action_slot import ActionSlot
from stream.assignment import Assignment
from stream.owned import OwnedSlot
from stream.rejects import RejectSender
from stream.slot import Slot
from tests.faults.build import REACHED, Build, Point
from tests.faults.build.seams import Function, after, before, wrap


class FailPoint:
    """Acts when the chosen point is passed often enough."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._visits = 0

    def passed(self, point: Point) -> None:
        """This process is at ``point``."""
        build = self._build
        if point is not build.at:
            return
        self._visits += 1
        if self._visits != build.occurrence:
            return
        sys.stderr.write(f"{REACHED}{point}\n")
        sys.stderr.flush()
        if build.do == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif build.do == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            time.sleep(build.seconds)

    def at(self, point: Point) -> Function:
        """A step to be put before or after a function."""
        return lambda *_args, **_named: self.passed(point)


def install(fail: FailPoint) -> None:
    """Put the worker's fail points in place, all of them whichever is chosen: none may go missing unnoticed."""
    wrap(Slot, "build", "self state_id stored", _both(fail, Point.BEFORE_RECORD, Point.AFTER_RECORD))
    _around_sending(fail)
    for kind in (ActionSlot, Slot):  # the one's own, and the one that accounts inherit
        after(kind, "confirmed", "self", fail.at(Point.AFTER_CONFIRMATION))
    for counting in (ActionSlot, AccountSlot):
        after(counting, "apply", "self prepared", _with_rejects(fail))
    after(RejectSender, "send", "self tally key value headers", fail.at(Point.AFTER_REJECTS))
    before(ActionSlot, "closable", "self", fail.at(Point.AFTER_DELIVERY))
    after(ActionSlot, "close", "self day stored_log", fail.at(Point.WHILE_CLOSING))
    wrap(OwnedSlot, "load", "self stored around now", _both(fail, Point.IN_LOAD, Point.AFTER_LOAD))
    wrap(Assignment, "commit", "self wait", _both(fail, Point.BEFORE_COMMIT, Point.AFTER_COMMIT))
    _around_revoke(fail)


def _both(fail: FailPoint, first: Point, second: Point) -> Function:
    def around(original: Function) -> Function:
        def replaced(*args: Any, **named: Any) -> Any:
            fail.passed(first)
            answer = original(*args, **named)
            fail.passed(second)
            return answer

        return replaced

    return around


def _with_rejects(fail: FailPoint) -> Function:
    def applied(_slot: Slot[Any], prepared: Any) -> None:
        if prepared.rejects:
            fail.passed(Point.AFTER_FOLD)

    return applied


def _around_sending(fail: FailPoint) -> None:
    """Before, in the middle of, and after the one call that makes a checkpoint true."""

    def sent(_connection: AbstractConnection, command: Any, *_args: Any, **_named: Any) -> None:
        parts = [command] if isinstance(command, bytes) else command
        if any(b"EVALSHA" in bytes(part[:64]) for part in parts):
            fail.passed(Point.AFTER_SEND)

    after(AbstractConnection, "send_packed_command", "self command check_health", sent)
    wrap(SlotStore, "checkpoint", "self slot stored record", _both(fail, Point.BEFORE_SEND, Point.AFTER_ANSWER))


def _around_revoke(fail: FailPoint) -> None:
    revoking: list[bool] = []

    def around(original: Function) -> Function:
        def replaced(*args: Any, **named: Any) -> Any:
            fail.passed(Point.BEFORE_REVOKE)
            revoking.append(True)
            try:
                return original(*args, **named)
            finally:
                revoking.clear()

        return replaced

    def stored(*_args: Any, **_named: Any) -> None:
        if revoking:
            fail.passed(Point.IN_REVOKE)

    wrap(Assignment, "on_revoke", "self _ partitions", around)
    after(OwnedSlot, "store", "self now", stored)
