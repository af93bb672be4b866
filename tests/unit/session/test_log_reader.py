"""The reader of logs, run as it is run by the Hub, and the Hub's side of it: one read at a time, shared, and never more than asked for."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from spawner._data import folder
from spawner.errors import LogGone, LogRefused, LogUnreadable, NoLogYet, SessionFailed, SlurmNotStarted
from spawner.hub.errors import html_message, text_message
from spawner.i18n import using
from spawner.session.log_errors import MAX_CLOCK_SKEW_SECONDS
from spawner.session.log_reader import (
    MIN_INTERVAL_SECONDS,
    TAIL_BYTES,
    SessionLogs,
    configured_state_home,
    log_place,
    read_log,
)
from spawner.session.progress import StartProgress
from spawner.session.startup_log import StartupLog
from spawner.slurm.runner import Identity, Result, SlurmRunner
from tests.support.fake_runner import FakeRunner

pytestmark = pytest.mark.thorough

READER = folder("share") / "resource_form" / "session_log.py"
ME = Identity("me", os.geteuid(), os.getegid(), "/home/me", "/bin/bash", (os.getegid(),))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The folder of logs, where XDG_STATE_HOME is the test's own."""
    place = tmp_path / "state" / "jupyterhub-resource-form"
    place.mkdir(parents=True)
    return place


def run_reader(logs: Path, *arguments: str, search: str = "") -> tuple[dict[str, Any], bytes]:
    """What the reader prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-", *arguments],
        input=READER.read_bytes(),
        capture_output=True,
        check=True,
        env={"XDG_STATE_HOME": str(logs.parent), "RESOURCE_FORM_SEARCH": search, "LC_ALL": "C"},
        timeout=60,
    )
    first, second = done.stdout.splitlines() if done.stdout.count(b"\n") == 2 else pytest.fail(repr(done.stdout[:1000]))
    return json.loads(first), base64.b64decode(second)


# --- the reader ------------------------------------------------------------------------------------------------------------------


def test_a_tail_and_a_piece(logs: Path) -> None:
    """The end, any piece, and what lies beyond the end; every byte as it is."""
    content = b"one\n\xff\xfe\x1b[31mtwo\r\n" * 100
    (logs / "7.log").write_bytes(content)
    header, found = run_reader(logs, "7", "tail", "30")
    assert (header["size"], header["from"], header["to"]) == (len(content), len(content) - 30, len(content))
    assert found == content[-30:]
    assert run_reader(logs, "7", "from", "10", "20")[1] == content[10:30]
    header, found = run_reader(logs, "7", "from", str(10**15), "20")
    assert (header["from"], header["to"], found) == (len(content), len(content), b"")
    assert run_reader(logs, "7", "tail", str(10**9))[1] == content


def test_nothing_but_a_log(logs: Path, tmp_path: Path) -> None:
    """A link to anything, a pipe, a device, a folder and what is not there: none is read, and none is waited for."""
    (logs / "real.txt").write_text("not to be read")
    (logs / "8.log").symlink_to("/etc/passwd")
    (logs / "9.log").symlink_to(logs / "real.txt")
    os.mkfifo(logs / "10.log")
    (logs / "11.log").mkdir()
    (logs / "12.log").symlink_to("/dev/zero")
    for job in ("8", "9", "10", "11", "12"):
        assert run_reader(logs, job, "tail", "100") == ({"error": "refused"}, b""), job
    assert run_reader(logs, "13", "tail", "100") == ({"error": "missing"}, b"")
    assert run_reader(tmp_path / "nowhere" / "jupyterhub-resource-form", "13", "tail", "100")[0] == {"error": "missing"}


def test_the_folder_is_no_link(logs: Path, tmp_path: Path) -> None:
    """A folder of logs that is a link elsewhere is refused; that a folder above it is one, is how many homes are made."""
    (logs / "7.log").write_text("one\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "jupyterhub-resource-form").symlink_to(logs)
    assert run_reader(other / "jupyterhub-resource-form", "7", "tail", "100")[0] == {"error": "refused"}
    (tmp_path / "linked").symlink_to(logs.parent)
    assert run_reader(tmp_path / "linked" / "jupyterhub-resource-form", "7", "tail", "100")[1] == b"one\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a file of another user's")
def test_a_file_of_another_user(logs: Path) -> None:
    """Not even one that could be read, as a hard link may be."""
    (logs / "7.log").write_text("one\n")
    os.chown(logs / "7.log", 12345, 12345)
    assert run_reader(logs, "7", "tail", "100")[0] == {"error": "refused"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["../7", "tail", "9"],
        ["7x", "tail", "9"],
        ["", "tail", "9"],
        ["7", "cat"],
        ["7"],
        ["7", "tail"],
        ["7", "tail", "-5"],
        ["7", "search", "x"],
        [],
    ],
)
def test_other_arguments(logs: Path, arguments: list[str]) -> None:
    """They are refused before anything is opened."""
    (logs / "7.log").write_text("one\n")
    command = [sys.executable, "-I", str(READER), *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env={"XDG_STATE_HOME": str(logs.parent)})
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_large_log_costs_nothing(logs: Path) -> None:
    """A gigabyte: so much is read of it as is asked for, and no more than 64 MB for a search, as the kernel counts."""
    log = logs / "7.log"
    log.write_bytes(b"the first line\n")
    os.truncate(log, 1 << 30)
    with log.open("ab") as file:
        file.write(b"\nthe needle\nthe last line\n")

    def bytes_read(*arguments: str) -> tuple[int, float, bytes]:
        program = f"{READER.read_text()}\nsys.stderr.write(open('/proc/self/io').read())"
        program = program.replace("sys.exit(main(sys.argv[1:]))", "main(sys.argv[1:])")
        environment = {"XDG_STATE_HOME": str(logs.parent), "RESOURCE_FORM_SEARCH": "needle"}
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-", *arguments], input=program.encode(), capture_output=True, check=True, env=environment
        )
        counted = dict(line.split(": ") for line in done.stderr.decode().splitlines())
        return int(counted["rchar"]), time.monotonic() - begun, done.stdout

    started = bytes_read("1", "tail", "10")[0]
    for arguments, most in (
        (("7", "tail", str(TAIL_BYTES)), TAIL_BYTES),
        (("7", "from", "0", "65536"), 65536),
        (("7", "from", "0", str(1 << 40)), 4 << 20),
        (("7", "search"), 64 << 20),
    ):
        read, seconds, output = bytes_read(*arguments)
        assert read - started <= most + 65536, arguments
        assert seconds < 10
        assert len(output) < 2 * (4 << 20)
    header, found = run_reader(logs, "7", "search", search="NEEDLE")
    assert header["matches"] == [{"at": (1 << 30) + 1, "line": "the needle"}]
    assert (header["number"], header["whole"], found) == (1, False, b"")


def test_a_search(logs: Path) -> None:
    """Each line once, with its place; the last of too many; long lines cut around what was found; across the reader's own blocks."""
    lines = [b"line %d of the log\n" % number for number in range(150_000)]
    lines[70_000] = b"x" * 5000 + b" Needle, needle " + b"y" * 5000 + b"\n"
    lines.append(b"the last one, unfinished: needle")
    content = b"".join(lines)
    (logs / "7.log").write_bytes(content)
    header, _found = run_reader(logs, "7", "search", search="nEEdle")
    assert (header["number"], header["whole"]) == (2, True)
    first, second = header["matches"]
    assert content[first["at"] :].startswith(b"xxxx")
    assert content[first["at"] - 1 : first["at"]] == b"\n"
    assert 300 < len(first["line"]) <= 500
    assert "Needle, needle" in first["line"]
    assert content[second["at"] :] == lines[-1]
    header, _found = run_reader(logs, "7", "search", search="of the log")
    assert (header["number"], len(header["matches"])) == (149_999, 200)
    for entry in header["matches"]:
        assert content[entry["at"] :].startswith(entry["line"].encode())
    assert header["matches"][-1]["line"] == "line 149999 of the log"
    assert run_reader(logs, "7", "search", search="->nothing<-")[0]["matches"] == []


def test_a_search_in_one_endless_line(logs: Path) -> None:
    """It is found, also where two blocks meet."""
    (logs / "7.log").write_bytes(b"x" * ((1 << 20) * 3 - 3) + b"needle" + b"x" * (1 << 20))
    assert run_reader(logs, "7", "search", search="needle")[0]["number"] == 1


# --- the Hub's side --------------------------------------------------------------------------------------------------------------


async def test_read_as_the_hub_does(logs: Path) -> None:
    """Through the one place that starts processes; every byte arrives, and the errors are sentences."""
    runner, home = SlurmRunner(), str(logs.parent)
    content = bytes(range(256)) * 4
    (logs / "7.log").write_bytes(content)
    piece = await read_log(runner, ME, 7, state_home=home)
    assert (piece.content, piece.size, piece.start, piece.end) == (content, 1024, 0, 1024)
    assert (await read_log(runner, ME, 7, start=1000, length=10, state_home=home)).content == content[1000:1010]
    with pytest.raises(NoLogYet, match="no log yet") as yet:
        await read_log(runner, ME, 8, state_home=home, going_on=True)
    assert "begins when the job runs" in yet.value.sentence
    with pytest.raises(LogGone) as gone:
        await read_log(runner, ME, 8, state_home=home)
    assert gone.value.sentence.endswith(f"{home}/jupyterhub-resource-form/8.log")
    with using("it"):
        assert str(8) in gone.value.sentence
    (logs / "9.log").symlink_to("/etc/shadow")
    with pytest.raises(LogRefused, match="no regular file") as refused:
        await read_log(runner, ME, 9, state_home=home)
    assert (refused.value.status, "not a file of its owner's" in refused.value.sentence) == (403, True)
    with pytest.raises(ValueError, match="not the id"):
        await read_log(runner, ME, 0, state_home=home)


def test_where_it_is() -> None:
    """In words that can be typed."""
    assert log_place(7) == "~/.local/state/jupyterhub-resource-form/7.log"
    assert log_place(7, "/scratch/state/") == "/scratch/state/jupyterhub-resource-form/7.log"
    assert configured_state_home({"XDG_STATE_HOME": "/scratch/state"}) == "/scratch/state"
    assert configured_state_home({"XDG_STATE_HOME": lambda: "/x"}) == configured_state_home({}) == ""


class FakeReader(FakeRunner):
    """A log that grows by a line a read."""

    def __init__(self, answer: Result | Exception | None = None, seconds: float = 0.05) -> None:
        super().__init__(seconds)
        self.answer = answer

    @property
    def reads(self) -> list[float]:
        """When it was read, each time."""
        return self.moments

    def result(self, argv: tuple[str, ...]) -> Result:
        if isinstance(self.answer, Exception):
            raise self.answer
        content = b"".join(b"line %d\n" % number for number in range(len(self.asked)))
        header = {"size": len(content), "from": 0, "to": len(content), "inode": 1, "modified": 0.0}
        printed = f"{json.dumps(header)}\n{base64.b64encode(content).decode()}\n"
        return self.answer or Result(argv, 0, printed, "", self.seconds)


async def test_all_pages_share_one_read() -> None:
    """Thirty pages that follow one log read it once; asking again and again reads it once a second."""
    reader = FakeReader()
    logs = SessionLogs(reader)
    pieces = await asyncio.gather(*(logs.since(ME, 7, 0) for _ in range(30)))
    assert len(reader.reads) == 1
    assert {piece.content for piece in pieces} == {b"line 0\n"}
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        await asyncio.gather(*(logs.since(ME, 7, 0) for _ in range(10)))
        await asyncio.sleep(0.02)
    assert 2 <= len(reader.reads) <= 4
    assert all(later - earlier >= 0.95 * MIN_INTERVAL_SECONDS for earlier, later in zip(reader.reads, reader.reads[1:], strict=False))


async def test_one_read_at_a_time_for_each_user() -> None:
    """Of any number of logs, and downloads; other users' are read meanwhile."""
    reader = FakeReader()
    logs = SessionLogs(reader)
    await asyncio.gather(*(logs.download(ME, job, 0, 1000) for job in range(1, 9)), *(logs.tail(ME, job) for job in range(1, 4)))
    assert reader.most_at_once == 1
    users = [Identity(f"user{number}", ME.uid, ME.gid, "/", "/bin/sh", ()) for number in range(20)]
    await asyncio.gather(*(logs.tail(user, 7) for user in users))
    assert 2 <= reader.most_at_once <= 8


async def test_the_log_of_an_earlier_job_of_the_same_number() -> None:
    """A log that was written to its end before the job was submitted is not shown, in whatever way it is asked for; five minutes between
    the clocks are allowed for.
    """
    logs = SessionLogs(FakeReader(seconds=0), clock=lambda: 0.0)
    asks = (
        lambda submitted: logs.tail(ME, 7, submitted=submitted, fresh=True),
        lambda submitted: logs.since(ME, 7, 0, submitted=submitted),
        lambda submitted: logs.piece(ME, 7, 0, 100, submitted=submitted),
        lambda submitted: logs.download(ME, 7, 0, 100, submitted=submitted),
    )
    for ask in asks:
        logs._latest_read.clear()
        for submitted in (None, 0.0, MAX_CLOCK_SKEW_SECONDS):
            await ask(submitted)
            logs._latest_read.clear()
        with pytest.raises(LogGone, match="older than the job") as error:
            await ask(MAX_CLOCK_SKEW_SECONDS + 1)
        assert error.value.sentence == (
            "There is no log of job 7. In its place is the log of an earlier job of the same number: "
            "~/.local/state/jupyterhub-resource-form/7.log"
        )
    logs._latest_read.clear()
    with pytest.raises(NoLogYet):
        await logs.tail(ME, 7, going_on=True, submitted=MAX_CLOCK_SKEW_SECONDS + 1)
    found = SessionLogs(FakeReader(printed('{"size": 5, "modified": 0, "matches": [], "number": 0, "whole": true}\n\n')))
    assert (await found.search(ME, 7, "x", submitted=MAX_CLOCK_SKEW_SECONDS)).number == 0
    with pytest.raises(LogGone):
        await found.search(ME, 8, "x", submitted=MAX_CLOCK_SKEW_SECONDS + 1)


async def test_a_failure_is_not_explained_by_an_earlier_job(logs: Path) -> None:
    """Lines of an older log are no reason of this failure."""
    (logs / "7.log").write_text("ModuleNotFoundError: of long ago\n")
    submitted = (logs / "7.log").stat().st_mtime + MAX_CLOCK_SKEW_SECONDS + 1
    reader = SessionLogs(SlurmRunner())
    assert await reader.telling_lines(ME, 7, state_home=str(logs.parent)) == ("ModuleNotFoundError: of long ago",)
    assert await reader.telling_lines(ME, 7, state_home=str(logs.parent), submitted=submitted) == ()


def printed(text: str, code: int = 0, complaint: str = "") -> Result:
    """What a reader left."""
    return Result(("x",), code, text, complaint, 0.0)


HEADER = '{"size": 1, "from": 0, "to": 1, "inode": 1, "modified": %s}\n'


@pytest.mark.parametrize("modified", ["NaN", "Infinity", "-1e300", "1e15"])
async def test_a_time_that_no_calendar_has(modified: str) -> None:
    """A file's time is its owner's to set: the log is read all the same."""
    piece = await SessionLogs(FakeReader(printed(HEADER % modified + "\n"))).tail(ME, 7)
    assert piece.modified == 0.0


async def test_words_of_a_reader_for_the_log() -> None:
    """No more than a line: its user may have written them."""
    long = json.dumps({"error": "unreadable", "why": "x" * 500_000})
    for answer in (printed(long + "\n\n"), printed("", 1, "x" * 200_000)):
        with pytest.raises(LogUnreadable) as error:
            await SessionLogs(FakeReader(answer)).tail(ME, 7)
        assert 100 < len(error.value.log) < 1000


@pytest.mark.parametrize(
    "answer",
    [
        printed("", 1, "sudo: a password is required\n"),
        printed("", 1, "Sorry, user hub is not allowed to execute '/usr/local/…' as ada on login.\n"),
        printed("", 127, "python3: not found"),
        printed("no JSON\n\n"),
        printed("[1]\n\n"),
        printed('{"size": "x", "from": 0}\n\n'),
        printed('{"size": 1, "from": 0, "to": 1, "inode": 1, "modified": 0}\n@@@@\n'),
        printed('{"error": "unreadable", "why": "Permission denied"}\n\n'),
        printed('{"error": "strange"}\n\n'),
        pytest.param(printed("[" * 100_000 + "\n\n"), id="deep"),
        pytest.param(printed('{"error": "missing", "more": "' + "x" * 1_000_000 + '"}\n\n'), id="long"),
        pytest.param(printed(HEADER % 0 + base64.b64encode(b"x" * (TAIL_BYTES + 1)).decode() + "\n"), id="more-than-asked-for"),
        printed('{"size": Infinity, "from": 0, "to": 1, "inode": 1, "modified": 0}\n\n'),
        SlurmNotStarted("x", log="no such program"),
    ],
)
async def test_where_the_hub_cannot_read(answer: Result | Exception) -> None:
    """Whatever the reader does, or whoever took its place: a sentence that says where the log is."""
    logs = SessionLogs(FakeReader(answer))
    with pytest.raises(LogUnreadable) as error:
        await logs.tail(ME, 7)
    assert error.value.sentence == (
        "The log cannot be read from here. It is in a file on the cluster: ~/.local/state/jupyterhub-resource-form/7.log"
    )
    assert await logs.telling_lines(ME, 7) == ()


async def test_a_hub_that_is_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs the installed copy, whose arguments are those of sudo's rule; what is searched for is no argument."""
    monkeypatch.setattr("spawner.session.log_reader.os.geteuid", lambda: 12345)
    reader = FakeReader(printed('{"error": "missing"}\n\n'), seconds=0)
    logs = SessionLogs(reader, clock=lambda: float(len(reader.reads) * 10))
    for ask in (lambda: logs.tail(ME, 7), lambda: logs.piece(ME, 7, 5, 6), lambda: logs.search(ME, 7, "my token")):
        with pytest.raises(LogGone):
            await ask()
    installed = "/usr/local/libexec/jupyterhub-resource-form/session_log"
    assert reader.argv == [(installed, "7", "tail", str(TAIL_BYTES)), (installed, "7", "from", "5", "6"), (installed, "7", "search")]
    rule = (folder("share") / "resource_form" / "sudoers").read_text()
    assert f"RESOURCE_FORM_LOG = {installed} ^" in rule


# --- a start that is slow, or fails ----------------------------------------------------------------------------------------------


async def test_a_failure_with_the_lines_that_tell(logs: Path) -> None:
    """The message has the sentence and the log's own lines, escaped, with no secret in them."""
    (logs / "7.log").write_text(
        "Loading\nJUPYTERHUB_API_TOKEN=abc: command not found\nModuleNotFoundError: No module named '<script>x</script>'\nbye\n"
    )
    words = StartupLog(SessionLogs(SlurmRunner()), ME, 7, str(logs.parent))
    failed = await words.explained(SessionFailed("The server ended.", log="job 7", label="failed"), "FAILED")
    assert failed.details == ("JUPYTERHUB_API_TOKEN=… command not found", "ModuleNotFoundError: No module named '<script>x</script>'")
    assert (failed.sentence, failed.log, failed.label) == ("The server ended.", "job 7", "failed")
    assert text_message(failed).startswith("The server ended. The log of the session says: ")
    assert "&lt;script&gt;x" in html_message(failed)
    assert "<script>" not in html_message(failed)


async def test_a_failure_is_not_kept_back() -> None:
    """Where the log does not come, or the job never ran, the failure is as it was, and soon."""
    failure = SessionFailed("The server ended.")
    reader = FakeReader(seconds=60)
    words = StartupLog(SessionLogs(reader), ME, 7)
    begun = time.monotonic()
    assert await words.explained(failure, "FAILED") is failure
    assert time.monotonic() - begun < 3.5
    before = len(reader.reads)
    for end in ("NOT_SUBMITTED", "NEVER_STARTS", "QUEUE_TIMEOUT"):
        assert await words.explained(failure, end) is failure
    assert len(reader.reads) == before


async def test_a_slow_start_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the job runs for a while, what was said last is said again with the log's lines; not before, and not after the start."""
    monkeypatch.setattr("spawner.session.startup_log.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("spawner.session.startup_log.SLOW_SECONDS", 0.3)
    monkeypatch.setattr("spawner.session.startup_log.RETRY_SECONDS", 0.05)
    reader, progress, runs = FakeReader(seconds=0), StartProgress(), False
    progress.say(60, "It starts.", stage="server")
    words = StartupLog(SessionLogs(reader), ME, 7)
    with words.shown_if_slow(progress, lambda: runs):
        await asyncio.sleep(0.5)
        assert len(progress.messages) == 1
        runs = True
        messages = progress.follow()
        assert "log" not in (await anext(messages)).details
        assert "log" in (await anext(messages)).details
    assert progress.latest.text == "It starts."
    assert progress.latest.progress == 60
    assert progress.latest.details == {"stage": "server", "log": ["line 0"]}
    reads = len(reader.reads)
    await asyncio.sleep(0.3)
    assert len(reader.reads) == reads
