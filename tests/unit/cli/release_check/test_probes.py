"""The cells: what they print here is read again, and no name gets out of its quotes."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spawner.cli.release_check.probes import SUM, Seen, cell, seen_in

ODD = "a'b\"c\\d$(touch x)`touch y`\n%s{é}"


def run_python(*arguments: object) -> str:
    """The cell in a Python of its own."""
    code = cell("python", *arguments)  # type: ignore[arg-type]
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock file with an odd name."""
    path = tmp_path / "a lock'$(x)"
    path.write_text("numpy 2.4\n")
    return path


def test_python(lock: Path) -> None:
    """T16: the versions by the names of pip's packages, however they are written; what is not there has none."""
    seen = seen_in(run_python("m1", ["Python", "PyYAML", "import_linter", "no such", ODD], str(lock)), "m1")
    versions = [platform.python_version(), importlib.metadata.version("pyyaml"), importlib.metadata.version("import-linter"), "", ""]
    assert seen == Seen(platform.machine(), dict(enumerate(versions)), hashlib.sha256(lock.read_bytes()).hexdigest(), "")


def test_python_of_conda(tmp_path: Path) -> None:
    """A package that only conda knows, by its own name alone."""
    (tmp_path / "conda-meta").mkdir()
    for name, version in (("rapids", "24.04"), ("rapids-more", "1")):
        (tmp_path / "conda-meta" / f"{name}-{version}-0.json").write_text(json.dumps({"name": name, "version": version}))
    code = f"import sys\nsys.prefix = {str(tmp_path)!r}\n" + cell("python", "m", ["rapids"])
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert seen_in(printed, "m").versions == {0: "24.04"}


def test_a_lock_that_is_not_there(tmp_path: Path) -> None:
    """Why it cannot be read."""
    assert seen_in(run_python("m", [], str(tmp_path / "none")), "m").no_lock == "No such file or directory"


def test_bash(lock: Path, tmp_path: Path) -> None:
    """It says what the node is and what the file holds, and runs nothing that a name says."""
    for path, expected in ((lock, hashlib.sha256(lock.read_bytes()).hexdigest()), (tmp_path / "none $(touch x)", "")):
        command = ["bash", "-c", cell("bash", "m", ["bash"], str(path))]
        seen = seen_in(subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout, "m")
        assert (seen.machine, seen.lock, bool(seen.no_lock)) == (platform.machine(), expected, not expected)
    assert not (tmp_path / "x").exists()
    without = subprocess.run(["bash", "-c", cell("bash", "m")], capture_output=True, text=True, check=True).stdout
    assert seen_in(without, "m") == Seen(platform.machine())


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed here; tests/real/test_release_check.py installs it")
def test_r(lock: Path) -> None:
    """The versions of R and its packages; conda's names are theirs with r- in front."""
    code = cell("r", "m", ["r", "r-stats", "none", ODD], str(lock))
    printed = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True).stdout
    seen = seen_in(printed, "m")
    assert seen.machine == platform.machine()
    assert (seen.versions[0], seen.versions[2], seen.versions[3]) == (seen.versions[1], "", "")
    assert seen.lock == hashlib.sha256(lock.read_bytes()).hexdigest()


def test_julia_says_names_in_its_own_quotes() -> None:
    """A dollar would put a value in."""
    code = cell("julia", "m", ["a$b"], "/l$k")
    assert '"a\\$b"' in code
    assert '"/l\\$k"' in code


def test_odd_names_stay_text() -> None:
    """Python's cell is one call with literals."""
    call = ast.parse(cell("python", "m", [ODD], ODD)).body[1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    starred = call.value.args[0]
    assert isinstance(starred, ast.Starred)
    assert ast.literal_eval(starred.value)[1:3] == ([ODD], ODD)


@pytest.mark.parametrize(("language", "words"), [("c++", "std::cout"), ("javascript", "console.log"), ("stata", SUM), ("", SUM)])
def test_other_languages_run_a_cell(language: str, words: str) -> None:
    """One that prints, or a sum."""
    assert words in cell(language, "m", ["a"], "/lock")


def test_other_lines_are_not_read() -> None:
    """What a kernel prints besides, and lines that are cut off."""
    printed = "machine x\nm machine arm64\nm package x 1\nm package 1 2 3\nm package 0\nmm lock 1\nm lock ABC\n"
    assert seen_in(printed, "m") == Seen("arm64", {1: "2 3", 0: ""}, "abc", "")
