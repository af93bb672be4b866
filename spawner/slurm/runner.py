"""The only place that starts processes.

A command is an argv tuple, never a shell string; its environment is built from nothing (an inherited ``SQUEUE_FORMAT``
or ``SBATCH_PARTITION`` changes what a command does: docs/slurm-facts.md#environment-of-commands); it has a time limit, a bound of
what it may say, and a process group of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shlex
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..bounds import DEFAULTS, NO_COUNTS, Bounds, Counts
from ..errors import SlurmDenied, SlurmNotStarted, SlurmSaysTooMuch, SlurmTimeout, SlurmUnavailable
from ..i18n import N_
from .output import STDERR, STDIN, STDOUT, BoundedOutput
from .running import is_running
from .sudo import Started, submitter_is_installed, through_sudo

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"

READING_ENVIRONMENT = {"LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"}

ESTIMATE = "sbatch --test-only"
OTHER = "other"
"""The readers of logs, the site's own commands, sudo: all that is none of Slurm's."""
COMMANDS = ("squeue", "scontrol", "sacctmgr", "sacct", "sstat", "sbatch", ESTIMATE, "scancel", OTHER)
"""What commands count as."""

_OUTCOMES = {SlurmTimeout: "timeout", SlurmSaysTooMuch: "too_much", SlurmNotStarted: "not_started"}
OUTCOMES = ("ok", "failed", *_OUTCOMES.values(), "cancelled")
"""How a command ends: its exit status was 0, or another one; what we ended it for; it did not begin; nobody waited for it any more."""


def counted_as(argv: Sequence[str]) -> str:
    """Return which of :data:`COMMANDS` a command line counts as."""
    if argv[0] == "sbatch" and "--test-only" in argv:
        return ESTIMATE
    return argv[0] if argv[0] in COMMANDS else OTHER


def _name_of(uid: int) -> str:
    """The name that the system gives for a uid, empty if it gives none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user of the system, as the password database has them. ``groups`` are all group ids, the primary one included.

    ``name`` is the one that the system gives for the uid, as Slurm does: a user may be known by several, and have logged in by another.
    """

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    groups: tuple[int, ...]

    @classmethod
    def of(cls, name: str) -> Identity:
        """Look ``name`` up in the password database. Blocks where the database is remote.

        Raises
        ------
        KeyError
            The system does not know the user.
        """
        entry = pwd.getpwnam(name)
        groups = tuple(os.getgrouplist(name, entry.pw_gid))
        return cls(_name_of(entry.pw_uid) or name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell, groups)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a command: exit status (negative: ended by that signal), both outputs, wall-clock seconds."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.returncode == 0


class Runner(Protocol):
    """A starter of processes, as the rooms above need it; a test may put a fake in its place."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        timeout: float = 60.0,
    ) -> Result: ...

    async def is_running(self, command: str, text: str, identity: Identity) -> bool: ...


@dataclass(frozen=True)
class SlurmRunner:
    """The starter of Slurm's commands.

    Parameters
    ----------
    slurm_conf
        Path of slurm.conf for every command; empty: Slurm's own default. Through sudo the rule says where it is.
    bin_dir
        Folder of Slurm's commands; empty: searched on the Hub's PATH.
    sudo
        argv in front of a command that runs as another user, where the Hub is not root; ``-u`` and the user's name are added
        (:mod:`.sudo`). A Hub that is root needs no sudo: it gives up its rights in the child.
    """

    slurm_conf: str = ""
    bin_dir: str = ""
    sudo: tuple[str, ...] = ("sudo", "-n")
    umask: int = 0o022
    keep: tuple[str, ...] = field(default=("SLURM_JWT",))
    bounds: Bounds = DEFAULTS
    counts: Counts = NO_COUNTS

    def base_environment(self) -> dict[str, str]:
        """Return what every command gets: a path, slurm.conf, and nothing else of the Hub's environment."""
        environment = {"PATH": os.environ.get("PATH", DEFAULT_PATH)}
        slurm_conf = self.slurm_conf or os.environ.get("SLURM_CONF", "")
        if slurm_conf:
            environment["SLURM_CONF"] = slurm_conf
        environment.update({key: os.environ[key] for key in self.keep if key in os.environ})
        return environment

    def executable(self, command: str) -> str:
        """Return the absolute path of one of Slurm's commands.

        Raises
        ------
        SlurmNotStarted
            It is not installed where we look.
        """
        path = str(Path(self.bin_dir) / command) if self.bin_dir else shutil.which(command)
        if not path or not os.access(path, os.X_OK):
            where = self.bin_dir or "the Hub's PATH"
            raise SlurmNotStarted(N_("Slurm is not installed on this service."), log=f"{command} not found in {where}")
        return path

    @staticmethod
    def _bound(command: str, identity: Identity | None) -> str:
        """The bound of what it may print. Only Slurm tells of a whole cluster; into a user's own process that user may write."""
        if identity is not None:
            return "user_process_bytes"
        return "site_process_bytes" if "/" in command else "process_bytes"

    async def is_running(self, command: str, text: str, identity: Identity) -> bool:
        """Tell whether such a command, which an earlier run of the Hub may have started, still runs as that user (:mod:`.running`)."""
        arguments = {"user": identity.name, "uid": identity.uid, "sudo": self.sudo}
        return await asyncio.to_thread(is_running, command, text, **arguments)  # type: ignore[arg-type]

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        timeout: float = 60.0,
    ) -> Result:
        """Run one command to its end.

        Parameters
        ----------
        argv
            The command's bare name and its arguments.
        environment
            Variables on top of :meth:`base_environment`; by default those that make output readable for us.
        identity
            The user to run as; None: the Hub itself.
        timeout
            Seconds. At its end the whole process group is killed, and whoever else holds its output open is not waited for.

        Raises
        ------
        SlurmTimeout
            The time limit passed. Whatever the command asked of Slurm may or may not have happened.
        SlurmSaysTooMuch
            It printed more than the bound, and was ended as at the end of its time.
        SlurmNotStarted
            The command could not be started.
        """
        begun, outcome = time.monotonic(), "cancelled"
        try:
            result = await self._run(argv, stdin, READING_ENVIRONMENT if environment is None else environment, identity, timeout)
            outcome = "ok" if result.ok else "failed"
        except SlurmUnavailable as error:
            outcome = _OUTCOMES.get(type(error), "failed")
            raise
        finally:
            self.counts.command(counted_as(argv), outcome, time.monotonic() - begun)
        return result

    async def _run(
        self, argv: Sequence[str], stdin: str, environment: Mapping[str, str], identity: Identity | None, timeout: float
    ) -> Result:
        command = (self.executable(argv[0]), *argv[1:])
        bounds = {STDOUT: self._bound(argv[0], identity), STDERR: "complaint_bytes"}
        started = time.monotonic()
        try:
            start, become = self._start(command, environment, stdin.encode(), identity)
            process, output = await asyncio.get_running_loop().subprocess_exec(
                lambda: BoundedOutput(*(getattr(self.bounds, bound) for bound in bounds.values())),
                *start.argv,
                stdin=asyncio.subprocess.PIPE if start.stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=start.environment,
                cwd="/",
                umask=self.umask,
                start_new_session=True,
                **become,  # type: ignore[arg-type]
            )
        except (OSError, ValueError) as error:
            raise SlurmNotStarted(N_("A Slurm command could not be started."), log=f"{argv[0]}: {error}") from error
        try:
            _hand_over(process, start.stdin)
            await asyncio.wait_for(output.finished, timeout)
        except asyncio.TimeoutError:
            raise SlurmTimeout(
                N_("Slurm did not answer in time."), log=f"{argv[0]} ran longer than {timeout:.0f} s and was ended"
            ) from None
        finally:
            if process.get_returncode() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.get_pid(), signal.SIGKILL)
            output.close()
        if output.too_much is not None:
            bound = bounds[output.too_much]
            self.counts.over(bound)
            raise SlurmSaysTooMuch(
                N_("Slurm's answer is longer than this service reads."),
                log=f"{argv[0]} printed more than {getattr(self.bounds, bound)} bytes and was ended",
            )
        returncode = process.get_returncode()
        return Result(
            argv=tuple(argv),
            returncode=returncode if returncode is not None else -signal.SIGKILL,
            stdout=output.text(STDOUT),
            stderr=output.text(STDERR),
            seconds=time.monotonic() - started,
        )

    def _start(
        self, argv: tuple[str, ...], own: Mapping[str, str], stdin: bytes, identity: Identity | None
    ) -> tuple[Started, dict[str, object]]:
        """What to start, and what a child of root's becomes before it runs."""
        base = self.base_environment()
        if identity is None or identity.uid == os.geteuid():
            return Started(argv, {**base, **own}, stdin), {}
        if os.geteuid() == 0:
            become = {"user": identity.uid, "group": identity.gid, "extra_groups": list(identity.groups)}
            return Started(argv, {**base, **own}, stdin), become
        has_submitter = submitter_is_installed()
        return through_sudo(self.sudo, identity.name, argv, base=base, own=own, stdin=stdin, has_submitter=has_submitter), {}


def _hand_over(process: asyncio.SubprocessTransport, stdin: bytes) -> None:
    """Write to the process what it is to read, for as long as it reads."""
    pipe = process.get_pipe_transport(STDIN)
    if pipe is not None:
        pipe.write(stdin)  # type: ignore[attr-defined] # this one is for writing
        pipe.close()


def last_line(text: str) -> str:
    """Return the last line of ``text`` that is not blank, its first 300 characters, for a log line: a user may have written it."""
    lines = text.rstrip()[-4000:].splitlines() or [""]
    return lines[-1].strip()[:300]


ACCESS_DENIED = "Access/permission denied"
"""Slurm's words for what PrivateData hides as a whole (ESLURM_ACCESS_DENIED)."""


async def read(runner: Runner, argv: Sequence[str], *, timeout: float = 60.0) -> str:
    """Return the standard output of a command that only reads.

    Raises
    ------
    SlurmUnavailable
        It failed in any way: nothing follows about jobs or nodes (docs/slurm-facts.md#failed-questions). :class:`.SlurmDenied`: Slurm
        hides it from the Hub's user.
    """
    result = await runner.run(argv, timeout=timeout)
    if not result.ok and argv[0] == "scontrol" and ACCESS_DENIED in result.stderr:
        raise SlurmDenied(
            N_("Slurm does not show this service what it needs. Ask the support: the Hub's log says what to change."),
            log=f"{shlex.join(argv)}: {last_line(result.stderr)}. Give the Hub's user AdminLevel=Operator (docs/hardening.md)",
            stderr=result.stderr,
        )
    if not result.ok:
        raise SlurmUnavailable(
            N_("Slurm does not answer at the moment."),
            log=f"{argv[0]} exited with {result.returncode}: {last_line(result.stderr)}",
            stderr=result.stderr,
        )
    return result.stdout
