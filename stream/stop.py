"""How a command that runs until it is told to stop is told so."""

import signal
import threading


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set from now on.

    They set it in a thread: a handler runs in the main thread, perhaps while that holds the event's lock in wait().
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set, name="stop").start())
    return stop
