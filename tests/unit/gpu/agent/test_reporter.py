"""When the reporter reports, what it says of it, and what it does while something hangs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spawner.gpu.agent.client import Outcome
from spawner.gpu.agent.reporter import Reporter, TimedWorker, WakeUpEvent, lock_path, pause_after_failure
from spawner.gpu.agent.schema import Device, NodeReport, parse_report
from tests.support.report_taker import PATIENCE

GOOD = NodeReport("g001", 1.0, "535.104.05", (Device(0, "GPU-0"),))


def reported(outcomes: list[Outcome], *, readings: list[NodeReport] | None = None) -> tuple[list[float], list[str]]:
    """The pause after each report and the lines of the log, where sending has these outcomes and chance keeps to the middle."""
    lines: list[str] = []
    left, read = list(outcomes), list(readings or [GOOD] * len(outcomes))
    reporter = Reporter(
        "g001", lambda: read.pop(0), lambda _text: left.pop(0), WakeUpEvent(), interval=10, log=lines.append, chance=lambda: 0.5
    )
    return [reporter.round() for _ in outcomes], lines


OK, REFUSED, AWAY = Outcome(), Outcome("Refused.", "403"), Outcome("Nobody there.")


def test_pauses_double_to_ten_minutes_and_are_short_again_after_a_success() -> None:
    pauses, _lines = reported([OK, *[AWAY] * 9, OK, AWAY])

    assert pauses == [10, 10, 20, 40, 80, 160, 320, 600, 600, 600, 10, 10]


def test_chance_keeps_nodes_apart() -> None:
    assert [pause_after_failure(3, 10, None, chance) for chance in (0.0, 0.5, 1.0)] == [30, 40, 50]
    assert [pause_after_failure(3, 10, 60, chance) for chance in (0.0, 1.0)] == [60, 75]


def test_the_hub_can_ask_for_a_longer_pause_and_not_for_a_shorter_one() -> None:
    asked = [Outcome("Too many.", "429", seconds) for seconds in (1, 100, 10**6)]

    assert reported(asked)[0] == [11.25, 112.5, 4050.0]


def test_use_that_was_lost_with_a_report_is_told_by_the_next_one_that_comes_through() -> None:
    def used(percent: int, peak: int | None) -> Device:
        return Device(0, "GPU-0", utilisation=percent, utilisation_peak=peak)

    silent = Device(1, "GPU-1")
    readings = [NodeReport("g001", 1.0, "", (used(*use), silent)) for use in [(80, 95), (0, 5), (0, 0), (0, 0), (7, None), (0, None)]]
    outcomes, sent = [AWAY, REFUSED, OK, OK, AWAY, OK], []
    reporter = Reporter(
        "g001", lambda: readings.pop(0), lambda text: (sent.append(text), outcomes.pop(0))[1], WakeUpEvent(), log=lambda _line: None
    )
    for _ in range(6):
        reporter.round()

    told = [parse_report(text).devices for text in sent]
    assert [(devices[0].utilisation, devices[0].utilisation_peak) for devices in told] == [
        (80, 95),
        (0, 95),
        (0, 95),
        (0, 0),
        (7, None),
        (0, 7),
    ]
    assert {devices[1] for devices in told} == {silent}


def test_a_node_without_nvidia_looks_again_every_ten_minutes() -> None:
    none = NodeReport("g001", 1.0, error="no_library")

    pauses, _lines = reported([OK, OK], readings=[none, GOOD])

    assert pauses == [600, 10]


def test_the_log_has_a_line_for_each_change_and_none_for_a_report() -> None:
    _pauses, lines = reported([OK, OK, AWAY, AWAY, REFUSED, REFUSED, AWAY, OK, OK])

    assert lines == [
        "The Hub takes the reports of g001: 1 devices.",
        "Nobody there.",
        "Refused.",
        "Nobody there.",
        "The Hub takes reports again.",
    ]


def test_the_log_tells_when_the_driver_goes_and_comes() -> None:
    _pauses, lines = reported(
        [OK] * 4, readings=[GOOD, NodeReport("g001", 1.0, error="no_driver"), NodeReport("g001", 1.0, error="no_driver"), GOOD]
    )

    assert lines[1:] == ["The NVIDIA driver is not loaded.", "The NVIDIA driver answers: 1 devices."]


class NotingWakeUpEvent(WakeUpEvent):
    """Takes down for how long it is to wait after a report, and whether a wish would make that shorter; ends after the long wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[tuple[float, bool]] = []
        self.has_sent = False

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        if not self.has_sent:
            super().wait(min(seconds, PATIENCE), until)
        else:
            self.waits.append((round(seconds, -1), until()))
            self.ended = seconds > 50


@pytest.mark.parametrize(("outcome", "waits"), [(OK, [(20, False), (100, True)]), (AWAY, [(100, False)])], ids=["well", "away"])
def test_a_report_that_is_wanted_comes_early_but_not_at_once_and_not_while_the_hub_is_away(
    outcome: Outcome, waits: list[tuple[float, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spawner.gpu.agent.reporter.SHORTEST_PAUSE", 20.0)
    wake_up = NotingWakeUpEvent()
    reporter = Reporter("g001", lambda: GOOD, lambda _text: outcome, wake_up, interval=100, log=lambda _line: None, chance=lambda: 0.5)
    sending = reporter.send

    def send(report: NodeReport) -> Outcome:
        found = sending(report)
        wake_up.has_sent = True
        wake_up.want()
        return found

    monkeypatch.setattr(reporter, "send", send)
    wake_up.want()
    reporter.run()

    assert wake_up.waits == waits


def test_what_nobody_thought_of_does_not_end_it() -> None:
    def broken() -> NodeReport:
        raise MemoryError("secret")

    def furious(text: str) -> Outcome:
        raise KeyError("secret")

    lines: list[str] = []
    reporter = Reporter("g001", broken, furious, WakeUpEvent(), log=lines.append)

    report = reporter.report()
    assert report.error == "failed"
    assert "KeyError" in reporter.send(report).failure
    assert "secret" not in "".join(lines)


def test_the_end_while_a_report_is_being_sent_is_no_failure() -> None:
    lines: list[str] = []
    wake_up = WakeUpEvent()
    stop = threading.Event()

    def send(_text: str) -> Outcome:
        wake_up.end()
        assert stop.wait(PATIENCE)
        return AWAY

    reporter = Reporter("g001", lambda: GOOD, send, wake_up, interval=1, log=lines.append, chance=lambda: 0.0)
    reporter.run()

    assert reporter.hangs
    assert lines == []
    stop.set()


def test_while_a_reading_hangs_no_second_one_is_begun_and_the_hub_is_told() -> None:
    begun: list[int] = []
    go = threading.Event()

    def slow() -> NodeReport:
        begun.append(1)
        assert go.wait(PATIENCE)
        return GOOD

    reporter = Reporter("g001", slow, lambda _text: OK, WakeUpEvent(), reading_limit=1.0, log=lambda _line: None)
    before = set(threading.enumerate())

    assert [reporter.report().error for _ in range(5)] == ["timeout"] * 5
    assert len(begun) == 1
    assert len(set(threading.enumerate()) - before) == 1

    go.set()
    deadline = time.monotonic() + PATIENCE
    while reporter.hangs and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    assert reporter.report() == GOOD
    assert len(begun) == 2, "what was read long ago is not reported as what is"


def test_a_bell_is_heard_from_a_handler_that_interrupts_the_wait() -> None:
    wake_up = WakeUpEvent()
    before = signal.signal(signal.SIGALRM, lambda *_: wake_up.end())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        wake_up.wait(PATIENCE)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert wake_up.ended


def test_a_hand_gives_what_was_done() -> None:
    assert TimedWorker[int](WakeUpEvent(), PATIENCE).do(lambda: 7) == 7


def test_the_lock_is_where_only_its_user_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path}:/elsewhere")
    assert lock_path("g001") == f"{tmp_path}/resource-form-gpu-report-g001.lock"

    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("TMPDIR", "/scratch")
    assert lock_path("g001") == f"/scratch/resource-form-gpu-report-{os.getuid()}-g001.lock"
