"""One check from end to end, as after a deployment: two rounds of events, the second compared with the first."""

import datetime as dt
from collections.abc import Callable, Iterator

from schemas.exits import EngagementError
from stream.canary.picture import Seen, wrong_count
from stream.canary.watch import Canary

SECONDS = 120.0
"""How long the check may take: a group whose member was killed takes 45 s to give its partitions to another."""
_ROUNDS = 2


def check_once(
    canary: Canary, pause: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[str]:
    """What there is to say of each partition, and of the newest run where there is one.

    Raises EngagementError where an event is not counted within SECONDS, or a count or a score is wrong.
    """
    deadline = clock() + SECONDS
    for sent in range(1, _ROUNDS + 1):
        canary.send()
        canary.look()
        while not _counted(canary.seen, sent):
            if clock() > deadline:
                raise EngagementError(_late(canary.seen))
            sleep(pause)
            canary.look()
    for slot, path in sorted(canary.seen.paths.items()):
        if path.difference:
            raise EngagementError(f"{slot} counts {wrong_count(path.difference)}; see docs/runbook.md")
        yield f"{slot}: {_ROUNDS} events counted, in {path.delays.total / path.counted:.1f} s on average"
    score = canary.seen.score
    if score is not None and score.difference is not None:
        day = dt.date.fromordinal(score.as_of)
        if score.difference:
            raise EngagementError(f"the scores of {day} say {wrong_count(score.difference)}; see docs/runbook.md")
        yield f"scores of {day}: right"
    elif "runs" in canary.seen.failing:
        yield f"scores: not compared ({canary.seen.failing['runs']})"


def _counted(seen: Seen, sent: int) -> bool:
    return bool(seen.paths) and all(path.counted >= sent for path in seen.paths.values())


def _late(seen: Seen) -> str:
    late = ", ".join(str(slot) for slot, path in sorted(seen.paths.items()) if path.counted < _ROUNDS)
    failing = "; ".join(f"{source}: {text}" for source, text in seen.failing.items())
    said = f"{late or 'an event'} not counted within {SECONDS:g} s{f' ({failing})' if failing else ''}"
    return f"{said}; `engagement-stream lag` says what is wrong"
