"""What a scan of an environment writes into the catalogue is what is in there, and can be read as a catalogue."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from spawner.cli.main import main
from spawner.cli.release_scan import packages_of, prefix_of, python_version, scan
from spawner.site.catalogue import parse_catalogue
from spawner.site.located_yaml import read_located


def kernel(prefix: Path, name: str, **fields: Any) -> None:
    """A kernel's folder."""
    place = prefix / "share" / "jupyter" / "kernels" / name
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps({"argv": ["python", "-m", "ipykernel_launcher"], "language": "python", **fields}))


def distribution(prefix: Path, name: str, version: str, *, requested: bool = False) -> None:
    """A package as pip installs it."""
    place = prefix / "lib" / "python3.12" / "site-packages" / f"{name}-{version}.dist-info"
    place.mkdir(parents=True)
    if requested:
        (place / "REQUESTED").touch()


def conda_package(prefix: Path, name: str, version: str) -> None:
    """A package as conda installs it."""
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "conda-meta" / f"{name}-{version}-h1.json").write_text(json.dumps({"name": name, "version": version}))


@pytest.fixture
def virtual(tmp_path: Path) -> Path:
    """A virtual environment."""
    prefix = tmp_path / "venv"
    kernel(prefix, "python3", display_name="Python 3.12")
    distribution(prefix, "numpy", "2.10", requested=True)
    distribution(prefix, "scikit_learn", "1.7.0", requested=True)
    distribution(prefix, "traitlets", "5.14.3")
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.10\n")
    return prefix


@pytest.fixture
def conda(tmp_path: Path) -> Path:
    """A conda environment with kernels of three languages, and one whose Python is elsewhere."""
    prefix = tmp_path / "conda"
    kernel(prefix, "python3", display_name="Python")
    kernel(prefix, "ir", display_name="R", language="R", argv=["R", "--slave"])
    kernel(prefix, "julia-1.9", display_name="Julia", language="julia", argv=["julia"])
    kernel(prefix, "dask", display_name="Dask", argv=[str(tmp_path / "dask" / "bin" / "python"), "-m", "ipykernel_launcher"])
    for name, version in (("python", "3.11.9"), ("r-base", "4.3.3"), ("julia", "1.9.4"), ("pandas", "2.2.2"), ("openssl", "3.3.0")):
        conda_package(prefix, name, version)
    (prefix / "conda-meta" / "history").write_text(
        "==> 2024-04-15 <==\n# cmd: conda create\n# create specs: ['python=3.11', \"conda-forge::pandas[version='2.*']\", 'gone']\n"
        "# update specs: ['r-base=4.3.3']\n# update specs: [broken\n"
    )
    conda_package(tmp_path / "dask", "python", "3.10.14")
    conda_package(tmp_path / "dask", "dask", "2024.4.0")
    return prefix


def packages(prefix: Path, **options: Any) -> dict[str, dict[str, str]]:
    """The packages of each kernel."""
    return {found.name: dict(found.packages) for found in scan(prefix, **options)}


def test_a_virtual_environment(virtual: Path) -> None:
    """T16: what was asked for, by the names that everybody writes; 2.10 stays 2.10."""
    assert packages(virtual) == {"python3": {"python": "3.12.10", "numpy": "2.10", "scikit-learn": "1.7.0"}}
    assert packages(virtual, everything=True)["python3"]["traitlets"] == "5.14.3"
    assert packages(virtual, only=frozenset({"Traitlets", "none"})) == {"python3": {"python": "3.12.10", "traitlets": "5.14.3"}}


def test_a_conda_environment(conda: Path) -> None:
    """Each kernel with what belongs to it: its language's own version, and the environment that its program is in."""
    assert packages(conda) == {
        "python3": {"python": "3.11.9", "pandas": "2.2.2", "r-base": "4.3.3"},
        "ir": {"r": "4.3.3", "pandas": "2.2.2", "r-base": "4.3.3"},
        "julia-1.9": {"julia": "1.9.4", "pandas": "2.2.2", "r-base": "4.3.3"},
        "dask": {"python": "3.10.14", "dask": "2024.4.0"},
    }


def test_what_cannot_be_read_is_left_out(virtual: Path) -> None:
    """Broken descriptions, names that are none, and large files are no kernels; nothing fails."""
    folder = virtual / "share" / "jupyter" / "kernels"
    for name, text in (("broken", "{"), ("list", "[]"), ("empty", "{}"), ("large", " " * 2_000_000), ("bad name", '{"argv": ["x"]}')):
        (folder / name).mkdir()
        (folder / name / "kernel.json").write_text(text)
    (folder / "a-file").write_text("")
    assert list(packages(virtual)) == ["python3"]


@pytest.mark.parametrize(
    ("program", "expected"), [("/opt/a/bin/python", "/opt/a"), ("python", "/here"), ("/opt/python", "/here"), ("", "/here")]
)
def test_where_a_kernel_is_at_home(program: str, expected: str) -> None:
    """A program without a path is the environment's own."""
    assert prefix_of(program, Path("/here")) == Path(expected)


def test_version_of_a_python(tmp_path: Path) -> None:
    """From whatever says it."""
    assert python_version(tmp_path) == ""
    (tmp_path / "lib" / "python3.13").mkdir(parents=True)
    assert python_version(tmp_path) == "3.13"
    (tmp_path / "pyvenv.cfg").write_text("version_info = 3.13.1.final.0\n")
    assert python_version(tmp_path) == "3.13.1"


def test_this_very_environment() -> None:
    """A real one: the version that is found is the one that runs, and pip's marks are read."""
    installed, asked = packages_of(Path(sys.prefix))
    assert installed["pytest"] == pytest.__version__
    assert asked <= set(installed)
    assert python_version(Path(sys.prefix)) == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("which", ["virtual", "conda"])
def test_what_is_printed_is_a_part_of_a_catalogue(which: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is printed it goes under a release."""
    prefix: Path = request.getfixturevalue(which)
    assert main(["releases", "scan", str(prefix)]) == 0
    printed = read_located(capsys.readouterr().out).data
    release = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", **printed}]}).releases[0]
    assert {found.name: dict(found.packages) for found in release.kernels} == packages(prefix)
    assert main(["releases", "scan", "--json", str(prefix)]) == 0
    assert json.loads(capsys.readouterr().out) == printed


def test_odd_labels_survive(virtual: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a kernel calls itself is one string of YAML."""
    kernel(virtual, "odd", display_name='a: "b" # c\n- d é')
    assert main(["releases", "scan", str(virtual)]) == 0
    found = {entry["name"]: entry["label"] for entry in read_located(capsys.readouterr().out).data["kernels"]}
    assert found["odd"] == 'a: "b" # c\n- d é'


def test_no_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status and the sentence say so."""
    assert main(["releases", "scan", str(tmp_path)]) == 1
    assert f"there are no kernels in {tmp_path}/share/jupyter/kernels" in capsys.readouterr().err
    (tmp_path / "share" / "jupyter" / "kernels").mkdir(parents=True)
    assert main(["releases", "scan", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "kernels: []\n"


def test_with_its_lock(virtual: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """T16: the lock's whole path and its digest stand in front of the kernels, and are a release's."""
    lock = tmp_path / "a lock"
    lock.write_text("numpy 2.10\n")
    monkeypatch.chdir(tmp_path)
    expected = {"lock": str(lock), "lock_sha256": hashlib.sha256(b"numpy 2.10\n").hexdigest()}
    assert main(["releases", "scan", str(virtual), "--lock", "a lock"]) == 0
    printed = read_located(capsys.readouterr().out).data
    release = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", **printed}]}).releases[0]
    assert {"lock": release.lock, "lock_sha256": release.lock_sha256} == expected
    assert main(["releases", "scan", str(virtual), "--lock", str(lock), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**expected, "kernels": printed["kernels"]}
    assert main(["releases", "scan", str(virtual), "--lock", "none"]) == 1
    assert "No such file" in capsys.readouterr().err
