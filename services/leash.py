"""Becomes another program that ends with the process that started it: `python leash.py PARENT SIGNAL COMMAND...`.

A separate program, since work between fork and exec is unsafe where the parent has threads. The kernel sends the signal
when the *thread* that started us ends, so whoever starts servers does it from a thread that lives as long as they do.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, death_signal: int, command: list[str]) -> None:
    """Tie this process to `parent`, then become `command`; elsewhere than on Linux there is no such tie."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it ended before the tie held
            os.kill(os.getpid(), signal.SIGKILL)
    os.execvp(command[0], command)  # noqa: S606 - becoming the program without a shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
