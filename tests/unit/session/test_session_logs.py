"""The Hub's side of logs, on a clock of its own: what is asked of the reader, what is made of its answers, who shares them, and when."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from spawner._data import folder
from spawner.errors import LogGone, LogRefused, LogUnreadable, NoLogYet, SessionFailed, SlurmUnavailable
from spawner.session import log_reader
from spawner.session.log_errors import no_log_yet
from spawner.session.log_excerpt import Excerpt
from spawner.session.log_reader import (
    DOWNLOAD_BYTES,
    INSTALLED_READER,
    MAX_LOGS,
    MIN_INTERVAL_SECONDS,
    PIECE_BYTES,
    READS_AT_A_TIME,
    TAIL_BYTES,
    LogPiece,
    Match,
    Search,
    SessionLogs,
    configured_state_home,
    log_place,
    read_log,
)
from spawner.session.progress import StartProgress
from spawner.session.startup_log import LOOK_SECONDS, PATIENCE_SECONDS, RETRY_SECONDS, SLOW_SECONDS, StartupLog
from spawner.slurm.runner import Identity, Result
from tests.support.fake_runner import FakeRunner
from tests.support.session_rig import virtually

ADA = Identity("ada", os.geteuid(), os.getegid(), "/home/ada", "/bin/bash", (os.getegid(),))
GRACE = Identity("grace", os.geteuid(), os.getegid(), "/home/grace", "/bin/bash", (os.getegid(),))
PLACE = "~/.local/state/jupyterhub-resource-form/7.log"
UNREADABLE = f"The log cannot be read from here. It is in a file on the cluster: {PLACE}"


def answer(content: bytes = b"one\n", size: int | None = None, start: int = 0, **changes: Any) -> str:
    """What the reader prints of a piece."""
    header = {"size": len(content) + start if size is None else size, "from": start, "inode": 5, "modified": 2.5, **changes}
    return f"{json.dumps(header)}\n{base64.b64encode(content).decode()}\n"


class Reader(FakeRunner):
    """The reader's program, as far as its answers go: the last one again and again, each after so many seconds."""

    def __init__(self, answers: list[str | Exception] | None = None, seconds: float = 0.0, code: int = 0, complaint: str = "") -> None:
        super().__init__(seconds)
        self.answers = [answer()] if answers is None else answers
        self.code = code
        self.complaint = complaint

    def result(self, argv: tuple[str, ...]) -> Result:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return Result(argv, self.code, found, self.complaint, self.seconds)

    @property
    def arguments(self) -> list[tuple[str, ...]]:
        """The reader's own arguments, of each time."""
        return [argv[argv.index("-") + 1 :] for argv in self.argv]


def logs_of(reader: Reader) -> SessionLogs:
    """The logs, on the loop's own clock."""
    return SessionLogs(reader, clock=asyncio.get_running_loop().time)


# --- what is asked ----------------------------------------------------------------------------------------------------------------


def test_where_it_is() -> None:
    """In words that can be typed; a folder that is no absolute path is none."""
    assert log_place(7) == PLACE
    assert log_place(7, "/scratch/state/") == "/scratch/state/jupyterhub-resource-form/7.log"
    assert configured_state_home({"XDG_STATE_HOME": "/scratch/state"}) == "/scratch/state"
    for none in ({"XDG_STATE_HOME": lambda: "/x"}, {"XDG_STATE_HOME": "state"}, {}):
        assert configured_state_home(none) == ""


@pytest.mark.parametrize(
    ("ask", "arguments", "environment"),
    [
        pytest.param({}, ("7", "tail", str(PIECE_BYTES)), {}, id="the-end"),
        pytest.param({"length": 5}, ("7", "tail", "5"), {}, id="a-shorter-end"),
        pytest.param({"start": 0}, ("7", "from", "0", str(PIECE_BYTES)), {}, id="from-the-beginning"),
        pytest.param({"start": 1, "length": 9}, ("7", "from", "1", "9"), {}, id="a-piece"),
        pytest.param({"start": -3}, ("7", "from", "0", str(PIECE_BYTES)), {}, id="before-the-beginning"),
        pytest.param({"state_home": "/s"}, ("7", "tail", str(PIECE_BYTES)), {"XDG_STATE_HOME": "/s"}, id="elsewhere"),
    ],
)
def test_what_the_reader_is_asked(ask: dict[str, Any], arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    """As the log's owner, by the system's python, which is handed the program; nothing else is in its environment."""
    reader = Reader()
    virtually(lambda: read_log(reader, ADA, 7, **ask))
    (asked,) = reader.asked
    assert asked.argv[1:4] == ("-I", "-S", "-")
    assert asked.argv[0] in log_reader.PYTHONS
    assert reader.arguments == [arguments]
    assert asked.stdin == (folder("share") / "resource_form" / "session_log.py").read_text(encoding="utf-8")
    assert asked.environment == {"LC_ALL": "C", **environment}
    assert (asked.identity, asked.timeout) == (ADA, log_reader.READ_TIMEOUT_SECONDS)


@pytest.mark.parametrize(
    ("hub", "owner", "installed"),
    [
        pytest.param(0, 1000, False, id="a-Hub-that-is-root"),
        pytest.param(1000, 1000, False, id="the-owner-s-own-Hub"),
        pytest.param(999, 1000, True, id="any-other-Hub"),
    ],
)
def test_who_reads(monkeypatch: pytest.MonkeyPatch, hub: int, owner: int, installed: bool) -> None:
    """A Hub that is neither root nor the owner runs the installed copy, whose arguments are those of sudo's rule."""
    monkeypatch.setattr("spawner.session.log_reader.os.geteuid", lambda: hub)
    reader = Reader()
    virtually(lambda: read_log(reader, Identity("ada", owner, 1, "/", "/bin/sh", ()), 7, start=5, length=6))
    (asked,) = reader.asked
    if installed:
        assert (asked.argv, asked.stdin) == ((INSTALLED_READER, "7", "from", "5", "6"), "")
        rule = (folder("share") / "resource_form" / "sudoers").read_text()
        assert f"RESOURCE_FORM_LOG = {INSTALLED_READER} ^" in rule
    else:
        assert asked.stdin
        assert INSTALLED_READER not in asked.argv


def test_a_machine_without_a_python_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's own is better than none."""
    monkeypatch.setattr("spawner.session.log_reader.os.access", lambda path, how: path == "/bin/python3" and how == os.X_OK)
    assert log_reader._command(ADA, ())[0][0] == "/bin/python3"
    monkeypatch.setattr("spawner.session.log_reader.os.access", lambda *_asked: False)
    assert log_reader._command(ADA, ())[0][0] == sys.executable


@pytest.mark.parametrize("job_id", [0, -1])
def test_no_job_has_no_log(job_id: int) -> None:
    """Nobody is asked for it."""
    reader = Reader()
    with pytest.raises(ValueError, match=rf"^{job_id} is not the id of a job\.$"):
        virtually(lambda: read_log(reader, ADA, job_id))
    assert reader.asked == []


# --- what is made of the answer ---------------------------------------------------------------------------------------------------


def test_a_piece() -> None:
    """Its place in the log, its file, and its bytes."""
    found = virtually(lambda: read_log(Reader([answer(b"two\n", size=99, start=4)]), ADA, 7))
    assert found == LogPiece(size=99, start=4, end=8, inode=5, modified=2.5, content=b"two\n")


@pytest.mark.parametrize(
    ("piece", "asked", "expected"),
    [
        pytest.param(LogPiece(20, 0, 11, 1, 0.0, b"one\ntwo\nthr"), {}, Excerpt(0, 8, "one\ntwo\n", ""), id="from-its-beginning"),
        pytest.param(LogPiece(11, 0, 11, 1, 0.0, b"one\ntwo\nthr"), {}, Excerpt(0, 8, "one\ntwo\n", "thr"), id="at-the-log-s-end-with-the-unfinished-line"),
        pytest.param(LogPiece(99, 90, 99, 1, 0.0, b"ne\ntwo\nth"), {}, Excerpt(93, 97, "two\n", "th"), id="from-the-first-whole-line"),
        pytest.param(LogPiece(99, 90, 99, 1, 0.0, b"ne\ntwo\nth"), {"start": 93}, Excerpt(93, 97, "two\n", "th"), id="from-a-line-that-was-named"),
        pytest.param(LogPiece(99, 90, 99, 1, 0.0, b"one\ntwo\nt"), {"start": 90}, Excerpt(90, 98, "one\ntwo\n", "t"), id="from-its-beginning-where-a-line-begins"),
    ],
)  # fmt: skip
def test_whole_lines_of_a_piece(piece: LogPiece, asked: dict[str, Any], expected: Excerpt) -> None:
    """The unfinished line only where the log ends as well: else it goes on in the next piece."""
    assert piece.excerpt(**asked) == expected


def test_the_first_or_the_last_of_too_many_lines() -> None:
    """As is asked for."""
    content = b"x\n" * 2500
    piece = LogPiece(5000, 0, 5000, 1, 0.0, content)
    assert (piece.excerpt().start, piece.excerpt(latest=False).start) == (1000, 0)


@pytest.mark.parametrize(
    ("reader", "error", "sentence", "log"),
    [
        pytest.param(Reader([SlurmUnavailable("x", log="no such program")]), LogUnreadable, UNREADABLE, "the log of job 7 of ada: no such program", id="not-started"),
        pytest.param(Reader([""], code=1, complaint="a\nsudo: a password is required\n"), LogUnreadable, UNREADABLE, "the log of job 7 of ada: exit status 1: sudo: a password is required", id="sudo"),
        pytest.param(Reader([answer()], code=1), LogUnreadable, UNREADABLE, "the log of job 7 of ada: exit status 1: ", id="failed-with-an-answer"),
        pytest.param(Reader(["[1]\n\n"]), LogUnreadable, UNREADABLE, "the log of job 7 of ada: 'list' object has no attribute 'get'", id="no-object"),
        pytest.param(Reader(['{"error": "unreadable", "why": "Permission denied"}\n\n']), LogUnreadable, UNREADABLE, "the log of job 7 of ada: Permission denied", id="the-reader-says-why"),
        pytest.param(Reader(['{"error": "strange"}\n\n']), LogUnreadable, UNREADABLE, "the log of job 7 of ada: strange", id="the-reader-says-what"),
        pytest.param(Reader(['{"size": 1, "inode": 1, "modified": 0}\n\n']), LogUnreadable, UNREADABLE, "the log of job 7 of ada: KeyError('from')", id="something-is-missing"),
        pytest.param(Reader(['{"error": "refused"}\n\n']), LogRefused, f"What is in the place of the log is not a file of its owner's: {PLACE}", "the log of job 7 of ada is no regular file of theirs", id="no-regular-file"),
        pytest.param(Reader(['{"error": "missing"}\n\n']), LogGone, f"There is no log of job 7. The job never ran, or could not write it, or it was deleted: {PLACE}", "job 7 has no log", id="missing"),
    ],
)  # fmt: skip
def test_answers_without_a_log(reader: Reader, error: type[LogUnreadable], sentence: str, log: str) -> None:
    """What is told to the user says where the log is; the reader's own words are for the admin."""
    with pytest.raises(error) as told:
        virtually(lambda: read_log(reader, ADA, 7))
    assert type(told.value) is error
    assert (told.value.sentence, told.value.log, told.value.place) == (sentence, log, PLACE)


def test_bytes_that_are_no_base64() -> None:
    """Not even what a lenient reader would skip."""
    for odd in ("@@@@", "b25l\x00Cg==", "b"):
        with pytest.raises(LogUnreadable) as told:
            virtually(lambda odd=odd: read_log(Reader([f'{{"size": 1, "from": 0, "inode": 1, "modified": 0}}\n{odd}\n']), ADA, 7))
        assert told.value.sentence == UNREADABLE


def test_a_log_that_may_still_come() -> None:
    """While the session goes on there is none yet; what is said names no place, the error does."""
    with pytest.raises(NoLogYet) as told:
        virtually(lambda: read_log(Reader(['{"error": "missing"}\n\n']), ADA, 7, going_on=True))
    same = no_log_yet(7, PLACE)
    assert (told.value.sentence, told.value.log, told.value.place, told.value.job) == (same.sentence, same.log, PLACE, 7)
    assert (same.sentence, same.log) == ("There is no log yet. It begins when the job runs.", "job 7 has no log yet")


# --- shared ------------------------------------------------------------------------------------------------------------------------


async def after(seconds: float, ask: Callable[[], Any]) -> Any:
    """What is answered to a question that is asked so much later."""
    await asyncio.sleep(seconds)
    return await ask()


def test_one_end_for_all_who_look() -> None:
    """It is read once a second, however many ask; whoever wants a fresh one has it read again, a second after the last."""

    async def scenario() -> None:
        reader = Reader([answer(b"1"), answer(b"2"), answer(b"3"), answer(b"4")])
        logs = logs_of(reader)
        first = await asyncio.gather(*(logs.tail(ADA, 7) for _ in range(9)))
        assert {piece.content for piece in first} == {b"1"}
        assert (await after(0.9, lambda: logs.tail(ADA, 7))).content == b"1"
        assert (await after(0.1, lambda: logs.tail(ADA, 7))).content == b"2"
        assert (await logs.tail(ADA, 7, fresh=True)).content == b"3"
        assert (await logs.tail(ADA, 7)).content == b"3"
        assert reader.moments == [0.0, 1.0, 2.0]
        assert reader.arguments == [("7", "tail", str(TAIL_BYTES))] * 3

    virtually(scenario)


def test_logs_are_told_apart() -> None:
    """By user and job: another log is read at once, and has its own end."""

    async def scenario() -> None:
        reader = Reader([answer(b"1"), answer(b"2"), answer(b"3")])
        logs = logs_of(reader)
        found = [await logs.tail(ADA, 7), await logs.tail(ADA, 8, state_home="/s"), await logs.since(GRACE, 7, 0)]
        assert [piece.content for piece in found] == [b"1", b"2", b"3"]
        assert [await logs.tail(who, job) for who, job in ((ADA, 7), (ADA, 8), (GRACE, 7))] == found
        assert reader.moments == [0.0] * 3
        assert [asked.identity for asked in reader.asked] == [ADA, ADA, GRACE]
        assert [asked.environment.get("XDG_STATE_HOME") for asked in reader.asked] == [None, "/s", None]

    virtually(scenario)


def test_an_error_is_shared_as_well() -> None:
    """For a second; that there is no log is told to each by whether the session goes on."""

    async def scenario() -> None:
        reader = Reader(['{"error": "missing"}\n\n'])
        logs = logs_of(reader)
        with pytest.raises(LogGone) as gone:
            await logs.tail(ADA, 7)
        with pytest.raises(NoLogYet) as yet:
            await logs.tail(ADA, 7, going_on=True)
        with pytest.raises(NoLogYet):
            await logs.since(ADA, 7, 0, going_on=True)
        assert (gone.value.place, yet.value.place, yet.value.job) == (PLACE, PLACE, 7)
        assert len(reader.asked) == 1
        reader.answers = ['{"error": "refused"}\n\n']
        with pytest.raises(LogRefused):
            await after(1, lambda: logs.tail(ADA, 7, going_on=True))

    virtually(scenario)


def test_a_clock_that_was_set_back() -> None:
    """What seems to come from the future is not kept for as long."""

    async def scenario() -> None:
        clock = [100.0]
        reader = Reader([answer(b"1"), answer(b"2")])
        logs = SessionLogs(reader, clock=lambda: clock[0])
        await logs.tail(ADA, 7)
        clock[0] = 99.5
        assert (await logs.tail(ADA, 7)).content == b"2"

    virtually(scenario)


@pytest.mark.parametrize(
    ("start", "found", "pieces"),
    [
        pytest.param(90, b"end", 0, id="where-the-shared-end-begins"),
        pytest.param(95, b"end", 0, id="within-it"),
        pytest.param(100, b"end", 0, id="at-the-log-s-end"),
        pytest.param(101, b"end", 0, id="beyond-a-log-that-is-another-one-by-now"),
        pytest.param(89, b"piece", 1, id="before-it"),
    ],
)
def test_what_the_log_has_since(start: int, found: bytes, pieces: int) -> None:
    """From the shared end where that goes back so far; else a piece is read."""

    async def scenario() -> None:
        reader = Reader([answer(b"end", size=100, start=90), answer(b"piece", size=100, start=start)])
        assert (await logs_of(reader).since(ADA, 7, start, state_home="/s")).content == found
        assert reader.arguments[1:] == [("7", "from", str(start), str(PIECE_BYTES))] * pieces
        assert {asked.environment["XDG_STATE_HOME"] for asked in reader.asked} == {"/s"}

    virtually(scenario)


def test_pieces_wait_for_each_other() -> None:
    """A log is read once a second by all who page through it, another one meanwhile; a download follows at once."""

    async def scenario() -> None:
        reader = Reader()
        logs = logs_of(reader)
        await logs.piece(ADA, 7, 3, 4, state_home="/s")
        await logs.piece(ADA, 8, 0, 9)
        await logs.piece(ADA, 7, 0, 9)
        await logs.download(ADA, 7, 5, DOWNLOAD_BYTES, state_home="/s")
        await logs.download(ADA, 7, 6, DOWNLOAD_BYTES)
        assert reader.moments == [0.0, 0.0, MIN_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS]
        assert reader.arguments[0] == ("7", "from", "3", "4")
        assert reader.arguments[3] == ("7", "from", "5", str(DOWNLOAD_BYTES))
        assert [asked.environment.get("XDG_STATE_HOME") for asked in reader.asked] == ["/s", None, None, "/s", None]
        assert {asked.identity for asked in reader.asked} == {ADA}

    virtually(scenario)


@pytest.mark.parametrize("what", ["tail", "piece", "download", "search"])
def test_one_at_a_time_for_a_user_and_few_for_all(what: str) -> None:
    """Whatever is read."""

    async def scenario(users: int, jobs: int) -> int:
        reader = Reader(['{"error": "missing"}\n\n'], seconds=0.5)
        logs = logs_of(reader)
        rest = {"tail": (), "piece": (0, 9), "download": (0, 9), "search": ("x",)}[what]
        people = [Identity(f"user{number}", ADA.uid, ADA.gid, "/", "/bin/sh", ()) for number in range(users)]
        asked = [getattr(logs, what)(user, job, *rest) for user in people for job in range(1, jobs + 1)]
        assert all(isinstance(found, LogGone) for found in await asyncio.gather(*asked, return_exceptions=True))
        return reader.most_at_once

    assert virtually(lambda: scenario(1, 5)) == 1
    assert virtually(lambda: scenario(3, 1)) == 3
    assert virtually(lambda: scenario(2 * READS_AT_A_TIME, 1)) == READS_AT_A_TIME


def test_ends_of_many_logs_are_not_kept() -> None:
    """Of those that nobody looks at any more the oldest goes; one that is looked at stays."""

    async def scenario() -> None:
        reader = Reader()
        logs = logs_of(reader)
        for number in range(MAX_LOGS):
            await logs.tail(ADA, number + 1)
        await logs.tail(ADA, 1)
        await logs.tail(GRACE, 1)
        asked = len(reader.asked)
        await logs.tail(ADA, 1)
        assert len(reader.asked) == asked
        await logs.tail(ADA, 2)
        assert len(reader.asked) == asked + 1

    virtually(scenario)


# --- searched ----------------------------------------------------------------------------------------------------------------------


def test_a_search() -> None:
    """What is searched for is no argument, which others could see; the lines are safe to look at."""

    async def scenario() -> None:
        header = {"matches": [{"at": 3, "line": "a \x1b[31mneedle"}, {"at": "9", "line": 7}], "number": 12, "whole": True}
        reader = Reader([json.dumps(header) + "\n\n"])
        logs = logs_of(reader)
        assert await logs.search(ADA, 7, "my token", state_home="/s") == Search((Match(3, "a needle"), Match(9, "7")), 12, True)
        await logs.search(ADA, 7, "x")
        await logs.search(ADA, 8, "x")
        assert reader.arguments == [("7", "search"), ("7", "search"), ("8", "search")]
        assert reader.asked[0].environment == {"LC_ALL": "C", "XDG_STATE_HOME": "/s", "RESOURCE_FORM_SEARCH": "my token"}
        assert reader.moments == [0.0, MIN_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS]

    virtually(scenario)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"number": 1, "whole": True}, "KeyError('matches')"),
        ({"matches": 7, "number": 1, "whole": True}, "TypeError(\"'int' object is not iterable\")"),
        ({"matches": [], "number": "many", "whole": True}, "ValueError(\"invalid literal for int() with base 10: 'many'\")"),
    ],
)
def test_a_search_without_an_answer(header: dict[str, Any], why: str) -> None:
    """It is told as a log that cannot be read."""
    reader = Reader([json.dumps(header) + "\n\n"])
    with pytest.raises(LogUnreadable) as told:
        virtually(lambda: SessionLogs(reader).search(ADA, 7, "x"))
    assert (told.value.sentence, told.value.place) == (UNREADABLE, PLACE)
    assert told.value.log == f"searching the log of job 7 of ada: {why}"


def test_a_search_that_was_cut_short() -> None:
    """Only a plain yes says that the whole log was looked through."""
    header = {"matches": [], "number": 0, "whole": 1}
    assert not virtually(lambda: SessionLogs(Reader([json.dumps(header) + "\n\n"])).search(ADA, 7, "x")).whole


# --- the lines that tell -----------------------------------------------------------------------------------------------------------


def test_the_lines_that_tell() -> None:
    """Of the log's end as it is from now on, so many, by whoever's log it is; of a log that cannot be read there are none."""

    async def scenario() -> None:
        text = "\n".join(f"ValueError: {number}" for number in range(9)).encode()
        reader = Reader([answer(b"x" * TAIL_BYTES), answer(b"ValueError: too old\n" + b"x" * PIECE_BYTES + b"\n" + text)])
        logs = logs_of(reader)
        await logs.tail(ADA, 7)
        assert await logs.telling_lines(ADA, 7, state_home="/s") == ("ValueError: 6", "ValueError: 7", "ValueError: 8")
        assert await logs.telling_lines(ADA, 7, max_lines=9, patience=9) == tuple(f"ValueError: {number}" for number in range(9))
        assert [asked.environment.get("XDG_STATE_HOME") for asked in reader.asked] == [None, "/s", None]
        for odd in (SlurmUnavailable("x", log="x"), OSError("x")):
            reader.answers = [odd]
            assert await logs.telling_lines(ADA, 7) == ()

    virtually(scenario)


@pytest.mark.parametrize(("patience", "lines"), [(None, ()), (2.9, ()), (3.1, ("one",))])
def test_nobody_waits_long_for_the_lines_that_tell(patience: float | None, lines: tuple[str, ...]) -> None:
    """A reader that is slower is given up, three seconds as a rule; and it reads no more."""

    async def scenario() -> None:
        reader = Reader(seconds=3.05)
        ask = {} if patience is None else {"patience": patience}
        assert await logs_of(reader).telling_lines(ADA, 7, **ask) == lines
        await asyncio.sleep(0)
        assert reader.at_once == 0

    virtually(scenario)


# --- a start that is slow, or fails --------------------------------------------------------------------------------------------------


def test_why_a_session_failed() -> None:
    """The last three lines that tell, beside all that was said already."""

    async def scenario() -> None:
        text = "\n".join(f"ValueError: {number}" for number in range(9)).encode()
        reader = Reader([answer(text)])
        words = StartupLog(logs_of(reader), ADA, 7, "/s")
        failed = await words.explained(SessionFailed("The server ended.", log="job 7", label="failed"), "FAILED")
        assert failed.details == ("ValueError: 6", "ValueError: 7", "ValueError: 8")
        assert (failed.sentence, failed.log, failed.label) == ("The server ended.", "job 7", "failed")
        assert reader.asked[0].environment["XDG_STATE_HOME"] == "/s"

    virtually(scenario)


@pytest.mark.parametrize(
    ("end", "details", "content", "asked"),
    [
        *[pytest.param(end, (), b"ValueError\n", 0, id=end) for end in ("NOT_SUBMITTED", "NEVER_STARTS", "QUEUE_TIMEOUT")],
        pytest.param("FAILED", ("said already",), b"ValueError\n", 0, id="it-is-explained-already"),
        pytest.param("FAILED", (), b"", 1, id="the-log-says-nothing"),
    ],
)
def test_a_failure_that_no_log_explains(end: str, details: tuple[str, ...], content: bytes, asked: int) -> None:
    """It stays as it is, and no log is asked for of a job that never ran."""

    async def scenario() -> None:
        reader, failure = Reader([answer(content)]), SessionFailed("It ended.", details=details)
        assert await StartupLog(logs_of(reader), ADA, 7).explained(failure, end) is failure
        assert len(reader.asked) == asked

    virtually(scenario)


def test_a_failure_does_not_wait_for_its_log() -> None:
    """A reader that hangs costs three seconds."""

    async def scenario() -> None:
        failure = SessionFailed("It ended.")
        assert await StartupLog(logs_of(Reader(seconds=60)), ADA, 7).explained(failure, "FAILED") is failure
        assert asyncio.get_running_loop().time() == PATIENCE_SECONDS

    virtually(scenario)


def slow_start(reader: Reader, runs: Callable[[float], bool], seconds: float) -> tuple[StartProgress, list[float]]:
    """The messages of a start that takes so long, and when the log was read; ``runs``: whether its job runs at a moment."""

    async def scenario() -> tuple[StartProgress, list[float]]:
        loop, progress = asyncio.get_running_loop(), StartProgress()
        progress.say(60, "It starts.", stage="server")
        with StartupLog(logs_of(reader), ADA, 7).shown_if_slow(progress, lambda: runs(loop.time())):
            await asyncio.sleep(seconds)
        await asyncio.sleep(100)
        return progress, reader.moments

    return virtually(scenario)


def test_a_slow_start_shows_the_end_of_its_log() -> None:
    """Twenty seconds after the job was seen to run; what was said last is said again with five lines, and with others when they change."""
    first, second = (b"".join(b"line %d\n" % number for number in range(first, first + 9)) for first in (0, 1))
    progress, moments = slow_start(Reader([answer(first), answer(first), answer(second)]), lambda _now: True, 60)
    seen = LOOK_SECONDS + SLOW_SECONDS
    assert moments == [
        seen,
        seen + RETRY_SECONDS + LOOK_SECONDS,
        seen + 2 * (RETRY_SECONDS + LOOK_SECONDS),
        seen + 3 * (RETRY_SECONDS + LOOK_SECONDS),
    ]
    shown = [(message.progress, message.text, message.details.get("stage"), message.details.get("log")) for message in progress.messages]
    assert shown == [
        (60, "It starts.", "server", None),
        (60, "It starts.", "server", [f"line {number}" for number in range(4, 9)]),
        (60, "It starts.", "server", [f"line {number}" for number in range(5, 10)]),
    ]


def test_the_end_of_the_log_is_shown_with_every_message() -> None:
    """Also where another text has come in between, the lines being the same."""

    async def scenario() -> list[tuple[str, Any]]:
        progress = StartProgress()
        progress.say(60, "It starts.")
        with StartupLog(logs_of(Reader([answer(b"one")])), ADA, 7).shown_if_slow(progress, lambda: True):
            await asyncio.sleep(50)
            progress.say(60, "Slurm is silent.")
            await asyncio.sleep(50)
        return [(message.text, message.details.get("log")) for message in progress.messages]

    assert virtually(scenario) == [("It starts.", None), ("It starts.", ["one"]), ("Slurm is silent.", None), ("Slurm is silent.", ["one"])]


@pytest.mark.parametrize(
    ("runs", "seconds", "first_read"),
    [
        pytest.param(lambda now: now > 100, 200, [122.0], id="counted-from-when-it-runs"),
        pytest.param(lambda now: not 10 < now < 20, 60, [40.0], id="counted-anew-after-a-pause"),
        pytest.param(lambda now: True, 21.9, [], id="a-start-that-is-quick-enough"),
        pytest.param(lambda now: False, 500, [], id="a-job-that-waits"),
    ],
)
def test_when_a_start_counts_as_slow(runs: Callable[[float], bool], seconds: float, first_read: list[float]) -> None:
    """By how long the job runs without a break; nothing is read after the start is over."""
    progress, moments = slow_start(Reader(), runs, seconds)
    assert moments[:1] == first_read
    assert len(progress.messages) == 1 + len(first_read)
    assert all(moment <= seconds for moment in moments)


def test_a_log_that_says_nothing_is_not_shown() -> None:
    """The message stands as it is."""
    progress, moments = slow_start(Reader([answer(b"")]), lambda _now: True, 60)
    assert moments
    assert len(progress.messages) == 1
