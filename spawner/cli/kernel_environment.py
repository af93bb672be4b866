"""What a kernel of a user's is started from: the wrapper that sets up the environment, and what is in there. Standard library only."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from ..errors import ResourceFormError
from ..i18n import _
from ..slurm.runner import SlurmRunner
from .hub_client import plain
from .kernel_files import DESCRIPTION, MAX_BYTES, KernelTrouble, is_program

SECONDS = 120.0
"""How long a Python may take to import ipykernel: the file systems of centres are slow in the first minute of an environment."""
NO_MODULE, NO_IPYKERNEL = 91, 92
MAX_COMPLAINT = 1000

PROGRAM = f"""
import json, sys
try:
    from ipykernel.kernelspec import get_kernel_dict
except ModuleNotFoundError as error:
    if error.name != "ipykernel":
        raise
    sys.exit({NO_IPYKERNEL})
print(json.dumps(get_kernel_dict()))
"""
"""What that Python is asked: ipykernel describes its own kernel, as this version of it wants to be started."""


@dataclass(frozen=True)
class KernelEnvironment:
    """A folder with ``bin`` in it, and the modules that are loaded before its programs are started."""

    prefix: Path
    modules: tuple[str, ...] = ()

    @property
    def is_conda(self) -> bool:
        """Whether conda made it."""
        return (self.prefix / "conda-meta").is_dir()

    def program(self, *names: str) -> Path | None:
        """Return the first of these programs that is there."""
        return next((path for name in names if is_program(path := self.prefix / "bin" / name)), None)

    def wrapper(self, conda: Path | None) -> str:
        """Return the script that sets up the environment and becomes what its arguments say; ``conda`` is the program, if it is known."""
        prefix = quote(str(self.prefix))
        lines = [
            "#!/bin/bash",
            "# Written by `resource-form kernel add`. Its arguments are the kernel's command line.",
            "",
            "# What the release has set for its own Python is of no use to another one.",
            "unset PYTHONHOME PYTHONPATH",
        ]
        if self.modules:
            lines += [
                "type module >/dev/null 2>&1 || . /etc/profile",
                "# What the release has loaded: the kernel is the same in all of them.",
            ]
            lines.append("module purge")
        for module in self.modules:
            lines += [
                f"if ! module load {quote(module)}; then",
                f"  echo {quote(f'resource-form: the module {module} cannot be loaded')} >&2",
                f"  exit {NO_MODULE}",
                "fi",
            ]
        if self.is_conda:
            lines += [
                "unset VIRTUAL_ENV",
                f"export CONDA_PREFIX={prefix} CONDA_DEFAULT_ENV={quote(self.prefix.name)} CONDA_SHLVL=1",
                f'export PATH={prefix}/bin:"$PATH"',
            ]
            if conda is not None:
                # Behind all others: beside conda there may be a Python of its own.
                lines.append(f'export CONDA_EXE={quote(str(conda))} PATH="$PATH":{quote(str(conda.parent))}')
            lines += [f"for activation in {prefix}/etc/conda/activate.d/*.sh; do", '  [ -r "$activation" ] && . "$activation"', "done"]
        else:
            is_virtual = (self.prefix / "pyvenv.cfg").is_file()
            lines += ["unset CONDA_PREFIX CONDA_DEFAULT_ENV", f"export VIRTUAL_ENV={prefix}" if is_virtual else "unset VIRTUAL_ENV"]
            lines.append(f'export PATH={prefix}/bin:"$PATH"')
        return "\n".join([*lines, "", 'exec "$@"', ""])

    def conda(self, environment: Mapping[str, str]) -> Path | None:
        """Return where conda itself is: it is in no environment but its first one."""
        candidates = [
            self.prefix / "condabin" / "conda",
            self.prefix.parent.parent / "condabin" / "conda",
            Path(environment.get("CONDA_EXE") or "/"),
            Path(shutil.which("conda", path=environment.get("PATH")) or "/"),
        ]
        return next((path for path in candidates if path.is_absolute() and is_program(path)), None)


def python_kernel(place: KernelEnvironment, wrapper: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Ask the environment's Python, as the kernel would start it, how its kernel is started: kernel.json without the wrapper.

    Raises
    ------
    KernelTrouble
        There is no Python, it does not start, or has no ipykernel; the sentence says how to install what is missing.
    """
    python = place.program("python", "python3")
    if python is None:
        how = f"conda install --prefix {quote(str(place.prefix))} python ipykernel"
        if not place.is_conda:
            how = f"python3 -m venv {quote(str(place.prefix))} && {quote(str(place.prefix))}/bin/python -m pip install ipykernel"
        raise KernelTrouble(_("There is no Python in {folder}. To make one there:").format(folder=place.prefix / "bin") + f"\n  {how}")
    status, printed, complaint = _run((str(wrapper), str(python), "-c", PROGRAM), environment)
    if status == NO_MODULE:
        raise KernelTrouble(_("A module cannot be loaded on this machine. What was said:") + f"\n{complaint}")
    if status == NO_IPYKERNEL:
        how = f"{quote(str(python))} -m pip install ipykernel"
        if place.is_conda:
            how = f"conda install --prefix {quote(str(place.prefix))} ipykernel"
        loaded = " " + _("With {modules} loaded.").format(modules=" ".join(place.modules)) if place.modules else ""
        raise KernelTrouble(
            _("The Python in {folder} has no ipykernel, without which it is no kernel. To install it:").format(folder=place.prefix)
            + f"\n  {how}{loaded}"
        )
    try:
        said = json.loads(printed.strip().splitlines()[-1]) if status == 0 else None
    except (ValueError, IndexError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("argv"), list):
        raise KernelTrouble(
            _("{python} does not start, or its ipykernel does not. What was said:").format(python=python) + f"\n{complaint}"
        )
    return {**said, "argv": [str(python), *said["argv"][1:]]}


def other_kernel(place: KernelEnvironment, language: str) -> dict[str, Any]:
    """Return the kernel of this language (or of this name) that the environment has in share/jupyter/kernels, with absolute paths.

    Raises
    ------
    KernelTrouble
        There is none, and what there is instead; or its program is missing.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((place.prefix / "share" / "jupyter" / "kernels").glob(f"*/{DESCRIPTION}")):
        try:
            said = json.loads(path.read_text("utf-8")[:MAX_BYTES])
            argv = [str(word).replace("{resource_dir}", str(path.parent)) for word in said["argv"]]
            found[path.parent.name] = {**said, "argv": argv, "language": str(said.get("language") or "")}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    wanted = language.lower()
    matching = [said for name, said in found.items() if wanted in (name.lower(), said["language"].lower())]
    if not matching:
        there_are = ", ".join(f"{name} ({said['language']})" for name, said in found.items()) or _("none")
        raise KernelTrouble(
            _("{folder} has no kernel for {language}: install it there first. There are: {names}.").format(
                folder=place.prefix / "share" / "jupyter" / "kernels", language=repr(language), names=there_are
            )
        )
    said = matching[0]
    program = said["argv"][0] if os.path.isabs(said["argv"][0]) else place.program(said["argv"][0])  # noqa: PTH117
    if program is None or not is_program(program):
        raise KernelTrouble(
            _("The kernel for {language} in {folder} starts {program}, which is not there.").format(
                language=repr(language), folder=place.prefix, program=repr(said["argv"][0])
            )
        )
    return {**said, "argv": [str(program), *said["argv"][1:]]}


def _run(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """The exit status, what was printed, and what was complained of, harmless to a terminal."""
    try:
        done = asyncio.run(SlurmRunner().run(argv, environment=environment, timeout=SECONDS))
    except ResourceFormError as error:
        return 1, "", f"  {plain(error.log)}"
    lines = [line for line in done.stderr.splitlines() if line.strip()] or ["nothing"]
    return done.returncode, done.stdout, "\n".join(f"  {plain(line)}" for line in lines)[-MAX_COMPLAINT:]
