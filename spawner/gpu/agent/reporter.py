"""The reporter of a node: reads its GPUs at an interval and tells the Hub, for months, on a machine that computes for others.

What may hang (the driver, the network) is done in a thread of its own, one at a time. The thread that decides only waits, so that it ends
at once when it is told to.
"""

from __future__ import annotations

import fcntl
import os
import queue
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from .client import Outcome, WrongSettings
from .schema import Device, NodeReport, as_json

LONGEST_PAUSE = 600.0
"""Seconds between two attempts while the Hub takes no reports, and between two looks for a driver where there is none."""

LONGEST_ASKED_FOR = 3600.0
"""Seconds that the Hub can have a node wait by Retry-After."""

SHORTEST_PAUSE = 2.0
"""Seconds from one report to the next, however often one is asked for (SIGUSR1)."""

SENDING_LIMIT = 30.0
"""Seconds for one report: looking the Hub's name up, connecting and all."""

Result = TypeVar("Result")

READING_WORDS = {
    "no_library": "There is no NVIDIA driver library on this node. It is looked for again every ten minutes.",
    "no_driver": "The NVIDIA driver is not loaded.",
    "version_mismatch": "The NVIDIA driver and its library are of different versions: the node has to be restarted.",
    "no_permission": "This user may not ask the NVIDIA driver.",
    "timeout": "The NVIDIA driver does not answer.",
    "failed": "The NVIDIA driver could not be asked.",
}
NO_PYNVML = "The Python module pynvml is missing. Install it beside this program: pip install nvidia-ml-py"


def say(text: str) -> None:
    """Write one line of the log. Nobody to read it is no reason to end."""
    try:
        sys.stderr.write(f"resource-form gpu-report: {text}\n")
        sys.stderr.flush()
    except OSError:
        pass


class WakeUpEvent:
    """The event that the thread waits for which decides. A signal's handler and other threads may ring it at any moment."""

    def __init__(self) -> None:
        # No Event: its lock is not to be taken by a handler that interrupts its own owner.
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.ended = False
        self.wanted = False
        """Whether somebody wants a report now."""

    def take_signals(self) -> None:
        """Let SIGTERM and SIGINT end the reporter, and SIGUSR1 want a report now."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.end())
        signal.signal(signal.SIGUSR1, lambda *_: self.want())

    def end(self) -> None:
        """End the reporter."""
        self.ended = True
        self.ring()

    def want(self) -> None:
        """Want a report now."""
        self.wanted = True
        self.ring()

    def ring(self) -> None:
        """Wake the thread that waits."""
        self._rings.put(None)

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Wait so many seconds at most; less if ``until`` becomes true with a ring, or at the end."""
        deadline = time.monotonic() + seconds
        while not self.ended and not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            try:
                self._rings.get(timeout=left)
            except queue.Empty:
                return


class TimedWorker(Generic[Result]):
    """A thread for what may hang: once at a time, and not again while the last time has not come to its end."""

    def __init__(self, wake_up: WakeUpEvent, limit: float) -> None:
        self._wake_up, self._limit = wake_up, limit
        self.busy = False

    def do(self, work: Callable[[], Result]) -> Result | None:
        """Return what ``work`` gives; None if that takes longer than the limit, or if the time before hangs still."""
        if self.busy:
            return None
        results: list[Result] = []

        def begin() -> None:
            try:
                results.append(work())
            finally:
                self.busy = False
                self._wake_up.ring()

        self.busy = True
        threading.Thread(target=begin, daemon=True).start()
        self._wake_up.wait(self._limit, lambda: not self.busy)
        return results[0] if results else None


class Reporter:
    """The loop that reads with ``read`` and sends with ``send`` each ``interval`` seconds. It logs only what has changed."""

    def __init__(
        self,
        node: str,
        read: Callable[[], NodeReport],
        send: Callable[[str], Outcome],
        wake_up: WakeUpEvent,
        *,
        interval: float = 15.0,
        reading_limit: float = 10.0,
        log: Callable[[str], None] = say,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._node, self._read, self._send, self._wake_up = node, read, send, wake_up
        self._interval, self._log, self._chance = interval, log, chance
        self._reading: TimedWorker[NodeReport] = TimedWorker(wake_up, reading_limit)
        self._sending: TimedWorker[Outcome] = TimedWorker(wake_up, SENDING_LIMIT)
        self._failures = 0
        self._told = ""
        self._taken = False
        self._error = ""
        self._untold: dict[str, int] = {}
        """By device, the most that it was used in reports that the Hub has not taken, in percent."""

    @property
    def hangs(self) -> bool:
        """Whether something that was begun has not come to its end."""
        return self._reading.busy or self._sending.busy

    def report(self) -> NodeReport:
        """Return what the devices say now, or that the driver does not answer."""
        report = self._reading.do(self._try_reading)
        if report is None:
            report = NodeReport(self._node, time.time(), error="timeout")
        if report.error != self._error and not self._wake_up.ended:
            self._log(_reading_words(report.error) or f"The NVIDIA driver answers: {len(report.devices)} devices.")
            self._error = report.error
        return report

    def send(self, report: NodeReport) -> Outcome:
        """Send the report, and tell if that goes otherwise than the last time."""
        text = as_json(report)
        outcome = self._sending.do(lambda: self._try_sending(text)) or Outcome("The Hub does not answer.")
        if self._wake_up.ended and outcome.failure:
            return outcome
        kind = outcome.kind or outcome.failure
        if outcome.failure:
            self._failures += 1
            if kind != self._told:
                self._log(outcome.failure)
        elif not self._taken:
            self._log(f"The Hub takes the reports of {self._node}: {len(report.devices)} devices.")
        elif self._told:
            self._log("The Hub takes reports again.")
        self._told = kind
        if not outcome.failure:
            self._failures, self._taken = 0, True
        return outcome

    def run(self) -> None:
        """Report until the wake-up event says that it is over."""
        # A thousand nodes that were switched on together do not come together.
        self._wake_up.wait(self._chance() * self._interval, lambda: self._wake_up.wanted)
        while not self._wake_up.ended:
            begun = time.monotonic()
            self._wake_up.wanted = False
            pause = self.round()
            if self._failures:
                # Nobody's wish makes it shorter: a Hub that is not well has enough to do.
                self._wake_up.wait(pause)
            else:
                self._wake_up.wait(min(SHORTEST_PAUSE, pause) - (time.monotonic() - begun))
                self._wake_up.wait(pause - (time.monotonic() - begun), lambda: self._wake_up.wanted)

    def round(self) -> float:
        """Make one report; return the seconds from its beginning to the next one's, or from its end if it has failed."""
        report = self.report()
        if self._wake_up.ended:
            return 0.0
        report = self._with_untold(report)
        outcome = self.send(report)
        self._untold = {**self._untold, **_peaks_of(report)} if outcome.failure else {}
        if self._failures:
            return pause_after_failure(self._failures, self._interval, outcome.retry_after, self._chance())
        return max(self._interval, LONGEST_PAUSE) if report.error == "no_library" else self._interval

    def _with_untold(self, report: NodeReport) -> NodeReport:
        """The report with the use that got lost with reports before it: the Hub must not take a GPU for idle that was busy."""
        if not self._untold:
            return report
        lost, now = self._untold, _peaks_of(report)
        devices = (replace(each, utilisation_peak=max(now.get(_key(each), 0), lost.get(_key(each), 0))) for each in report.devices)
        # Of a device that does not tell its use, nothing was lost either.
        return replace(report, devices=tuple(new if _key(new) in lost else old for new, old in zip(devices, report.devices, strict=True)))

    def _try_reading(self) -> NodeReport:
        try:
            return self._read()
        except Exception as error:  # noqa: BLE001 - whatever a driver does to pynvml, the other nodes' reports come
            if self._error != "failed":
                self._log(f"Reading has failed: {type(error).__name__}.")
            return NodeReport(self._node, time.time(), error="failed")

    def _try_sending(self, text: str) -> Outcome:
        try:
            return self._send(text)
        except Exception as error:  # noqa: BLE001 - as above; an exception's text may hold what was sent
            return Outcome(f"Sending has failed: {type(error).__name__}.")


def _key(device: Device) -> str:
    return device.uuid or f"#{device.index}"


def _peaks_of(report: NodeReport) -> dict[str, int]:
    """By device, the most that it was used, where it says so."""
    known = ((_key(each), [value for value in (each.utilisation, each.utilisation_peak) if value is not None]) for each in report.devices)
    return {key: max(values) for key, values in known if values}


def lock(path: str, node: str) -> int:
    """Take the lock of a node's reporter; return the file descriptor, which holds it as long as the process lives.

    Raises
    ------
    WrongSettings
        Another process holds it, or the file cannot be had.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WrongSettings(f"Another process reports for {node} already: it holds {path}.") from None
    except OSError as error:
        raise WrongSettings(f"The lock file {path} cannot be used: {error.strerror}.") from None
    return file


def lock_path(node: str) -> str:
    """Return where the lock is if nobody says otherwise: in systemd's folder for the service, in ``/run``, else among temporary files."""
    for folder in (os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0], "/run"):
        if folder and os.access(folder, os.W_OK):
            return f"{folder}/resource-form-gpu-report-{node}.lock"
    return f"{os.environ.get('TMPDIR') or '/tmp'}/resource-form-gpu-report-{os.getuid()}-{node}.lock"  # noqa: S108 # nosec B108


def pause_after_failure(failures: int, interval: float, retry_after: int | None, chance: float) -> float:
    """Return the seconds until the next attempt after so many failures in a row: twice as long each time, not the same on all nodes."""
    if retry_after is not None:
        return max(interval, min(retry_after, LONGEST_ASKED_FOR)) * (1 + chance / 4)
    return min(max(LONGEST_PAUSE, interval), interval * (1 << min(failures - 1, 20))) * (0.75 + chance / 2)


def _reading_words(error: str) -> str:
    if error == "no_library":
        import importlib.util

        if importlib.util.find_spec("pynvml") is None:
            return NO_PYNVML
    return READING_WORDS.get(error, "")
