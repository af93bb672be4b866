"""The reporter where nothing is installed but this package and pynvml: as on a compute node."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from private_slurm.checkout import copy_of_checkout, wheel_of

from spawner.gpu.agent.schema import parse_report
from tests.support.nvml_library import device, environment

CHECKOUT = Path(__file__).resolve().parents[2]
NOT_THERE = ("jupyterhub", "tornado", "traitlets", "batchspawner", "pydantic", "jinja2", "sqlalchemy", "yaml", "pip", "setuptools")

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, to build a library with NVML's interface")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with this package's wheel and pynvml, and without anything else."""
    folder = tmp_path_factory.mktemp("reporter")
    needed = ("setup.cfg", "pyproject.toml", "README.md", "spawner", "share", "templates")
    wheel = wheel_of(copy_of_checkout(CHECKOUT, folder / "source", needed), folder)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    venv.create(folder / "environment")
    python = folder / "environment" / "bin" / "python"
    subprocess.run([*pip, "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    for file in importlib.metadata.files("nvidia-ml-py") or ():
        if file.suffix == ".py" and ".." not in file.parts:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), site / file)
    return python.parent


def outside(said: Path) -> dict[str, str]:
    """The environment of a process that sees neither the checkout nor the Python of the tests."""
    return {name: value for name, value in environment(said).items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "RESOURCE_FORM"))}


def test_nothing_of_the_hub_is_there(bare: Path, tmp_path: Path) -> None:
    """Else the other tests here show nothing."""
    program = f"import importlib.util; print([name for name in {NOT_THERE!r} if importlib.util.find_spec(name)])"
    found = subprocess.run(
        [bare / "python", "-c", program], env=outside(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "[]"


def test_the_reporter_prints_what_the_devices_say(bare: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text("driver 535.104.05\n" + device(0) + device(1, error=15))

    command = [bare / "resource-form", "gpu-report", "--once", "--json", "--node", "g001"]
    found = subprocess.run(command, env=outside(said), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert (found.returncode, found.stderr) == (0, "")
    report = parse_report(found.stdout)
    assert (report.node, report.driver) == ("g001", "535.104.05")
    assert [device.faults for device in report.devices] == [(), ("lost",)]


def test_a_health_check_needs_no_more(bare: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text(device(0, error=15))

    found = subprocess.run(
        [bare / "resource-form", "gpu-report", "--check"], env=outside(said), cwd=tmp_path, capture_output=True, text=True
    )

    assert (found.returncode, found.stdout) == (3, "GPU 0: lost\n")


def test_without_pynvml_it_says_what_is_missing_and_goes_on(bare: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("rfgpu.c001.00")
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['pynvml'] = None")
    command = [bare / "resource-form", "gpu-report", "--hub-api-url", "http://127.0.0.1:9/hub/api", "--token-file", str(token)]
    process = subprocess.Popen(
        [*command, "--interval", "1", "--lock-file", str(tmp_path / "lock")],
        env={**outside(tmp_path), "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=20) == 0
    process.stderr.close()
    assert "every 1 s" in lines[0]
    assert "pip install nvidia-ml-py" in lines[1]
    assert "cannot be reached" in lines[2]


def test_the_other_commands_say_what_they_need(bare: Path, tmp_path: Path) -> None:
    """The tokens too are made with the standard library alone."""
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("0123456789abcdef0123456789abcdef")

    found = subprocess.run(
        [bare / "resource-form", "gpu-token", "--token-file", str(token), "g001"], env=outside(tmp_path), capture_output=True, text=True
    )

    assert (found.returncode, found.stdout[:11]) == (0, "rfgpu.g001.")
    assert os.access(bare / "resource-form", os.X_OK)
