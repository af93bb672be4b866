"""What the doctor prints: a line where all is well, more where it is not; colours and words; JSON; the exit status."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from spawner.cli.doctor import command
from spawner.cli.doctor.findings import SHELL, SLURM_FILE, error, exit_status, listed, note, skipped, warning, well
from spawner.cli.doctor.printing import as_json, as_text
from spawner.cli.main import main
from spawner.i18n import using

WELL = well("slurm", "Slurm answers.")
NOTE = note("accounting", "There are no accounts.", "Why.", "Advice.", "AccountingStorageType=x", place=SLURM_FILE)
WARNING = warning("hub-name", "Two Hubs.", "Why.", "Advice.", "c.SlurmCluster.hub_name = 'b'")
ERROR = error("slurm", "Slurm \x1b[31mdoes not\nanswer.", "Why.", "Advice.", "scontrol ping", place=SHELL)


def test_all_is_well() -> None:
    """A line a check, and one in all."""
    assert as_text([WELL, skipped("job", "No job.")], colour=False, with_lines=True) == (
        "ok         Slurm answers.\nnot tried  No job.\n\n\nNothing is wrong with what was looked at."
    )


def test_what_is_wrong() -> None:
    """Why, what to do, and where it stands; nothing in it acts on a terminal; the lines once, by their file."""
    said = as_text([WELL, WARNING, WARNING, ERROR, NOTE], colour=False, with_lines=True)
    assert "warning    Two Hubs.\n           Why.\n           Advice.\n           docs/doctor.md#hub-name\n" in said
    assert "error      Slurm  [31mdoes not answer.\n" in said
    assert said.endswith(
        "\n# jupyterhub_config.py\nc.SlurmCluster.hub_name = 'b'\n# sh\nscontrol ping\n# slurm.conf\nAccountingStorageType=x\n\n"
        "Errors: 1, warnings: 2, notes: 1."
    )
    assert "c.SlurmCluster.hub_name" not in as_text([WARNING], colour=False, with_lines=False)


def test_colours_and_words() -> None:
    """The word stands there in any case, in the language of the terminal."""
    assert as_text([ERROR], colour=True, with_lines=False).startswith("\x1b[31;1merror    \x1b[0m  ")
    with using("it"):
        assert as_text([ERROR], colour=False, with_lines=False).startswith("in errore    Slurm")


def test_json() -> None:
    """Each finding with its level, and the exit status of the command."""
    answer = json.loads(as_json([WELL, WARNING], "x.py"))
    assert (answer["format"], answer["config"], answer["exit_status"]) == (1, "x.py", 1)
    assert answer["findings"][0] == {
        "check": "slurm",
        "level": "ok",
        "sentence": "Slurm answers.",
        "why": "",
        "what_to_do": "",
        "docs": "docs/doctor.md#slurm",
        "lines": [],
        "place": "",
    }
    assert answer["findings"][1]["place"] == "jupyterhub_config.py"


def test_exit_status_and_lists() -> None:
    """By the gravest; notes count for nothing."""
    assert [exit_status(found) for found in ([], [WELL, NOTE], [NOTE, WARNING], [WARNING, ERROR, WELL])] == [0, 0, 1, 3]
    assert (listed([]), listed("abc"), listed("abcdefg")) == ("", "a, b, c", "a, b, c, d, e, … (+2)")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is not there it tells in the admin's language, without a traceback; a wrong call is one."""
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")
    assert main(["doctor", "-f", str(tmp_path / "nowhere.py")]) == 3
    said = capsys.readouterr().out
    assert f"La configurazione {tmp_path}/nowhere.py non si può leggere" in said
    assert "\x1b" not in said
    with pytest.raises(SystemExit) as wrong:
        main(["doctor", "--wait", "0"])
    assert wrong.value.code == 2


def test_a_failure_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told of in a line, with an exit status of its own."""

    def fails(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("spawner.cli.doctor.examination.examine", fails)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([])) == 4
    assert capsys.readouterr().err == "resource-form doctor: It failed itself: RuntimeError: a mistake\n"
