"""What a release sets up in the job before the server starts, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ..units import parse_memory_mb
from . import patterns

Architecture = Literal["x86_64", "aarch64", "ppc64le", "riscv64"]
ALIASES: Mapping[str, Architecture] = {"amd64": "x86_64", "arm64": "aarch64"}
"""Other names of architectures; Slurm prints those of uname(1)."""


def architecture_of(name: str) -> str:
    """Return the name that uname(1) and Slurm have for an architecture."""
    return ALIASES.get(name, name)


def _absolute(path: str) -> str:
    if path and not PurePosixPath(path).is_absolute():
        raise ValueError("must be an absolute path")
    if any(ord(character) < 32 for character in path):
        raise ValueError("must have no control characters")
    return path


def _version(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError(f"write the version in quotes: the number {value} has no zeros at its end")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _megabytes(value: Any) -> Any:
    return parse_memory_mb(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and value else value


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Version = Annotated[
    str,
    BeforeValidator(_version),
    Field(min_length=1, max_length=100),
    WithJsonSchema({"type": ["string", "number"], "description": "A version as it is written: 3.10 stays 3.10."}),
]
Memory = Annotated[
    int,
    BeforeValidator(_megabytes),
    Field(ge=0),
    WithJsonSchema({"type": ["string", "integer"], "description": "As 16G; a plain number is GB."}),
]
Module = Annotated[str, Field(pattern=patterns.MODULE)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Part(BaseModel):
    """A part of a catalogue: what is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Kernel(Part):
    """A kernel that a release brings, with the versions at which its packages are pinned."""

    name: str = Field(pattern=patterns.KERNEL, description="The name of its folder among the kernels: python3.")
    label: str = Field(default="", max_length=100, description="What JupyterLab calls it.")
    language: str = Field(default="", max_length=50, description="The language: python, julia, r, c++.")
    packages: Mapping[Annotated[str, Field(min_length=1, max_length=100)], Version] = Field(
        default_factory=dict, description="Each main package with its version."
    )
    description: str = Field(default="", max_length=500, description="A sentence or two for people.")

    @property
    def title(self) -> str:
        """What people see: the label, else the name."""
        return self.label or self.name


class Container(Part):
    """An image in which the server runs; the launcher and the job's script stay outside."""

    image: str = Field(
        pattern=r"^(/[^\s\x00-\x1f]+|(docker|oras|library|shub)://[^\s\x00-\x1f]+)$",
        description="The file of the image, or where it is had from.",
    )
    command: AbsolutePath | Literal["apptainer", "singularity"] = Field(default="apptainer", description="The program that runs it.")
    binds: tuple[Annotated[str, Field(pattern=r"^/[^\s,\x00-\x1f]*$")], ...] = Field(
        default=(), description="Folders of the node that are there inside, as /scratch or /data:/data:ro."
    )
    options: tuple[Annotated[str, Field(pattern=r"^--?[A-Za-z][^\x00-\x1f]*$")], ...] = Field(
        default=(), description="More options of apptainer exec, each one word."
    )
    shared_memory_option: str = Field(
        default="",
        pattern=r"^(--?[A-Za-z][^\x00-\x1f{}]*\{megabytes\}[^\x00-\x1f{}]*)?$",
        description="The option of the command that sets the size of /dev/shm, as --shm-size={megabytes}m. Apptainer itself has none.",
    )


class Software(Part):
    """What is set up before the server starts, in this order: modules, variables, an environment, a script, lines of shell."""

    modules: tuple[Module, ...] = Field(default=(), description="Environment modules, loaded in this order.")
    environment: Mapping[Variable, str] = Field(default_factory=dict, description="Variables of the session.")
    path: AbsolutePath = Field(default="", description="A folder put in front of PATH; it holds jupyterhub-singleuser.")
    conda: AbsolutePath = Field(default="", description="The prefix of a conda environment, activated without conda.")
    virtual_environment: AbsolutePath = Field(default="", description="The folder of a Python virtual environment.")
    container: Container | None = Field(default=None, description="An Apptainer image that the server runs in.")
    setup_script: AbsolutePath = Field(default="", description="A file of shell that is read in (sourced).")
    prologue: str = Field(default="", description="Lines of shell of your own.")
    lock: AbsolutePath = Field(default="", description="The lock file that it was made from, where the job sees it.")
    lock_sha256: str = Field(
        default="", pattern=r"^([0-9a-f]{64})?$", description="The SHA-256 of its lock file: a published release does not change."
    )

    @model_validator(mode="after")
    def _has_both_of_its_lock(self) -> Software:
        if bool(self.lock) != bool(self.lock_sha256):
            raise ValueError("lock and lock_sha256 go together: resource-form releases scan PREFIX --lock FILE prints both")
        return self


PLACES_OF_SOFTWARE = ("path", "conda", "virtual_environment", "container")
"""Where the server's program is found; a release needs no more than one of them."""


class ArchitectureSoftware(Software):
    """What is other on the nodes of one architecture: whatever stands here is in place of the release's own.

    Variables are added to the release's, and lines of shell are run before the release's.
    """

    constraint: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="The feature of its nodes (slurm.conf, Feature=), where partitions have nodes of several architectures.",
    )
    partitions: tuple[str, ...] = Field(default=(), description="The partitions with such nodes; empty: Slurm is asked.")


class Minimum(Part):
    """The least that a session of a release needs; the form asks for no less. ``memory`` is in MB."""

    cores: int = Field(default=0, ge=0, description="Cores.")
    memory: Memory = Field(default=0, description="Memory, as 16G.")
    gpus: int = Field(default=0, ge=0, description="GPUs.")


class FirstLogin(Part):
    """What is run once for each user of a release, in the background, when a session of it starts first."""

    script: str = Field(min_length=1, description="Lines of shell, run as the user where the release is set up.")
    label: str = Field(default="", max_length=100, description="What people read meanwhile: Julia is being installed.")
