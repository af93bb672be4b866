"""The software releases that the demo offers: virtual environments that truly differ, and the catalogue that names them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from private_slurm.packages import SLOW, ensure_venv

JUPYTERHUB_VERSION = "6.1.1"
PROXY = "jupyter-server-proxy==4.*"
"""What apps are reached through."""


@dataclass(frozen=True)
class Release:
    """One entry of the catalogue, and what its virtual environment holds besides JupyterHub."""

    tag: str
    label: str
    date: str
    packages: tuple[str, ...]
    interfaces: tuple[str, ...] = ("lab", "notebook", "terminal")
    apps: tuple[str, ...] = ()
    without: tuple[str, ...] = SLOW
    """What is not in it though pip installs it."""

    def requirements(self, jupyterhub: str) -> list[str]:
        """What pip installs; the release brings the Hub's own version of jupyterhub-singleuser."""
        return [f"jupyterhub=={jupyterhub}", *self.packages]


DEMO_RELEASES = (
    Release(
        "2026.10",
        "2026.10 (JupyterLab 4.6)",
        "2026-10-15",
        ("jupyterlab==4.6.*", "notebook==7.6.*", "ipykernel", PROXY, "tensorboard==2.*"),
        apps=("tensorboard",),
    ),
    Release(
        "2025.10", "2025.10 (JupyterLab 4.4)", "2025-10-15", ("jupyterlab==4.4.*", "notebook==7.4.*", "ipykernel", PROXY), without=()
    ),  # as pip makes it
)


def ensure_release(release: Release, folder: Path, jupyterhub: str = JUPYTERHUB_VERSION) -> Path:
    """Make a release's virtual environment in `folder/TAG` and return its `bin` folder."""
    return ensure_venv(folder / release.tag, release.requirements(jupyterhub), without=release.without)


def kernels_in(prefix: Path, command: Path) -> list[Any]:
    """The kernels that an environment really has, with their versions, as ``resource-form releases scan`` finds them."""
    scan = [str(command), "releases", "scan", "--json", str(prefix)]
    found: list[Any] = json.loads(subprocess.run(scan, check=True, capture_output=True, text=True, timeout=120).stdout)["kernels"]
    return found


def catalogue_text(releases: Sequence[Release], folder: Path, kernels: Mapping[str, Sequence[Any]] | None = None) -> str:
    """The catalogue file: YAML of which JSON strings and lists are part. `kernels` are those of releases, by tag."""
    lines = ["releases:"]
    for release in releases:
        lines.append(f"  - tag: {json.dumps(release.tag)}")
        lines.append(f"    label: {json.dumps(release.label)}")
        lines.append(f"    date: {json.dumps(release.date)}")
        lines.append("    tested: true")
        lines.append(f"    path: {json.dumps(str(folder / release.tag / 'bin'))}")
        lines.append(f"    interfaces: {json.dumps(list(release.interfaces))}")
        lines.append(f"    apps: {json.dumps(list(release.apps))}")
        if kernels and release.tag in kernels:
            lines.append(f"    kernels: {json.dumps(list(kernels[release.tag]))}")
    return "\n".join(lines) + "\n"
