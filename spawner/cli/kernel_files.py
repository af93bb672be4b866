"""A user's own kernels as Jupyter finds them: a folder each, with a kernel.json. Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..i18n import _

DESCRIPTION = "kernel.json"
WRAPPER = "start.sh"
MAX_BYTES = 1_000_000
"""Of a kernel.json: what is larger is none."""
SCRATCH = ".resource-form-"
"""What folders are called in which something is made or taken away. Without a kernel.json of its own, Jupyter sees no kernel in it."""


class KernelTrouble(Exception):
    """What the user is told on stderr: the sentence says what to do."""


@dataclass(frozen=True)
class OwnKernel:
    """A kernel as its kernel.json has it. ``trouble`` says in a sentence why it cannot start, empty where nothing is known against it."""

    name: str
    folder: Path
    label: str = ""
    language: str = ""
    trouble: str = ""


def kernels_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the user's kernels, as jupyter_core finds it (jupyter_data_dir)."""
    if data := environment.get("JUPYTER_DATA_DIR"):
        place = Path(data)
    elif data := environment.get("XDG_DATA_HOME"):
        place = Path(data, "jupyter")
    else:
        place = Path(environment.get("HOME") or Path.home(), ".local", "share", "jupyter")
    return Path(os.path.abspath(place)) / "kernels"  # noqa: PTH100 - a link in it is the user's, and stays one


def own_kernels(kernels: Path) -> list[OwnKernel]:
    """Return what Jupyter finds there, by name.

    Raises
    ------
    KernelTrouble
        The folder cannot be read.
    """
    try:
        folders = sorted(folder for folder in kernels.iterdir() if os.path.isfile(folder / DESCRIPTION))  # noqa: PTH113 - never raises
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KernelTrouble(_("{file} cannot be read: {why}.").format(file=kernels, why=error.strerror)) from error
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> OwnKernel:
    try:
        with (folder / DESCRIPTION).open("rb") as file:
            said = json.loads(file.read(MAX_BYTES))
    except OSError as error:
        return OwnKernel(folder.name, folder, trouble=_("{file} cannot be read: {why}.").format(file=DESCRIPTION, why=error.strerror))
    except (ValueError, RecursionError):
        said = None
    argv = said.get("argv") if isinstance(said, dict) else None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        return OwnKernel(folder.name, folder, trouble=_("{file} is no description of a kernel.").format(file=DESCRIPTION))
    return OwnKernel(folder.name, folder, str(said.get("display_name") or ""), str(said.get("language") or ""), _why_not([*argv], folder))


def _why_not(argv: list[str], folder: Path) -> str:
    """Only of absolute paths something is known: others are looked for where the session runs."""
    argv = [word.replace("{resource_dir}", str(folder)) for word in argv]
    programs = argv[:1]
    if Path(argv[0]).parent == folder:
        programs = argv[:2]  # ours: a wrapper and what it starts
    for program in programs:
        if os.path.isabs(program) and not is_program(program):  # noqa: PTH117
            what = _("{program} cannot be executed.") if os.path.exists(program) else _("{program} is gone.")  # noqa: PTH110
            return what.format(program=program)
    return ""


def is_program(path: str | Path) -> bool:
    """Whether it is a file, or a link to one, that this user may execute."""
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113


def place_of(kernels: Path, name: str) -> Path | None:
    """Return the folder of that name, None if there is none. Jupyter knows no capitals: R and r are one kernel to it."""
    try:
        return next((path for path in sorted(kernels.iterdir()) if path.name.lower() == name.lower()), None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KernelTrouble(_("{file} cannot be read: {why}.").format(file=kernels, why=error.strerror)) from error


def may_be_replaced(place: Path) -> None:
    """Raise where something is no kernel in a folder of its own: then it is neither replaced nor removed.

    Raises
    ------
    KernelTrouble
        It is a link, whose end may be anywhere, or holds no kernel.json.
    """
    if place.is_symlink():
        raise KernelTrouble(
            _("{folder} is a link to {other}: it is left alone. Remove the link yourself if you mean it.").format(
                folder=place,
                other=os.readlink(place),  # noqa: PTH115
            )
        )
    if not (place / DESCRIPTION).is_file():
        raise KernelTrouble(_("{folder} has no {file}, so it is no kernel: it is left alone.").format(folder=place, file=DESCRIPTION))


@contextlib.contextmanager
def written(kernels: Path, name: str, wrapper: str) -> Iterator[Path]:
    """A new folder ``name`` with the wrapper in it, out of Jupyter's sight; it goes at the end unless it was moved into place.

    Raises
    ------
    KernelTrouble
        There is no room, or no right to write.
    """
    with _scratch(kernels) as scratch:
        try:
            (scratch / name).mkdir(mode=0o755)
            _write(scratch / name / WRAPPER, wrapper, 0o755)
        except OSError as error:
            raise _unwritable(kernels, error) from error
        yield scratch / name


def put_in_place(new: Path, kernels: Path, description: Mapping[str, Any], old: Path | None) -> None:
    """Finish the new kernel, and put it in the place of the old one, if there is one: all of it at once.

    Raises
    ------
    KernelTrouble
        It cannot be written; the old one is where it was.
    """
    place = kernels / new.name
    try:
        _write(new / DESCRIPTION, json.dumps(description, indent=1, ensure_ascii=False) + "\n", 0o644)
        if old is None:
            new.rename(place)
            return
        aside = new.with_name(f"{new.name}.old")
        old.rename(aside)
        try:
            new.rename(place)
        except OSError:
            aside.rename(old)
            raise
    except OSError as error:
        raise _unwritable(kernels, error) from error


def take_away(place: Path) -> None:
    """Remove a kernel's folder: Jupyter sees all of it or nothing.

    Raises
    ------
    KernelTrouble
        It cannot be moved.
    """
    with _scratch(place.parent) as scratch:
        try:
            place.rename(scratch / place.name)
        except OSError as error:
            raise KernelTrouble(_("{folder} cannot be removed: {why}.").format(folder=place, why=error.strerror)) from error


@contextlib.contextmanager
def _scratch(kernels: Path) -> Iterator[Path]:
    """A folder on the same file system, which goes with all that is in it; links in it are not followed."""
    try:
        kernels.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=kernels))
    except OSError as error:
        raise _unwritable(kernels, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
        file.flush()
        # A full file system that is reached over the network may say so only here.
        os.fsync(file.fileno())


def _unwritable(kernels: Path, error: OSError) -> KernelTrouble:
    return KernelTrouble(_("Nothing can be written to {folder}: {why}. Nothing is changed.").format(folder=kernels, why=error.strerror))
