"""Long-lived processes that belong to a folder.

Each is recorded in the folder by pid, start time and boot, so that whoever stops it later, from another process perhaps,
never signals a stranger who was given the same pid. Each also carries the folder's name in its environment, so that what a
crash left unrecorded, and what the daemons themselves have started, is found as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

from private_slurm.errors import PrivateSlurmError

MARKER = "PRIVATE_SLURM_FOLDER"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Identity:
    """A process, told apart from a later one with the same pid."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of a process that runs now, or None. A zombie does not run."""
        fields = _stat_fields(pid)
        return None if fields is None or fields[0] in "ZX" else cls(pid, int(fields[19]), _boot_id())

    def is_running(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self

    def send(self, number: int) -> None:
        """Send a signal to this process, if it still runs."""
        if self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def save(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        scratch = path.with_name(path.name + ".new")
        scratch.write_text(json.dumps(asdict(self)))
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Identity | None:
        """Read a record; None where there is none."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


class ProcessFolder:
    """The processes of one folder: records in `folder/run`, output in `folder/log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).absolute()
        self.records = self.folder / "run"
        self.log_folder = self.folder / "log"
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> Identity:
        """Start a process in a session of its own; its output goes to `log/NAME.out`."""
        self.records.mkdir(parents=True, exist_ok=True)
        self.log_folder.mkdir(parents=True, exist_ok=True)
        with self.log_path(name).open("ab") as log:
            try:
                child = subprocess.Popen(
                    list(argv),
                    env={**env, MARKER: str(self.folder)},
                    cwd=cwd or self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise PrivateSlurmError(f"{name} could not be started: {error}") from error
        self._children[name] = child
        identity = Identity.of(child.pid)
        if identity is None:
            raise PrivateSlurmError(f"{name} ended at once:\n{self.log_tail(name)}")
        identity.save(self._record(name))
        return identity

    def run(self, name: str, argv: Sequence[str], env: Mapping[str, str], deadline_s: float) -> None:
        """Run a command to its end as one of the folder's processes; an error shows what it printed."""
        self.start(name, argv, env)
        child = self._children[name]
        try:
            status = child.wait(deadline_s)
        except subprocess.TimeoutExpired as error:
            raise PrivateSlurmError(f"{name} did not end within {deadline_s:g} s:\n{self.log_tail(name)}") from error
        finally:
            self.stop([name])
        if status != 0:
            raise PrivateSlurmError(f"{name} failed with exit status {status}:\n{self.log_tail(name)}")

    def log_path(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.log_folder / f"{name}.out"

    def log_tail(self, name: str, lines: int = 20) -> str:
        """The last lines of a process's output."""
        return tail(self.log_path(name), lines)

    def names(self) -> list[str]:
        """Every recorded process, running or not."""
        return sorted(path.stem for path in self.records.glob("*.json"))

    def identity(self, name: str) -> Identity | None:
        """The recorded process of that name if it still runs."""
        self._reap()
        identity = Identity.load(self._record(name))
        return identity if identity and identity.is_running() else None

    def send(self, name: str, number: int) -> None:
        """Send a signal to one process, if it runs."""
        identity = self.identity(name)
        if identity:
            identity.send(number)

    def stop(self, names: Sequence[str], deadline_s: float = 10, first_signal: int = signal.SIGTERM) -> None:
        """End these processes together: politely, then with SIGKILL after the deadline."""
        running = [identity for identity in map(self.identity, names) if identity]
        end(running, deadline_s, first_signal, self._reap)
        for name in names:
            self._record(name).unlink(missing_ok=True)
            self._children.pop(name, None)

    def strays(self) -> list[Identity]:
        """Processes that carry this folder's mark, recorded or not."""
        return [identity for identity in map(Identity.of, marked_pids(f"{MARKER}={self.folder}")) if identity]

    def sweep(self, deadline_s: float = 5) -> None:
        """End every process that carries this folder's mark, and forget all records."""
        end(self.strays(), deadline_s, signal.SIGTERM, self._reap)
        end(self.strays(), 0, signal.SIGKILL, self._reap)
        for path in self.records.glob("*.json*"):
            path.unlink(missing_ok=True)

    def _record(self, name: str) -> Path:
        return self.records / f"{name}.json"

    def _reap(self) -> None:
        for child in self._children.values():
            child.poll()


def end(
    processes: Sequence[Identity], deadline_s: float, first_signal: int = signal.SIGTERM, reap: Callable[[], None] = lambda: None
) -> None:
    """Signal these processes (a stopped one is woken for it), wait, and kill those that outlive the deadline."""
    for process in processes:
        process.send(first_signal)
        process.send(signal.SIGCONT)
    if not _gone(processes, deadline_s, reap):
        for process in processes:
            process.send(signal.SIGKILL)
        _gone(processes, 5, reap)


def marked_pids(*entries: str) -> list[int]:
    """The pids of the processes whose environment has all of these NAME=VALUE entries, the caller excepted."""
    wanted = {entry.encode() for entry in entries}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted <= set(environment) and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def wait_until(
    condition: Callable[[], _T], what: str, deadline_s: float, explain: Callable[[], str] = lambda: "", interval_s: float = 0.05
) -> _T:
    """Ask until the answer is true and return it; past the deadline raise an error that says what was awaited, and explains."""
    until = time.monotonic() + deadline_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > until:
            raise PrivateSlurmError(f"Waited {deadline_s:g} s in vain for {what}.\n{explain()}".strip())
        time.sleep(interval_s)


class Interrupted(SystemExit):
    """A signal asked this process to end; the exit code is the shell's for that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


@contextmanager
def signals_raise(*numbers: int) -> Iterator[None]:
    """Turn signals that would end this process at once into `Interrupted`, so that clean-up code runs.

    Only in the main thread, and only for signals that nobody else handles already.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in numbers or (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, _raise_interrupted)
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def signals_held() -> Iterator[None]:
    """Let nothing but SIGKILL disturb a clean-up: who is stopping already need not be told again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a text file; nothing if there is no such file."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _raise_interrupted(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def _gone(processes: Sequence[Identity], deadline_s: float, reap: Callable[[], None]) -> bool:
    until = time.monotonic() + deadline_s
    while True:
        reap()
        if not any(process.is_running() for process in processes):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.02)


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: the second, the command, may hold anything, blanks and brackets too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip()
