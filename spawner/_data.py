"""Where the templates and the files of ``share/`` are: beside the installed package, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder ``templates`` or ``share``.

    Raises
    ------
    FileNotFoundError
        The installation is incomplete.
    """
    for candidate in (PACKAGE / name, PACKAGE.parent / name):
        if (candidate / "resource_form").is_dir():
            return candidate
    raise FileNotFoundError(f"jupyterhub-resource-form is installed without its {name}")
