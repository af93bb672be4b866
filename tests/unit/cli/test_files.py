"""``resource-form files``: where what a site copies is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import spawner._data
from spawner.cli.exit_codes import FAILED, READY
from spawner.cli.files import FILES
from spawner.cli.main import main

SHARE = Path(__file__).resolve().parents[3] / "share"
NOT_COPIED = ("lab_extension/", "static/", "request_fields.json", "session_setup.py")
"""What the package itself reads, and no site needs to know of."""


def test_each_file_is_listed_with_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files"]) == READY
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "Name"
    assert [row.split()[0] for row in rows] == list(FILES)
    assert all(Path(row.split()[-1]).is_file() for row in rows)
    assert all(words in row for words, row in zip(FILES.values(), rows, strict=True))


@pytest.mark.parametrize("name", FILES)
def test_one_path_stands_alone_for_a_shell(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files", name]) == READY
    printed = capsys.readouterr().out
    assert printed == f"{printed.strip()}\n"
    assert Path(printed.strip()).is_file()
    assert Path(printed.strip()).is_absolute()
    assert printed.endswith(f"/{name}\n")


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files", "--json"]) == READY
    files = json.loads(capsys.readouterr().out)["files"]
    assert {entry["name"]: entry["words"] for entry in files} == FILES
    assert all(Path(entry["path"]).is_file() for entry in files)
    assert main(["files", "sudoers", "--json"]) == READY
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)["files"]] == ["sudoers"]


def test_none_of_what_a_site_copies_is_left_out() -> None:
    """A file that is added to ``share/resource_form`` is listed, or said here to be of no use to a site."""
    there = {str(path.relative_to(SHARE / "resource_form")) for path in (SHARE / "resource_form").rglob("*") if path.is_file()}
    there = {name for name in there if not name.startswith(NOT_COPIED) and "__pycache__" not in name}
    assert there | {"resource-form.1"} == set(FILES)


def test_a_name_that_is_none_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["files", "../../etc/passwd"])
    said = capsys.readouterr()
    assert "sudoers" in said.err
    assert said.out == ""


@pytest.mark.parametrize("there", [True, False], ids=["the file is missing", "all files are missing"])
def test_an_incomplete_installation_is_told_of(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if there:
        (tmp_path / "package" / "share" / "resource_form").mkdir(parents=True)
    monkeypatch.setattr(spawner._data, "PACKAGE", tmp_path / "package")
    assert main(["files", "sudoers"]) == FAILED
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "resource-form files: This installation is without sudoers. Install the package anew.\n")
