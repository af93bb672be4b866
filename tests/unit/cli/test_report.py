"""``resource-form report`` against a Hub that answers as written here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spawner.cli.main import main

PATH = "/hub/api/resource-form/report"
ROWS = [
    {"account": "cin_staff", "release": "2026.10", "partition": "g100_int", "sessions": 41, "hours": 1163.25, "gpu_hours": 120.5},
    {"account": "", "release": 'a "b", c', "partition": "g100_cpu", "sessions": 1, "hours": 0.0, "gpu_hours": 0.0},
]
ANSWER = {"month": "2026-11", "complete": True, "note": "", "rows": ROWS}


def test_a_table(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers stand under each other."""
    hub.answers = {f"{PATH}?month=2026-11": (200, json.dumps(ANSWER))}
    assert main(["report", "--month", "2026-11"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].split("  ")[0] == "Account"
    assert lines[1].split() == ["cin_staff", "2026.10", "g100_int", "41", "1,163.3", "120.5"]
    assert len({len(line) for line in lines}) == 1


def test_comma_separated(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With a point whatever the language, each row with its month; what is missing is told beside it."""
    hub.answers = {PATH: (200, json.dumps({**ANSWER, "complete": False, "note": "The record does not reach back."}))}
    assert main(["report", "--month", "2026-11", "--csv"]) == 0
    printed = capsys.readouterr()
    assert printed.out == (
        "month,account,release,partition,sessions,hours,gpu_hours\n"
        "2026-11,cin_staff,2026.10,g100_int,41,1163.25,120.5\n"
        '2026-11,,"a ""b"", c",g100_cpu,1,0.0,0.0\n'
    )
    assert printed.err == "The record does not reach back.\n"


def test_one_object(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The Hub's answer."""
    hub.answers = {PATH: (200, json.dumps(ANSWER))}
    assert main(["report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWER
    assert hub.seen[0][1].startswith(f"{PATH}?month=20")


def test_nothing_ended(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said beside an empty table."""
    hub.answers = {PATH: (200, json.dumps({**ANSWER, "rows": []}))}
    assert main(["report", "--month", "2026-11"]) == 0
    assert capsys.readouterr() == ("", "No session ended in 2026-11.\n")


@pytest.mark.parametrize(("status", "text", "code"), [(403, '{"message": "The report is for administrators."}', 4), (200, "{}", 5)])
def test_no_report(hub: Any, status: int, text: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, and an exit status."""
    hub.answers = {PATH: (status, text)}
    assert main(["report"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("resource-form report: ")
    assert len(printed.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["2026", "2026-13", "november"])
def test_no_month(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong call, of which the Hub hears nothing."""
    with pytest.raises(SystemExit, match="2"):
        main(["report", "--month", text])
    assert "such as 2026-11" in capsys.readouterr().err
