"""`python -m services` as a person starts it, and whether a process is gone."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

PROJECT = Path(__file__).parents[2]


def run_services(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `python -m services` as a person would."""
    return subprocess.Popen(
        [sys.executable, "-m", "services", *arguments],
        cwd=PROJECT,
        env=os.environ | (environ or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # which it may be from one moment to the next
        return True
