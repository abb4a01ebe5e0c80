"""The whole flow on the real sample, against the Kafka and Redis that the environment names: what `make demo` runs.

Ends by itself and stops what it started. Run again against the same services, it loads and publishes nothing twice.
"""

# ruff: noqa: S603  every command that it starts is its own

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from schemas.exits import EngagementError
from schemas.settings import Settings, load_settings
from store.connect import connect_redis, kafka_admin, redis_place
from stream.lag import LagRow, read_lag

HERE = Path(__file__).parent
PREFIX = "demo."
"""Not the engine's default, so that a demo against a Kafka that others use touches nothing of theirs."""
AS_OF = "2023-11-30"
ACCOUNT = "intel.com"
CAUGHT_UP_SECONDS = 120.0
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.2

STREAM = [sys.executable, "-m", "stream.cli"]
JOBS = [sys.executable, "-m", "jobs.cli"]

LOOK_FURTHER = f"""\
The services of `make demo` end with it. To look around, start some that stay:

  eval "$(make -s up)"                       Kafka and Redis until `make down`; sets the two addresses
  export ENGAGEMENT_TOPIC_PREFIX={PREFIX}
  .venv/bin/python examples/demo.py          this demo again, on those
  .venv/bin/engagement-jobs explain cisco.com --as-of {AS_OF}
  .venv/bin/engagement-jobs daily --as-of 2023-12-31
  .venv/bin/engagement-stream lag
  .venv/bin/engagement-stream topics
  redis-cli -u "$REDIS_URL" --scan --pattern '{{{PREFIX}actions/0}}:*'
  make down
"""


def main() -> None:
    """Run all stages; a failing one ends the demo with its error and exit code."""
    parser = argparse.ArgumentParser(description="Load the real sample, count it, score a day, explain an account.")
    parser.add_argument("--prefix", default=PREFIX, help="of the topics and Redis keys (default: %(default)s)")
    os.environ["ENGAGEMENT_TOPIC_PREFIX"] = parser.parse_args().prefix
    # A demo that is told to end stops the stream on its way out, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        settings = load_settings(os.environ)
        print(f"Kafka at {settings.kafka_bootstrap_servers}, Redis at {redis_place(settings)}", flush=True)
        prepare(settings)
        count(settings)
        score()
    except EngagementError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit)
    except KeyboardInterrupt:
        sys.exit("interrupted")


def prepare(settings: Settings) -> None:
    """Make the topics and load the sample, unless it is there from an earlier demo."""
    with stage("topics made", "engagement-stream topics --create"):
        call([*STREAM, "topics", "--create"])
    if any(row.log_end for row in lag(settings)):
        print("  the sample is in the topics already, from an earlier demo", flush=True)
        return
    with stage("sample loaded", "python examples/load_sample.py"):
        call([sys.executable, str(HERE / "load_sample.py")])


def count(settings: Settings) -> None:
    """Run the stream until it has caught up with both logs."""
    if all(row.lag == 0 for row in lag(settings)):
        return
    with (
        stage("events counted", "engagement-stream run, until engagement-stream lag shows 0"),
        running_stream() as died,
    ):
        deadline = time.monotonic() + CAUGHT_UP_SECONDS
        while any(row.lag != 0 for row in lag(settings)):
            died.check()
            if time.monotonic() > deadline:
                message = f"the stream has not caught up within {CAUGHT_UP_SECONDS:.0f} s; its log: {died.log_tail()}"
                raise EngagementError(message)
            time.sleep(LOOK_SECONDS)


def score() -> None:
    """Run the daily job, then explain one account; both print for themselves."""
    show(
        "The daily job scores and publishes every account; the most active ones of each Status",
        "engagement-jobs daily --as-of " + AS_OF,
        [*JOBS, "daily", "--as-of", AS_OF],
    )
    show(
        "How one of these scores came about",
        f"engagement-jobs explain {ACCOUNT} --as-of {AS_OF}",
        [*JOBS, "explain", ACCOUNT, "--as-of", AS_OF],
    )
    print("\n" + LOOK_FURTHER, end="", flush=True)


class Stream:
    """A running `engagement-stream run` and the file that its log goes to."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    def check(self) -> None:
        """Raise EngagementError where it ended by itself."""
        if self._process.poll() is not None:
            raise EngagementError(f"the stream ended with exit code {self._process.returncode}: {self.log_tail()}")

    def log_tail(self) -> str:
        """The last line of its log."""
        return ["", *self._log.read_text(errors="replace").splitlines()][-1]


@contextmanager
def running_stream() -> Iterator[Stream]:
    """A stream that is told to stop at the end, and has stopped when the block is left."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "stream.log"
        with log.open("wb") as file:
            process = subprocess.Popen([*STREAM, "run"], stdout=file, stderr=file)
        try:
            yield Stream(process, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def lag(settings: Settings) -> list[LagRow]:
    """What `engagement-stream lag` shows."""
    client = connect_redis(settings)
    try:
        return read_lag(kafka_admin(settings), client, settings)
    finally:
        client.close()


@contextmanager
def stage(what: str, command: str) -> Iterator[None]:
    """Print a line with the time that the block took."""
    started = time.monotonic()
    yield
    print(f"  {what:15s}{time.monotonic() - started:5.1f} s   {command}", flush=True)


def show(what: str, command: str, arguments: Sequence[str]) -> None:
    """Print a heading, run a command that prints for itself, then say how long it took."""
    print(f"\n{what}\n$ {command}\n", flush=True)
    started = time.monotonic()
    code = subprocess.run(arguments, check=False).returncode
    if code:
        sys.exit(code)
    print(f"\n  ({time.monotonic() - started:.1f} s)", flush=True)


def call(arguments: Sequence[str]) -> None:
    """Run a command whose output is of no interest unless it fails."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
