"""What processes of a pool do in tests: importable in a new process, without Django."""

import faulthandler
import os
import signal
import time


def start(*_):
    """Keep a copy of pytest's process from telling where it was when a signal ends it."""
    faulthandler.disable()


def fail_to_start():
    """As where a module can't be imported there."""
    os._exit(5)


def work(number, signal_number=0):
    """Twice the number; or the process ends itself first, or raises."""
    if signal_number == -1:
        raise ZeroDivisionError(f"of {number}")
    if signal_number:
        time.sleep(0.05)
        os.kill(os.getpid(), signal_number)
        signal.pause()
    return 2 * number


def die_over_a_chip(*_):
    """As a library that crashes, or the system where there is too little memory."""
    faulthandler.disable()
    os.kill(os.getpid(), int(os.environ["GALPROJECT_TEST_SIGNAL"]))
