"""A wake-up from other threads and from signal handlers, which may interrupt the waiting thread anywhere."""

from __future__ import annotations

import select
import subprocess
import sys
import threading

from coworkd.system.wakeup import Wakeup

WAIT_UNDER_SIGNALS = """
import signal, sys
from coworkd.system.wakeup import Wakeup

wakeup, rounds = Wakeup(), 0
signal.signal(signal.SIGALRM, lambda *_: wakeup.notify())
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0007)
while rounds < 2000:
    wakeup.notify()  # a signal that comes within it calls it once more
    wakeup.wait(1)
    wakeup.wait(1)  # only a signal ends this one
    rounds += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print("woken", rounds)
"""


def test_a_signal_handler_may_wake_the_thread_that_it_interrupts() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", WAIT_UNDER_SIGNALS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("woken 2000\n", 0), done.stderr[-2000:]


def test_another_thread_wakes_it_and_twice_is_once() -> None:
    wakeup = Wakeup()
    threading.Thread(target=wakeup.notify).start()
    wakeup.wait(None)
    wakeup.notify()
    wakeup.notify()
    wakeup.wait(None)
    assert not select.select([wakeup.fd], [], [], 0)[0]
    wakeup.close()
    wakeup.notify()
