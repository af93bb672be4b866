"""``resource-form request`` against a Hub that answers as written here; ``tests/real/test_saved_requests.py`` has a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spawner.cli.main import main

CHECK = "/hub/api/resource-form/check"
FILE = "/hub/api/resource-form/request"


def test_saved(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The Hub's file, as it is; a server is named in the address, whatever is in its name."""
    hub.answers[FILE] = 200, "cores: 2\nname: è\n"
    assert main(["request", "save", "a b&c"]) == 0
    assert capsys.readouterr().out == "cores: 2\nname: è\n"
    assert hub.seen[0][1] == f"{FILE}?server=a+b%26c"


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ({"ok": True, "verdict": "now", "words": "1 core", "sentence": "Starts now."}, 0, "1 core\nStarts now.\n"),
        (
            {"ok": True, "verdict": "wait", "sentence": "Will wait.", "warnings": ["Mind."], "alternatives": [{"sentence": "1 GPU"}]},
            0,
            "Will wait.\nMind.\n  1 GPU\n",
        ),
        ({"ok": True, "verdict": "never", "sentence": "Can never run."}, 4, "Can never run.\n"),
        ({"ok": False, "errors": {"cores": "Number\x1b[2J of cores"}, "sentence": "x"}, 4, "Number?[2J of cores\n"),
    ],
)
def test_checked(hub: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: Any, status: int, said: str) -> None:
    """The file goes to the Hub as it is, what the Hub reads in it is asked about, and the answer is no order to the terminal."""
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"cores: 2\n\xff")
    hub.answers |= {FILE: (200, '{"request": {"cores": "2"}}'), CHECK: (200, json.dumps(answer))}
    assert main(["request", "check", str(file)]) == status
    assert capsys.readouterr().out == said
    assert hub.seen[0][2:] == ("application/yaml", b"cores: 2\n\xff")
    assert json.loads(hub.seen[1][3]) == {"cores": "2"}


@pytest.mark.parametrize(
    ("answer", "status"), [((400, '{"message": "Line 1: no"}'), 4), ((503, "{}"), 5), ((200, "[]"), 5), ((200, "{}"), 5)]
)
def test_trouble(hub: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: tuple[int, str], status: int) -> None:
    """A sentence and its status; a refused file is told of with what the Hub says."""
    file = tmp_path / "mine.yaml"
    file.write_text("cores: 2")
    hub.answers[FILE] = answer
    assert main(["request", "check", str(file)]) == status
    said = capsys.readouterr().err
    assert said.startswith("resource-form request: ")
    assert ("Line 1: no" in said) == (status == 4)


def test_files_that_cannot_be_had(hub: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is asked of the Hub for them; none is written over."""
    large, there = tmp_path / "large", tmp_path / "there"
    large.write_bytes(b"#" * 500_001)
    there.write_text("mine")
    assert main(["request", "check", str(large)]) == 2
    assert main(["request", "check", str(tmp_path / "missing")]) == 2
    assert hub.seen == []
    hub.answers[FILE] = 200, "cores: 2\n"
    assert main(["request", "save", "-o", str(there)]) == 2
    assert there.read_text() == "mine"
    assert "File exists" in capsys.readouterr().err
