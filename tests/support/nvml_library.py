"""libnvidia-ml.so.1 that says what a text file says: fake_nvml.c, compiled. The real pynvml runs on it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("fake_nvml.c")
REPORT = "from spawner.gpu.agent.nvml import NvmlReader; from spawner.gpu.agent.schema import as_json; reader = NvmlReader(); "

V100 = {
    "uuid": "GPU-5f6c8f53-0000-4000-8000-000000000000",
    "name": "Tesla V100-SXM2-32GB",
    "minor": 0,
    "total": 32768,
    "used": 100,
    "reserved": 400,
    "gpu": 97,
    "peak": 100,
    "temp": 44,
    "power": 250400,
    "limit": 300000,
    "mig": 0,
    "ecc": 0,
    "retired": 0,
    "remap": 0,
    "processes": 2,
    "process_mb": 50,
}
"""The keys of one healthy, busy device."""


@cache
def library_folder() -> Path:
    """The folder with the compiled library, for LD_LIBRARY_PATH. Needs a C compiler."""
    folder = Path(tempfile.mkdtemp(prefix="fake-nvml-"))
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", folder / "libnvidia-ml.so.1", SOURCE], check=True, timeout=60)
    return folder


def device(index: int, **changes: Any) -> str:
    """The lines of one device: a V100 with these changes; None takes a key out, ``error_gpu=3`` is the code of the question ``gpu``."""
    keys = {**V100, "uuid": f"GPU-5f6c8f53-0000-4000-8000-{index:012d}", "minor": index, **changes}
    return "".join(
        f"device {index} {key.replace('_', '.', 1) if key.startswith('error_') else key} {value}\n"
        for key, value in keys.items()
        if value is not None
    )


def environment(said: Path, library: Path | None = None) -> dict[str, str]:
    """The environment of a process whose NVML says what stands in the file ``said``."""
    return {**os.environ, "LD_LIBRARY_PATH": str(library or library_folder()), "FAKE_NVML": str(said)}


def run_python(program: str, said: Path, **options: Any) -> str:
    """What the program prints, with the spawner at hand and NVML as the file says."""
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run(
        [sys.executable, "-c", program], env=environment(said, **options), cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def read_once(said: Path, text: str) -> dict[str, Any]:
    """The report of a node whose NVML says ``text``, as JSON."""
    said.write_text(text)
    return json.loads(run_python(REPORT + 'print(as_json(reader.read("g001")))', said))
