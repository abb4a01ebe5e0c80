"""Runs a command of the product with what FAULTS_BUILD says patched in: `run` of the stream, or `daily` of the jobs."""

import os
import sys

import msgspec

import jobs.cli
import stream.cli
from tests.faults.build import VARIABLE, Build, Sabotage, clocks, fail_points, job_points, sabotages


def main() -> None:
    build = msgspec.json.decode(os.environ[VARIABLE], type=Build)
    fail = fail_points.FailPoint(build)
    clocks.install(build)
    if sys.argv[1] == "daily":
        job_points.install(fail, transactions=build.sabotage is not Sabotage.NO_TRANSACTION)
        jobs.cli.main()
    else:
        if build.sabotage is not None:
            sabotages.install(build.sabotage, fail)
        fail_points.install(fail)
        stream.cli.main()


if __name__ == "__main__":
    main()
