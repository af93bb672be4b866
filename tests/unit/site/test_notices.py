"""Announcements and the health of partitions: what an admin may write, who is told what and when, and what is refused."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import asyncio
import datetime
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from spawner._data import folder
from spawner.advice.alternatives import alternatives
from spawner.availability.forecast import ClusterForecast
from spawner.errors import RequestRejected, ResourceFormError, SlurmTimeout
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.i18n import using
from spawner.request.choices import Choices
from spawner.request.restore import restore_valid
from spawner.request.validation import check_request, judge_request, resolve_request
from spawner.site.audience import Viewer
from spawner.site.notice_board import NoticeBoard
from spawner.site.notices import (
    EMPTY_BOARD,
    MAX_BYTES,
    Announcement,
    Board,
    NoticesFile,
    active,
    announcements,
    parse_notices,
    read_notices,
)
from spawner.slurm.runner import Identity, Result, SlurmRunner
from spawner.spawner import ResourceFormSpawner
from tests.support.builders import NOW, choices, cpu_partition, demo_nodes, partition
from tests.support.fake_slurm import VirtualTimeLoop

STUDENTS = Viewer(groups=frozenset({"students"}), accounts=frozenset({"cin_ada"}), partitions=frozenset({"g100_int", "g100_cpu"}))
GOOD = "notices: [{text: Hello}]\nhealth: {g100_int: {state: closed, text: Repair}}\n"


@pytest.fixture(autouse=True)
def in_rome(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Hub that is an hour before UTC in winter."""
    monkeypatch.setenv("TZ", "Europe/Rome")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc(text: str) -> float:
    """Seconds since the epoch."""
    return datetime.datetime.fromisoformat(f"{text}+00:00").timestamp()


def texts(notices: Any) -> list[str]:
    """What is said."""
    return [notice.text for notice in notices]


def one(**keys: Any) -> Board:
    """A board with one notice."""
    return parse_notices(json.dumps({"notices": [{"text": "Hello", **keys}]}))


# --- reading ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("notices: [", ["line 1"], id="not-yaml"),
        pytest.param("hello", ["file:"], id="text"),
        pytest.param("[1, 2]", ["file:"], id="list"),
        pytest.param("notes: []", ["notes: Extra"], id="unknown-key"),
        pytest.param("notices: [{level: info}]", ["notices.0.text: Field required"], id="no-text"),
        pytest.param("notices: [{text: a}, {text: b, colour: red}]", ["notices.1.colour: Extra"], id="unknown-key-of-a-notice"),
        pytest.param("notices: [{text: ''}]", ["notices.0.text"], id="empty-text"),
        pytest.param("notices: [{text: ' '}]", ["text is empty"], id="blank-text"),
        pytest.param("notices: [{text: yes}]", ["notices.0.text"], id="text-that-is-none"),
        pytest.param("notices: [{text: a, level: fatal}]", ["notices.0.level", "danger"], id="unknown-level"),
        pytest.param("notices: [{text: a, until: soon}]", ["notices.0.until", "2026-11-21T08:00"], id="no-time"),
        pytest.param("notices: [{text: a, from: 2026-13-45}]", ["notices.0.from"], id="day-of-no-calendar"),
        pytest.param("notices: [{text: a, from: 2026}]", ["notices.0.from"], id="number"),
        pytest.param("notices: [{text: a, from: 0001-01-01}]", ["notices.0.from"], id="before-the-epoch"),
        pytest.param("notices: [{text: a, until: 9999-12-31}]", ["notices.0.until"], id="after-all-calendars"),
        pytest.param("notices: [{text: a, from: 2026-11-22, until: 2026-11-20}]", ["until is not after from"], id="backwards"),
        pytest.param("notices: [{text: a, groups: students}]", ["notices.0.groups"], id="group-not-in-a-list"),
        pytest.param("notices: [{text: a, link: 'javascript:alert(1)'}]", ["notices.0.link"], id="script"),
        pytest.param("health: [g100_int]", ["health"], id="health-not-by-partition"),
        pytest.param("health: {g100_int: closed}", ["health.g100_int"], id="state-alone"),
        pytest.param("health: {g100_int: {text: a}}", ["health.g100_int.0.state: Field required"], id="no-state"),
        pytest.param("health: {g100_int: {state: shut, text: a}}", ["health.g100_int.0.state"], id="unknown-state"),
        pytest.param("health: {g100_int: {state: closed}}", ["a text that says why"], id="closed-without-a-word"),
        pytest.param("a: !!python/object/apply:os.system [id]", ["python/object"], id="yaml-that-would-run-something"),
        pytest.param("[" * 5000, [], id="nested-too-deep"),
        pytest.param("{? {a: b} : c}", [], id="key-that-is-none"),
        pytest.param("#" * (MAX_BYTES + 1), ["65536 bytes"], id="too-large"),
        pytest.param(json.dumps({"notices": [{"text": "a"}] * 101}), ["100 items"], id="too-many"),
        pytest.param("x: &a [x, x]\nnotices: [" + "*a, " * 200 + "]", [], id="aliases"),
        pytest.param("\0", [], id="nul"),
    ],
)  # fmt: skip
def test_broken(text: str, words: list[str]) -> None:
    """The log names the source, the entry and the key; the user's sentence names nothing of the admin's."""
    with pytest.raises(ResourceFormError) as broken:
        parse_notices(text, source="/etc/notices.yaml")
    assert broken.value.log.startswith("/etc/notices.yaml: ")
    assert len(broken.value.log) <= 1000
    assert all(word in broken.value.log for word in words), broken.value.log
    assert broken.value.sentence == "The announcements of this service cannot be read at the moment."


@pytest.mark.parametrize("text", ["", "# nothing\n", "null", "{}", "notices: []\nhealth: {}\n"])
def test_nothing_to_say(text: str) -> None:
    """An empty file is one that says nothing."""
    assert parse_notices(text) == EMPTY_BOARD


def test_yaml_and_json_are_the_same() -> None:
    """Tabs and escaped slashes included, which are JSON and no YAML."""
    as_yaml = parse_notices("notices:\n  - text: Hello\n    link: https://example.org/a\n    from: 2026-11-21T08:00:00\n    groups: [a]\n")
    as_json = parse_notices(
        '{\n\t"notices": [{"text": "Hello", "link": "https:\\/\\/example.org/a", "from": "2026-11-21T08:00:00", "groups": ["a"]}]}'
    )
    assert as_yaml == as_json
    assert as_yaml.notices[0].link == "https://example.org/a"


@pytest.mark.parametrize("link", ["", "https://example.org/a?b=c#d", "http://example.org", "/hub/home", "/", "/services/docs/"])
def test_links(link: str) -> None:
    """Pages elsewhere, and of this site."""
    assert one(link=link).notices[0].link == link


@pytest.mark.parametrize(
    "link",
    ["//evil.example", "/\\evil.example", "javascript:alert(1)", "data:text/html,x", "https://", "ftp://a", "a", " https://a", "https://a b", "https://a\n"],
)  # fmt: skip
def test_links_that_lead_astray(link: str) -> None:
    """No script, and no host that looks like a path."""
    with pytest.raises(ResourceFormError):
        one(link=link)


def test_text_is_plain() -> None:
    """Line breaks and what moves the cursor or turns the writing are blanks; marks of HTML are text like any other, for the template."""
    assert one(text="a\n  b\x1b[31m\u202ec\x00\t<b>&d</b> ").notices[0].text == "a b [31m c <b>&d</b>"


@given(st.text(max_size=300) | st.recursive(st.none() | st.text(max_size=9) | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["notices", "health", "text", "state", "from", "x"]), inner, max_size=3)).map(json.dumps))  # fmt: skip
def test_anything(text: str) -> None:
    """A board, or the one error."""
    try:
        board = parse_notices(text)
    except ResourceFormError:
        return
    announcements(board, NOW, STUDENTS)


# --- when -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        pytest.param({"from": "2026-11-21T08:00", "until": "2026-11-21T18:00"}, "2026-11-21T07:00:00", "2026-11-21T16:59:59", id="the-hubs-zone"),
        pytest.param({"from": "2026-11-21T08:00Z", "until": "2026-11-21T18:00:30Z"}, "2026-11-21T08:00:00", "2026-11-21T18:00:29", id="utc"),
        pytest.param({"from": "2026-11-21T08:00:00-05:00", "until": "2026-11-21T08:00-04:00"}, None, None, id="backwards-by-the-zone"),
        pytest.param({"from": "2026-11-21T08:00+02:00", "until": "2026-11-21T18:00+02:00"}, "2026-11-21T06:00:00", "2026-11-21T15:59:59", id="another-zone"),
        pytest.param({"from": "2026-11-21 08:00:00", "until": " 2026-11-21 18:00 "}, "2026-11-21T07:00:00", "2026-11-21T16:59:59", id="a-blank-between"),
        pytest.param({"from": "2026-11-21", "until": "2026-11-21"}, "2026-11-20T23:00:00", "2026-11-21T22:59:59", id="one-day"),
        pytest.param({"from": "2026-03-29", "until": "2026-03-29"}, "2026-03-28T23:00:00", "2026-03-29T21:59:59", id="day-of-23-hours"),
    ],
)  # fmt: skip
def test_periods(period: dict[str, str], first: str | None, last: str | None) -> None:
    """From the first second to the last; the same in YAML without quotes, where a time is a type of its own."""
    in_yaml = "notices:\n- text: Hello\n" + "".join(f"  {key}: {value}\n" for key, value in period.items())
    if first is None or last is None:
        with pytest.raises(ResourceFormError, match="until is not after from"):
            one(**period)
        return
    for board in (one(**period), parse_notices(in_yaml)):
        found = [moment for moment in (utc(first) - 1, utc(first), utc(last), utc(last) + 1) if active(board, moment)]
        assert found == [utc(first), utc(last)]


def test_a_time_that_is_none() -> None:
    """The log says how to write it, and names every entry that is wrong."""
    with pytest.raises(ResourceFormError) as broken:
        parse_notices("notices:\n- {text: a, from: soon}\n- {text: b, until: later}")
    how = "write it as 2026-11-21, 2026-11-21T08:00 or 2026-11-21T08:00+01:00"
    assert broken.value.log == f"the notices: line 2: notices.0.from: {how}; line 3: notices.1.until: {how}"


def test_without_an_end() -> None:
    """From the beginning of time, or to its end."""
    assert active(one(), 0.0)
    assert active(one(until="2026-11-21"), 0.0)
    assert active(one(**{"from": "2026-11-21"}), 9e10)


# --- for whom -------------------------------------------------------------------------------------------------------------------------


def test_audience_and_order() -> None:
    """The gravest first, else as the admin wrote them; for those it is for."""
    board = parse_notices(
        """
        notices:
          - {text: one}
          - {text: two, groups: [students]}
          - {text: three, groups: [teachers]}
          - {text: four, level: danger}
          - {text: five, level: warning, accounts: [cin_ada, cin_x], partitions: [g100_int]}
          - {text: six, level: warning, accounts: [cin_ada], partitions: [g100_x]}
        """
    )
    assert texts(active(board, NOW, STUDENTS)) == ["four", "five", "one", "two"]
    assert texts(active(board, NOW)) == ["four", "one"]
    assert texts(active(board, NOW, choices().viewer(["students"]))) == ["four", "five", "one", "two"]


# --- health ---------------------------------------------------------------------------------------------------------------------------

TROUBLE = """
notices: [{text: Hello, level: warning}]
health:
  g100_int: {state: closed, text: Firmware update., until: 2027-01-15T12:00:00Z}
  g100_cpu: {state: degraded, text: One of two nodes is away.}
  g100_x: {state: closed, text: Gone.}
"""


def test_health_in_words() -> None:
    """Of the reader's own partitions; without any where nobody knows which they are."""
    board = parse_notices(TROUBLE)
    assert announcements(board, NOW, STUDENTS) == (
        Announcement("Partition g100_int is closed until 13:00: Firmware update.", "danger"),
        Announcement("Hello", "warning"),
        Announcement("Partition g100_cpu: One of two nodes is away.", "warning"),
    )
    assert texts(announcements(board, NOW)) == ["Hello"]
    with using("it"):
        assert announcements(board, NOW, STUDENTS)[0].text.endswith("Firmware update.")
    braces = parse_notices(
        "health: {g100_int: {state: degraded, text: '{until} {x}', until: 2099-01-01T23:59}, g100_cpu: {state: closed, text: '{'}}"
    )
    assert texts(announcements(braces, NOW, STUDENTS)) == [
        "Partition g100_cpu is closed: {",
        "Partition g100_int, until 23:59 on Thu 1 Jan 2099: {until} {x}",
    ]


def test_what_is_announced() -> None:
    """What holds now, with its link; nothing of a partition that is well, and all the others after it."""
    board = parse_notices(
        """
        notices:
          - {text: one, link: 'https://hpc.example.org/one'}
          - {text: two, until: 2026-11-21}
        health:
          g100_cpu: {state: ok, text: Repaired.}
          g100_int: {state: closed, text: Repair.}
        """
    )
    assert announcements(board, NOW, STUDENTS) == (
        Announcement("Partition g100_int is closed: Repair.", "danger"),
        Announcement("one", "info", "https://hpc.example.org/one"),
    )


@pytest.mark.parametrize(
    ("states", "now", "expected"),
    [
        pytest.param("{state: closed, text: a}", NOW, "closed", id="always"),
        pytest.param("{state: ok}", NOW, "ok", id="ok"),
        pytest.param("{state: closed, text: a, until: 2026-11-21}", NOW, "ok", id="over"),
        pytest.param("{state: closed, text: a, from: 2028-11-21}", NOW, "ok", id="to-come"),
        pytest.param("[{state: degraded, text: a}, {state: closed, text: b, from: 2026-11-21}]", NOW, "closed", id="the-worse"),
        pytest.param(
            "[{state: degraded, text: a}, {state: closed, text: b, from: 2028-11-21}]", NOW, "degraded", id="the-worse-is-to-come"
        ),
        pytest.param("[]", NOW, "ok", id="none"),
    ],
)
def test_health(states: str, now: float, expected: str) -> None:
    """What holds now, the worst of it; a partition of which nothing is said is well."""
    board = parse_notices(f"health: {{g100_int: {states}}}")
    assert board.health_of("g100_int", now).state == expected
    assert set(board.closed(now)) == ({"g100_int"} if expected == "closed" else set())
    assert board.health_of("elsewhere", now).state == "ok"


def test_both_together() -> None:
    """All notices of a file and a command, and of each partition the worst."""
    board = parse_notices(TROUBLE).with_more(
        parse_notices("notices: [{text: More}]\nhealth: {g100_cpu: {state: closed, text: Now both.}, new: {state: ok}}")
    )
    assert texts(board.notices) == ["Hello", "More"]
    assert board.closed(NOW) == {"g100_int": "Firmware update.", "g100_cpu": "Now both.", "g100_x": "Gone."}
    assert EMPTY_BOARD.with_more(board) == board


# --- the gate -----------------------------------------------------------------------------------------------------------------------


def shut(*names: str, text: str = "Repair until noon", **changes: Any) -> Choices:
    """The choices of ada with these partitions closed."""
    return replace(choices(**changes), closed=dict.fromkeys(names, text))


@pytest.mark.parametrize(
    ("text", "names", "sentence"),
    [
        ("Repair until noon", ["g100_int"], "Partition: “g100_int” takes no new sessions at the moment. Repair until noon. Choose one of: g100_cpu."),
        ("its cooling fails", ["g100_int"], "Partition: “g100_int” takes no new sessions at the moment. Its cooling fails. Choose one of: g100_cpu."),
        ("Sorry!", ["g100_int", "g100_cpu"], "Partition: “g100_int” takes no new sessions at the moment. Sorry! Try again later."),
        ("{x} %s <b>", ["g100_int"], "Partition: “g100_int” takes no new sessions at the moment. {x} %s <b>. Choose one of: g100_cpu."),
    ],
)  # fmt: skip
def test_closed_partition_is_refused(text: str, names: list[str], sentence: str) -> None:
    """On the field, with the admin's words, and where to go instead; the log has it in English."""
    with using("it"), pytest.raises(RequestRejected) as refused:
        resolve_request({"partition": "g100_int"}, shut(*names, text=text))
    assert list(refused.value.errors) == ["partition"]
    assert sentence in refused.value.log
    assert judge_request({"partition": "g100_int"}, shut(*names, text=text))[1] == {"partition": sentence}


def test_other_partitions_are_open() -> None:
    """A closed one is no default while another is open; the admin's own default is none either."""
    offered = shut("g100_int")
    assert resolve_request({}, offered).partition == "g100_cpu"
    assert resolve_request({"account": "cin_extra"}, offered).partition == "g100_cpu"
    assert resolve_request({}, shut("g100_int", fields={"partition": {"default": "g100_int"}})).partition == "g100_cpu"
    assert resolve_request({}, shut("elsewhere")).partition == "g100_int"
    assert check_request(resolve_request({"partition": "g100_cpu"}, offered), offered) == {}


def test_default_account_and_closed_partition() -> None:
    """The partition for an account that may not use the default one is an open one too."""
    parts = (partition(deny_accounts=("cin_extra",)), cpu_partition(), cpu_partition("g100_more"))
    assert resolve_request({"account": "cin_extra"}, shut("g100_cpu", partitions=parts)).partition == "g100_more"


def test_all_are_closed() -> None:
    """Then nothing starts, and the form comes up all the same."""
    offered = shut("g100_int", "g100_cpu")
    assert list(judge_request({}, offered)[1]) == ["partition"]
    assert restore_valid({"cores": 4}, offered)[0]["partition"] == "g100_int"


def test_remembered_partition_that_is_closed() -> None:
    """The next form has another, and says so."""
    values, dropped = restore_valid({"partition": "g100_int", "cores": 4}, shut("g100_int"))
    assert (values["partition"], values["cores"], dropped) == ("g100_cpu", 4, ("Partition",))


def test_nothing_closed_is_an_alternative() -> None:
    """What would start now instead is never in a closed partition."""
    parts, nodes = (partition(), cpu_partition()), demo_nodes()
    request = judge_request({"partition": "g100_int", "gpus": 3}, choices())[0]
    forecast = ClusterForecast(nodes, parts, (), (), now=NOW)

    def places(offered: Choices) -> set[str]:
        return {entry.request.partition for entry in alternatives(request, forecast, offered, refused=True)}

    assert "g100_int" in places(choices())
    assert places(shut("g100_int")) == {"g100_cpu"}


# --- the file -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe\xff", "it is not UTF-8"), (b"notices: [", "line 1"), (b"x" * (MAX_BYTES + 5), "more than 65536 bytes"), (None, "No such file")],
)  # fmt: skip
def test_broken_file(tmp_path: Path, content: bytes | None, words: str) -> None:
    """The log names the file and what is wrong."""
    path = tmp_path / "notices.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ResourceFormError) as broken:
        read_notices(path)
    assert broken.value.log.startswith(f"{path}: ")
    assert words in broken.value.log


def test_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A change shows at the next look, whatever its time and size; without one the same board is given out; an error is one error."""
    path = tmp_path / "notices.yaml"
    path.write_text(GOOD)
    file = NoticesFile(path)
    first = file.current()
    assert texts(first.notices) == ["Hello"]
    assert file.current() is first
    before = path.stat()
    path.write_text(GOOD.replace("Hello", "World"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = file.current()
    assert texts(second.notices) == ["World"]
    path.write_text("notices: [")
    assert file.current() is second
    error = file.error
    assert error is not None
    assert str(path) in error.log
    assert file.current() is second
    assert file.error is error
    path.write_text("")
    assert (file.current(), file.error) == (EMPTY_BOARD, None)


def test_file_that_is_taken_away(tmp_path: Path) -> None:
    """It says nothing any more, and opens what it closed; that it is not there is one error, and none once it is."""
    path = tmp_path / "notices.yaml"
    file = NoticesFile(path)
    assert file.current() == EMPTY_BOARD
    error = file.error
    assert error is not None
    file.current()
    assert file.error is error
    path.write_text(GOOD)
    assert file.current().closed(NOW) == {"g100_int": "Repair"}
    assert file.error is None
    path.unlink()
    assert file.current() == EMPTY_BOARD
    assert file.error is not None


def test_file_that_cannot_be_reached_now(tmp_path: Path) -> None:
    """Its last notices stay: a partition is not opened by a disk that is away."""
    directory = tmp_path / "etc"
    directory.mkdir()
    path = directory / "notices.yaml"
    path.write_text(GOOD)
    file = NoticesFile(path)
    file.current()
    path.unlink()
    directory.rmdir()
    directory.write_text("not a folder")
    assert file.current().closed(NOW) == {"g100_int": "Repair"}
    assert file.error is not None
    assert file.error.log == f"{path}: Not a directory"


def test_file_that_never_was_good(tmp_path: Path) -> None:
    """It says nothing, and hides nothing else: there is a board."""
    path = tmp_path / "notices.yaml"
    path.write_text("notices: [")
    file = NoticesFile(path)
    assert file.current() == EMPTY_BOARD
    assert file.error is not None


def test_largest_file(tmp_path: Path) -> None:
    """The bound itself is allowed."""
    path = tmp_path / "notices.yaml"
    path.write_text(GOOD + "#" * (MAX_BYTES - len(GOOD)))
    assert texts(read_notices(path).notices) == ["Hello"]
    path.write_text(GOOD + "#" * (MAX_BYTES + 1 - len(GOOD)))
    with pytest.raises(ResourceFormError):
        read_notices(path)


def test_example_file(tmp_path: Path) -> None:
    """It says nothing as it is, and is right with its examples brought to life."""
    text = (folder("share") / "resource_form" / "notices.example.yaml").read_text()
    assert parse_notices(text) == EMPTY_BOARD
    head, _sign, examples = text.partition("notices: []\n")
    assert head.startswith("#")
    alive = "\n".join(line[2:] if line.startswith("# ") else "" for line in examples.splitlines())
    board = parse_notices(alive)
    assert len(board.notices) == 2
    assert set(board.health) == {"g100_int", "g100_cpu"}


# --- the board ------------------------------------------------------------------------------------------------------------------------


class Site:
    """A command that prints what a test says, on a clock that jumps."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self.loop = loop
        self.asked: list[tuple[str, ...]] = []
        self.asked_at: list[float] = []
        self.answer: str | Exception = "notices: [{text: told}]"
        self.returncode = 0
        self.seconds = 0.1

    def now(self) -> float:
        return NOW + self.loop.time()

    async def run(
        self, argv: Any, *, stdin: str = "", environment: Any = None, identity: Identity | None = None, timeout: float = 60.0
    ) -> Result:
        assert (identity, timeout) == (None, 10.0)
        self.asked.append(tuple(argv))
        self.asked_at.append(self.loop.time())
        await asyncio.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Result(tuple(argv), self.returncode, self.answer, "it broke\n", self.seconds)

    async def is_running(self, command: str, text: str, identity: Identity) -> bool:
        return False

    def board(self, path: str = "", *command: str) -> NoticeBoard:
        return NoticeBoard(path, command, runner=self, interval=lambda: 60.0, log=logging.getLogger("notices"), clock=self.now)


def run(test: Callable[[Site], Coroutine[Any, Any, None]]) -> None:
    """A test in a loop whose time jumps."""
    loop = VirtualTimeLoop()
    try:
        loop.run_until_complete(test(Site(loop)))
    finally:
        loop.close()


def test_command_is_asked_once_for_all() -> None:
    """However many look, once per interval."""

    async def test(site: Site) -> None:
        board = site.board("", "/opt/notices", "--json")
        for _round in range(3):
            found = await asyncio.gather(*(board.current() for _user in range(20)))
            assert all(texts(entry.notices) == ["told"] for entry in found)
        assert site.asked == [("/opt/notices", "--json")]
        await asyncio.sleep(61)
        await board.current()
        assert len(site.asked) == 2

    run(test)


def test_command_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The last good answer stays; the log says so once."""

    async def test(site: Site) -> None:
        board = site.board("", "/opt/notices")
        site.answer = GOOD
        assert (await board.current()).closed(NOW) == {"g100_int": "Repair"}
        failures: list[tuple[str | Exception, int]] = [
            ("notices: [", 0),
            (GOOD, 3),
            (SlurmTimeout("Late.", log="hung"), 0),
            (RuntimeError("a bug"), 0),
        ]
        for site.answer, site.returncode in failures:
            await asyncio.sleep(1000)
            assert (await board.current()).closed(NOW) == {"g100_int": "Repair"}
        site.answer, site.returncode = "", 0
        await asyncio.sleep(1000)
        assert await board.current() == EMPTY_BOARD

    with caplog.at_level(logging.WARNING, "notices"):
        run(test)
    assert sum("the answer of notices_command: " in record.getMessage() for record in caplog.records) == 1


def test_log_of_a_command_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Which question failed, with what exit code, and the last line that the command said."""

    async def test(site: Site) -> None:
        site.returncode = 3
        assert await site.board("", "/opt/notices").current() == EMPTY_BOARD

    with caplog.at_level(logging.WARNING, "notices"):
        run(test)
    (record,) = caplog.records
    assert record.name == "notices"
    assert record.getMessage() == "No answer from Slurm about notices: notices_command exited with 3: it broke"


def test_a_slow_command_rests() -> None:
    """However short the interval: a command that takes long rests for some seconds before it is asked again."""

    async def test(site: Site) -> None:
        site.seconds = 9.0
        board = NoticeBoard("", ["/opt/notices"], runner=site, interval=lambda: 1.0, log=logging.getLogger("notices"), clock=site.now)
        while len(site.asked_at) < 3:
            await board.current(None)
            await asyncio.sleep(1.5)
        assert all(later - earlier >= 9.0 + 5.0 for earlier, later in itertools.pairwise(site.asked_at))

    run(test)


def test_nobody_waits_for_the_command() -> None:
    """A form comes after half a second without what is not known; it is there for the next."""

    async def test(site: Site) -> None:
        site.seconds = 8.0
        board = site.board("", "/opt/notices")
        began = site.loop.time()
        assert await board.current() == EMPTY_BOARD
        assert site.loop.time() - began == pytest.approx(0.5, abs=0.01)
        await asyncio.sleep(9)
        assert texts((await board.current()).notices) == ["told"]

    run(test)


def test_file_and_command(tmp_path: Path) -> None:
    """Both count."""
    path = tmp_path / "notices.yaml"
    path.write_text(GOOD)

    async def test(site: Site) -> None:
        assert texts((await site.board(str(path), "/opt/notices").current()).notices) == ["Hello", "told"]
        assert texts((await site.board(str(path)).current()).notices) == ["Hello"]
        assert await site.board().current() == EMPTY_BOARD

    run(test)


def test_log_of_a_broken_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once when it breaks, once when it is good again, however often it is looked at, and by however many together."""
    path = tmp_path / "notices.yaml"
    path.write_text(GOOD)

    async def test(site: Site) -> None:
        board = site.board(str(path))
        await board.current()
        path.write_text("notices: [")
        for _round in range(3):
            found = await asyncio.gather(*(board.current() for _user in range(5)))
            assert all(texts(entry.notices) == ["Hello"] for entry in found)
        path.write_text(GOOD)
        await asyncio.gather(*(board.current() for _user in range(5)))

    with caplog.at_level(logging.WARNING, "notices"):
        run(test)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert str(path) in caplog.records[0].getMessage()
    assert caplog.records[0].getMessage().startswith("The notices cannot be read; those of a broken file stay as they were: ")
    assert caplog.records[1].getMessage() == f"The notices can be read again: {path}"


def test_a_real_command(tmp_path: Path) -> None:
    """Started like every other process, by its absolute path."""
    script = tmp_path / "notices"
    script.write_text(f"#!{sys.executable} -I\nimport json, sys\nprint(json.dumps({{'notices': [{{'text': sys.argv[1]}}]}}))\n")
    script.chmod(0o755)
    board = NoticeBoard("", (str(script), "a b;$(id)"), runner=SlurmRunner(), interval=lambda: 60.0, log=logging.getLogger("notices"))
    assert texts(asyncio.run(board.current(10.0)).notices) == ["a b;$(id)"]


# --- the settings -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("notices_command", ["notices"]),
        ("notices_command", ["/opt/my notices"]),
        ("notices_command", ["/opt/notices", "a\0b"]),
        ("notices_command", "/opt/notices --json"),
        ("notices_interval", 0),
        ("notices_interval", float("nan")),
        ("notices_file", 7),
    ],
)
def test_settings_that_make_no_sense(name: str, value: object) -> None:
    """They are refused when they are set, and named."""
    with pytest.raises(TraitError, match=name):
        SpawnerSettings(**{name: value})


def test_settings() -> None:
    """What an admin may write."""
    made = SpawnerSettings(notices_file="/etc/n.yaml", notices_command=["/opt/notices", "--json"], notices_interval=5)
    assert (made.notices_file, made.notices_command, made.notices_interval) == ("/etc/n.yaml", ["/opt/notices", "--json"], 5.0)
    assert (SpawnerSettings().notices_file, SpawnerSettings().notices_command, SpawnerSettings().notices_interval) == ("", [], 60.0)


# --- in the spawner -----------------------------------------------------------------------------------------------------------------


class FakeCluster:
    """What the spawner asks for its choices, answered from the builders."""

    clock = staticmethod(lambda: float(NOW))
    runner = SlurmRunner()

    @property
    def features(self) -> Any:
        return self

    async def by_partition(self, _patience: float | None = None) -> dict[str, tuple[str, ...]]:
        return {}

    async def entitlement(self, user: str, **_asked: Any) -> Any:
        return choices(user).entitlement

    async def member(self, user: str) -> Any:
        return SimpleNamespace(groups=frozenset({"students"}), identity=Identity(user, 1, 1, "/home", "/bin/sh", (1,)))


@pytest.fixture
def spawner(monkeypatch: pytest.MonkeyPatch) -> ResourceFormSpawner:
    """ada's, without a Hub."""
    monkeypatch.setattr(ResourceFormSpawner, "cluster", FakeCluster())
    made = ResourceFormSpawner()
    made.user = SimpleNamespace(name="ada", admin=False, settings={}, orm_user=None)
    return made


async def test_choices_of_a_spawner(spawner: ResourceFormSpawner, tmp_path: Path) -> None:
    """The admin's presets for this user, and what is closed; both may change while the Hub runs."""
    path = tmp_path / "notices.yaml"
    path.write_text("health: {g100_int: {state: closed, text: Repair}}\nnotices: [{text: a, groups: [students]}, {text: b, groups: [x]}]\n")
    spawner.notices_file = str(path)
    small = {"name": "small", "values": {"cores": 2}, "groups": ["students"]}
    spawner.presets = [small, {**small, "name": "other", "groups": ["teachers"]}]
    found = await spawner.choices()
    assert [preset.name for preset in found.presets] == ["small"]
    assert found.closed == {"g100_int": "Repair"}
    assert resolve_request({"preset": "small"}, found).partition == "g100_cpu"
    assert texts(await spawner.announcements(found)) == ["Partition g100_int is closed: Repair", "a"]
    assert texts(await spawner.announcements()) == []
    path.write_text("")
    assert (await spawner.choices()).closed == {}


async def test_function_for_the_presets(spawner: ResourceFormSpawner, caplog: pytest.LogCaptureFixture) -> None:
    """It may wait for something; one that gives nonsense costs nobody the form, and the log says so once."""

    async def of(asked: Any) -> list[dict[str, Any]]:
        return [{"name": asked.user.name, "values": {"cores": 2}}]

    spawner.presets = of
    assert [preset.name for preset in (await spawner.choices()).presets] == ["ada"]
    spawner.presets = lambda asked: None
    assert (await spawner.choices()).presets == ()
    spawner.presets = lambda asked: [{"name": "x"}]
    spawner.log = logging.getLogger("notices")
    with caplog.at_level(logging.ERROR, "notices"):
        for _round in range(3):
            assert (await spawner.choices()).presets == ()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "ResourceFormSpawner.presets['x']: values: Field required" in said
