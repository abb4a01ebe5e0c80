"""Commands as processes that start in no time: copies of one process that has imported them already."""

import importlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.acceptance.engine import Finished

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["stream.cli", "jobs.cli"])


def call(env: Mapping[str, str], module: str, args: Sequence[str], seconds: float) -> Finished:
    """What `python -m module args` comes to; fails where that takes longer."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _CONTEXT.Process(target=_become, args=(module, list(args), dict(env), out, err))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"{module} {' '.join(args)} took over {seconds:g} s; stderr:\n{err.read_text()}")
        return Finished(process.exitcode, out.read_text(), err.read_text())


def _become(module: str, args: list[str], env: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [module, *args]
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    importlib.import_module(module).main()
