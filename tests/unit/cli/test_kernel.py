"""``resource-form kernel``: what it writes, and what it leaves alone. That such kernels run is in ``tests/real/test_own_kernels.py``."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spawner.cli import kernel_files
from spawner.cli.main import main

IPYKERNEL = """
import sys

def get_kernel_dict():
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return {"argv": argv, "display_name": "Python 3", "language": "python", "metadata": {"debugger": True}}
"""


@pytest.fixture(autouse=True)
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the kernels of a user who has nothing yet."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("JUPYTER_DATA_DIR", "XDG_DATA_HOME", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home" / ".local" / "share" / "jupyter" / "kernels"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A virtual environment, with a package ipykernel that describes itself and does no more."""
    return environment(tmp_path / "my env")


def environment(folder: Path) -> Path:
    """A virtual environment with such an ipykernel."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = (folder / "lib").glob("python3*/site-packages")
    (site / "ipykernel").mkdir()
    (site / "ipykernel" / "__init__.py").touch()
    (site / "ipykernel" / "kernelspec.py").write_text(IPYKERNEL)
    return folder


def kernel(*arguments: object) -> int:
    """The exit status of ``resource-form kernel``."""
    return main(["kernel", *map(str, arguments)])


def entries(kernels: Path) -> list[str]:
    """All that lies in the folder of kernels, hidden things included."""
    return sorted(path.name for path in kernels.iterdir()) if kernels.is_dir() else []


def description(kernels: Path, name: str) -> dict[str, Any]:
    """A kernel.json."""
    found: dict[str, Any] = json.loads((kernels / name / "kernel.json").read_text())
    return found


def started(kernels: Path, name: str, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command prints that is started as the kernel is."""
    wrapper = description(kernels, name)["argv"][0]
    given = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment}
    return subprocess.run([wrapper, *command], env=given, capture_output=True, text=True, check=False)


# --- add ----------------------------------------------------------------------------------------------------------------------


def test_an_environment_becomes_a_kernel(prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: a kernel.json with absolute paths and a script that the user can execute; ipykernel itself says how it is started."""
    assert kernel("add", "Mine", "--prefix", prefix, "--label", "Mine, with café") == 0

    assert capsys.readouterr().out == f"{kernels / 'mine'}\n"
    wrapper = kernels / "mine" / "start.sh"
    assert description(kernels, "mine") == {
        "argv": [str(wrapper), str(prefix / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Mine, with café",
        "language": "python",
        "metadata": {"debugger": True},
    }
    assert wrapper.stat().st_mode & 0o777 & ~0o022 == 0o755 & ~0o022
    assert wrapper.read_text().endswith('\nexec "$@"\n')
    assert entries(kernels) == ["mine"]
    assert entries(kernels / "mine") == ["kernel.json", "start.sh"]


def test_the_environment_is_set_up_without_what_the_release_has_set(prefix: Path, kernels: Path) -> None:
    """T34: in a cell ``!pip`` is the environment's, and a release's PYTHONPATH and PYTHONHOME are not there."""
    kernel("add", "mine", "--prefix", prefix)

    shown = started(kernels, "mine", "env", PYTHONPATH="/of/the/release", PYTHONHOME="/of/the/release", CONDA_PREFIX="/release").stdout
    variables = dict(line.split("=", 1) for line in shown.splitlines())
    assert variables["VIRTUAL_ENV"] == str(prefix)
    assert variables["PATH"].startswith(f"{prefix}/bin:")
    assert not {"PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX"} & set(variables)


@pytest.mark.parametrize(
    ("variable", "place"), [("JUPYTER_DATA_DIR", "data/kernels"), ("XDG_DATA_HOME", "data/jupyter/kernels")], ids=["Jupyter's", "XDG's"]
)
def test_the_folder_is_the_one_that_jupyter_reads(
    prefix: Path, kernels: Path, tmp_path: Path, variable: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T34: as jupyter_core finds it."""
    monkeypatch.setenv(variable, str(tmp_path / "data"))
    assert kernel("add", "mine", "--prefix", prefix) == 0
    assert entries(tmp_path / place) == ["mine"]
    assert not kernels.exists()


def test_conda_environments_find_their_own_prefix_and_conda(prefix: Path, kernels: Path, tmp_path: Path) -> None:
    """T34: what ``conda activate`` sets is set, packages' own activation included, and conda is found behind all else on the PATH."""
    base = tmp_path / "conda"
    (base / "envs").mkdir(parents=True)
    (base / "condabin").mkdir()
    (base / "condabin" / "conda").write_text('#!/bin/sh\necho "conda $* of $CONDA_PREFIX"\n')
    (base / "condabin" / "conda").chmod(0o755)
    mine = environment(base / "envs" / "mine")
    (mine / "pyvenv.cfg").rename(mine / "elsewhere.cfg")
    (mine / "pyvenv.cfg").symlink_to("elsewhere.cfg")  # its Python still finds its packages; what conda made has none
    (mine / "conda-meta").mkdir()
    (mine / "etc" / "conda" / "activate.d").mkdir(parents=True)
    (mine / "etc" / "conda" / "activate.d" / "package.sh").write_text("export OF_A_PACKAGE=yes\n")

    assert kernel("add", "mine", "--prefix", mine) == 0
    assert started(kernels, "mine", "conda", "list").stdout == f"conda list of {mine}\n"
    shown = started(kernels, "mine", "env", VIRTUAL_ENV="/release").stdout.splitlines()
    assert {"OF_A_PACKAGE=yes", f"CONDA_PREFIX={mine}", "CONDA_DEFAULT_ENV=mine", f"CONDA_EXE={base}/condabin/conda"} <= set(shown)
    assert not any(line.startswith("VIRTUAL_ENV=") for line in shown)
    (path,) = (line for line in shown if line.startswith("PATH="))
    assert path.startswith(f"PATH={mine}/bin:")
    assert path.endswith(f":{base}/condabin")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("rm -r lib/python3*/site-packages/ipykernel", "bin/python' -m pip install ipykernel"),
        ("rm -r lib/python3*/site-packages/ipykernel; mkdir conda-meta", "conda install --prefix "),
        ("rm bin/python*", "-m venv "),
        ("rm bin/python*; mkdir conda-meta", " python ipykernel"),
        ("cd lib/python3*/site-packages/ipykernel && echo 'import no_such_thing' > kernelspec.py", "No module named 'no_such_thing'"),
        ("rm bin/python*; printf '#!/bin/sh\\nprintf \"\\\\033[2Jboom\" >&2; exit 3' > bin/python; chmod +x bin/python", " [2Jboom"),
    ],
    ids=["no ipykernel", "none in conda", "no Python", "no Python in conda", "ipykernel is broken", "Python is broken"],
)
def test_what_is_missing_is_named_with_how_to_install_it(
    prefix: Path, kernels: Path, changes: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """T34: the environment's own Python is run, and nothing is written if it can be no kernel."""
    subprocess.run(["sh", "-c", changes], cwd=prefix, check=True)
    assert kernel("add", "mine", "--prefix", prefix) == 1
    said = capsys.readouterr().err
    assert words in said.replace("?", " ")
    assert "\033" not in said
    assert entries(kernels) == []


def test_the_advice_to_install_works_as_it_is_printed(prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: it can be pasted into a shell, though the folder has a blank in its name."""
    (package,) = prefix.glob("lib/python3*/site-packages/ipykernel")
    package.rename(package.with_name("aside"))
    (package.parent / "pip.py").write_text(
        "import pathlib; pathlib.Path(__file__).with_name('aside').rename(pathlib.Path(__file__).with_name('ipykernel'))"
    )
    assert kernel("add", "mine", "--prefix", prefix) == 1
    advice = capsys.readouterr().err.splitlines()[-1]
    subprocess.run(["bash", "-c", advice], check=True)
    assert kernel("add", "mine", "--prefix", prefix) == 0


def test_a_module_that_cannot_be_loaded_is_told(prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: with what was said about it; no kernel is left that could not start."""
    assert kernel("add", "mine", "--prefix", prefix, "--module", "no-such-module/1.0") == 1
    assert "the module no-such-module/1.0 cannot be loaded" in capsys.readouterr().err
    assert entries(kernels) == []


def test_modules_are_loaded_in_their_order(prefix: Path, kernels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T34: after the release's have been taken off."""
    function = {"BASH_FUNC_module%%": '() { LOADED="$LOADED $*"; export LOADED; }'}
    for name, value in function.items():
        monkeypatch.setenv(name, value)
    assert kernel("add", "mine", "--prefix", prefix, "--module", "gcc/12", "--module", "cuda@11.8+x") == 0
    assert started(kernels, "mine", "printenv", "LOADED", **function).stdout == " purge load gcc/12 load cuda@11.8+x\n"


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "-x", "a/b", "a b", "a\nb", "name\n", "é", "a" * 101, "python3", "Python3"])
def test_names_that_jupyter_refuses_are_refused(prefix: Path, kernels: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: before anything is written; so is the name that every release has."""
    with_name = ["add", "--prefix", prefix, "--", name]
    assert kernel(*with_name) == 2
    assert "name" in capsys.readouterr().err
    assert not kernels.exists()


@pytest.mark.parametrize(
    "arguments",
    [["--module", "-x"], ["--module", "a b"], ["--module", "a;b"], ["--module", "a\n"], ["--label", "a\nb"], ["--label", "a" * 101]],
    ids=["an option", "two words", "shell", "two lines", "a label of two lines", "a long label"],
)
def test_what_is_no_module_and_no_label_is_a_wrong_call(prefix: Path, kernels: Path, arguments: list[str]) -> None:
    """T34: modules are named as in a release."""
    assert kernel("add", "mine", "--prefix", prefix, *(f"{arguments[0]}={word}" for word in arguments[1:])) == 2
    assert not kernels.exists()


def test_another_kernel_is_replaced_with_force_only(prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: whatever capitals it has, for Jupyter knows none; then all of it is replaced."""
    other = kernels / "Mine"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text("{}")
    (other / "logo.svg").touch()
    assert kernel("add", "mine", "--prefix", prefix) == 1
    assert "--force" in capsys.readouterr().err
    assert (other / "kernel.json").read_text() == "{}"

    assert kernel("add", "mine", "--prefix", prefix, "--force") == 0
    assert entries(kernels) == ["mine"]
    assert entries(kernels / "mine") == ["kernel.json", "start.sh"]


@pytest.mark.parametrize("action", [["add", "mine", "--force", "--prefix"], ["remove", "mine", "--yes"]], ids=["add", "remove"])
@pytest.mark.parametrize("is_link", [True, False], ids=["a link", "no kernel"])
def test_links_and_what_is_no_kernel_are_left_alone(
    prefix: Path, kernels: Path, tmp_path: Path, action: list[str], is_link: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """T34: not even with --force or --yes."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kernels.mkdir(parents=True)
    if is_link:
        (elsewhere / "kernel.json").write_text("{}")
        (kernels / "mine").symlink_to(elsewhere)
    else:
        (kernels / "mine").mkdir()
        (kernels / "mine" / "thesis.tex").touch()
    assert kernel(*action, *([prefix] if "--prefix" in action else [])) == 1
    assert "left alone" in capsys.readouterr().err
    assert entries(kernels) == ["mine"]
    assert entries(elsewhere) == (["kernel.json"] if is_link else [])
    assert is_link or entries(kernels / "mine") == ["thesis.tex"]


def test_a_kernel_that_cannot_be_put_in_place_leaves_the_old_one(
    prefix: Path, kernels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """T34: written whole or not at all: here the disk is full when the last file is written."""
    assert kernel("add", "mine", "--prefix", prefix, "--label", "the old one") == 0
    before = (kernels / "mine" / "kernel.json").read_text()

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "kernel.json":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(kernel_files.os, "fsync", full)
    assert kernel("add", "mine", "--prefix", prefix, "--force") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (kernels / "mine" / "kernel.json").read_text() == before
    assert entries(kernels) == ["mine"]


def test_a_home_that_cannot_be_written_is_told(prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: in one sentence."""
    kernels.parent.mkdir(parents=True)
    kernels.write_text("a file in its place")
    assert kernel("add", "mine", "--prefix", prefix) == 1
    assert f"{kernels} cannot be read: Not a directory" in capsys.readouterr().err


def test_a_kernel_of_another_language_is_taken_from_the_environment(
    prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """T34: as it is installed there, by its language or name, with the program's absolute path."""
    spec = prefix / "share" / "jupyter" / "kernels" / "ir"
    spec.mkdir(parents=True)
    argv = ["R", "--slave", "{resource_dir}/x", "--args", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "R", "language": "R", "env": {"A": "b"}}))
    assert kernel("add", "mine", "--prefix", prefix, "--language", "R") == 1
    assert "'R', which is not there" in capsys.readouterr().err

    (prefix / "bin" / "R").write_text("#!/bin/sh\n")
    (prefix / "bin" / "R").chmod(0o755)
    for language in ("r", "ir"):
        assert kernel("add", "mine", "--prefix", prefix, "--language", language, "--force") == 0
        said = description(kernels, "mine")
        assert said["argv"] == [f"{kernels}/mine/start.sh", f"{prefix}/bin/R", "--slave", f"{spec}/x", "--args", "{connection_file}"]
        assert (said["language"], said["display_name"], said["env"]) == ("R", "mine", {"A": "b"})

    assert kernel("add", "other", "--prefix", prefix, "--language", "julia") == 1
    assert "There are: ir (R)." in capsys.readouterr().err


# --- list and remove ----------------------------------------------------------------------------------------------------------


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """What ``list --json`` says, by name."""
    capsys.readouterr()
    assert kernel("list", "--json") == 0
    return {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}


def test_the_list_says_which_kernels_cannot_start(prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: those whose script or Python is gone, and why; kernels that others have installed are there as well."""
    assert kernel("list") == 0
    assert f"No kernels of yours in {kernels}." in capsys.readouterr().out
    for name in ("fine", "no-wrapper", "no-python"):
        kernel("add", name, "--prefix", prefix, "--label", f"My {name}")
    (kernels / "no-wrapper" / "start.sh").chmod(0o644)
    gone = str(kernels / "nowhere" / "python")
    told = {**description(kernels, "no-python")}
    told["argv"][1] = gone
    (kernels / "no-python" / "kernel.json").write_text(json.dumps(told))
    for name, argv in {"by-path": ["python", "-m", "x"], "by-hand": [gone, "-m", "x"], "wrong": "python"}.items():
        (kernels / name).mkdir()
        (kernels / name / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "\x1b[31m"}))
    (kernels / "torn").mkdir()
    (kernels / "torn" / "kernel.json").write_text('{"argv": ["pyth')
    (kernels / "no-kernel").mkdir()

    found = listed(capsys)
    assert {name: entry["reason"] for name, entry in found.items()} == {
        "fine": "",
        "by-path": "",
        "by-hand": f"{gone} is gone.",
        "no-python": f"{gone} is gone.",
        "no-wrapper": f"{kernels}/no-wrapper/start.sh cannot be executed.",
        "torn": "kernel.json is no description of a kernel.",
        "wrong": "kernel.json is no description of a kernel.",
    }
    assert all(entry["can_start"] is (not entry["reason"]) for entry in found.values())
    assert found["fine"] == {
        "name": "fine",
        "label": "My fine",
        "language": "python",
        "folder": str(kernels / "fine"),
        "can_start": True,
        "reason": "",
    }
    assert kernel("list") == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert lines["fine"].endswith("ok")
    assert lines["no-python"].endswith(f"cannot start: {gone} is gone.")


def test_a_python_that_was_upgraded_away_is_gone(prefix: Path, kernels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: the environment is there, and its link leads nowhere."""
    kernel("add", "mine", "--prefix", prefix)
    (prefix / "bin" / "python").unlink()
    (prefix / "bin" / "python").symlink_to("/nowhere/python3.6")
    assert listed(capsys)["mine"]["reason"] == f"{prefix}/bin/python is gone."


def test_removing_asks_first(prefix: Path, kernels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """T34: a terminal is asked, a program has to say --yes; the environment stays."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    kernel("add", "mine", "--prefix", prefix)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert kernel("remove", "mine") == 2
    assert "--yes" in capsys.readouterr().err
    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert kernel("remove", "mine") == 1
    assert entries(kernels) == ["mine"]
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert kernel("remove", "MINE") == 0
    assert entries(kernels) == []
    assert (prefix / "bin" / "python").exists()
    assert kernel("remove", "mine", "--yes") == 1
    assert "kernel list" in capsys.readouterr().err


def test_links_within_a_kernel_are_not_followed_when_it_goes(prefix: Path, kernels: Path, tmp_path: Path) -> None:
    """T34: what they lead to stays."""
    kernel("add", "mine", "--prefix", prefix)
    precious = tmp_path / "precious"
    precious.mkdir(mode=0o700)
    (precious / "thesis.tex").touch()
    (kernels / "mine" / "link").symlink_to(precious)
    assert kernel("remove", "mine", "--yes") == 0
    assert entries(precious) == ["thesis.tex"]
    assert stat.S_IMODE(precious.stat().st_mode) == 0o700
