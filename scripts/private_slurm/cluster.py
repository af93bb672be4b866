"""A real Slurm cluster in one folder: started, used, stopped, and gone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterable
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

from private_slurm import configuration, control_groups, services
from private_slurm.accounting import create_accounts
from private_slurm.configuration import Layout
from private_slurm.errors import PrivateSlurmError
from private_slurm.operations import COMMANDS, ClusterOperations, controller_answers
from private_slurm.ports import PortReservations
from private_slurm.processes import Identity, ProcessFolder, end, marked_pids, signals_held, signals_raise, tail, wait_until
from private_slurm.spec import ClusterSpec
from private_slurm.users import current_user

_WIPED = ("bin", "dev", "etc", "log", "munge", "mysql", "spool", "state")


class PrivateCluster(ClusterOperations):
    """The cluster that `spec` describes, in `folder`, which it owns: starting wipes what an earlier cluster left there.

    >>> with PrivateCluster(demo_spec(["ada"]), Path("/tmp/cluster")) as cluster:  # doctest: +SKIP
    ...     cluster.run("sinfo")
    """

    def __init__(self, spec: ClusterSpec, folder: Path) -> None:
        super().__init__(folder)
        self.spec = spec
        self.processes = ProcessFolder(self.folder)
        self.stage_seconds: dict[str, float] = {}
        self._ports = PortReservations()
        self._lock: TextIOWrapper | None = None
        self._layout: Layout | None = None

    def __enter__(self) -> PrivateCluster:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def layout(self) -> Layout:
        """Paths and ports of the cluster as it was last started."""
        if self._layout is None:
            raise PrivateSlurmError("The cluster has not been started.")
        return self._layout

    def start(self) -> None:
        """Bring everything up and return once jobs can run; whatever goes wrong stops what was started."""
        self._take_folder()
        with signals_raise():
            umask = os.umask(0o022)  # jobs run as other users, who read what is made here
            try:
                self._start()
            except BaseException:
                with signals_held():
                    self.stop()
                raise
            finally:
                os.umask(umask)

    def stop(self) -> None:
        """Cancel all jobs, end every daemon and every process of a job. Harmless if nothing runs."""
        try:
            stop_cluster(self.folder, self.processes)
        finally:
            self._ports.release()
            if self._lock:
                self._lock.close()
                self._lock = None

    def pause_controller(self) -> None:
        """Freeze slurmctld: commands run into their time-outs."""
        self.processes.send("slurmctld", signal.SIGSTOP)

    def resume_controller(self) -> None:
        """Let a frozen slurmctld go on."""
        self.processes.send("slurmctld", signal.SIGCONT)

    def stop_controller(self) -> None:
        """End slurmctld: connections to it are refused. Jobs run on."""
        self.processes.stop(["slurmctld"])

    def kill_controller(self) -> None:
        """Take slurmctld away without warning, once it has saved the jobs that it knows: it saves a change up to 5 s later."""
        jobs = self.active_jobs()
        if jobs:
            mark = f"saved at {time.time_ns()}"
            self.run("scontrol", "update", f"jobid={jobs[-1]}", f"AdminComment={mark}")
            saved = self.folder / "state" / "job_state"
            wait_until(lambda: saved.exists() and mark.encode() in saved.read_bytes(), "slurmctld to save its jobs", 30)
        self.processes.stop(["slurmctld"], first_signal=signal.SIGKILL)

    def start_controller(self) -> None:
        """Start slurmctld on the state it left behind and wait until it answers."""
        self._start_daemon("slurmctld", ["slurmctld", "-D", "-f", str(self.slurm_conf)])
        self._await("slurmctld", lambda: controller_answers(self), 30)

    def stop_node(self, node: str, *, hard: bool = False) -> None:
        """End a node's slurmd; Slurm finds out after SlurmdTimeout. `hard` is a power cut: the steps die as well."""
        self.processes.stop([f"slurmd-{node}"], first_signal=signal.SIGKILL if hard else signal.SIGTERM)
        if hard:
            pids = marked_pids(f"SLURM_CONF={self.slurm_conf}", f"SLURMD_NODENAME={node}")
            for group in (_step_daemons_above(pids), pids):  # a step's daemon would report its end
                end([found for found in map(Identity.of, group) if found], 0, signal.SIGKILL)

    def kill_slurmd(self, node: str) -> None:
        """Take a node's slurmd away without warning; the daemons of its job steps, and with them the jobs, run on."""
        self.processes.stop([f"slurmd-{node}"], first_signal=signal.SIGKILL)

    def slurmd_runs(self, node: str) -> bool:
        """Whether a node's slurmd runs."""
        return self.processes.identity(f"slurmd-{node}") is not None

    def start_node(self, node: str) -> None:
        """Start a node's slurmd again and wait until it is up and Slurm sees it."""
        log = self.processes.log_path(f"slurmd-{node}")
        before = log.read_text(errors="replace").count("slurmd started on") if log.exists() else 0
        self._start_slurmd(node)

        def is_back() -> bool:
            up = log.read_text(errors="replace").count("slurmd started on") > before
            return up and not re.search("DOWN|NOT_RESPONDING", self.node(node)["State"])

        self._await(f"slurmd-{node}", is_back, 30)

    def bring_nodes_back(self) -> None:
        """Start every slurmd that is missing or that Slurm has given up; left alone, a node that was away may stay down for minutes."""
        for node in self.spec.daemon_nodes:
            if not self.slurmd_runs(node) or re.search("DOWN|NOT_RESPONDING", self.node(node)["State"]):
                self.stop_node(node)
                self.start_node(node)

    def reconfigure(self, **settings: str) -> None:
        """Let all daemons take these settings of slurm.conf; without any, the ones that the cluster was started with."""
        text = configuration.slurm_conf(self.spec, self.layout)
        for name, value in settings.items():
            text = re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", text)
        self.slurm_conf.write_text(text)
        self.run("scontrol", "reconfigure")
        # From 23.11 on slurmctld starts anew for it, and knows nothing of its nodes until each has said that it is there.
        wait_until(lambda: "unknown" not in self.run("sinfo", "--noheader", "--Node", "--format=%T").stdout, "all nodes to be known", 30)

    def stop_munge(self) -> None:
        """Take munged away without warning: no command and no daemon can prove who it is."""
        self.processes.stop(["munged"], first_signal=signal.SIGKILL)

    def start_munge(self) -> None:
        """Start munged again, with the key it had."""
        services.start_munge(self.processes, self.layout, self._daemon_environment())

    def stop_accounting(self) -> None:
        """End slurmdbd; slurmctld goes on with what it knows."""
        self.processes.stop(["slurmdbd"])

    def start_accounting(self) -> None:
        """Start slurmdbd and wait until it answers."""
        self._start_daemon("slurmdbd", ["slurmdbd", "-D"])
        self._await("slurmdbd", lambda: self.run("sacctmgr", "-n", "show", "cluster", check=False).returncode == 0, 30)

    def logs(self, tail_lines: int = 40) -> str:
        """The last lines of every daemon's log, each under its name; of what it printed, if it came no further."""
        folder = self.folder / "log"
        names = sorted({path.stem for path in folder.glob("*.*")})
        texts = {name: tail(folder / f"{name}.log", tail_lines) or tail(folder / f"{name}.out", tail_lines) for name in names}
        return "\n".join(f"==> {name} <==\n{text}" for name, text in texts.items())

    def _start(self) -> None:
        self.processes.sweep()
        services.check_reachable(self.folder)
        self._prepare_folder()
        steps: list[tuple[str, Callable[[], None]]] = [
            ("munge", lambda: services.start_munge(self.processes, self.layout, self._daemon_environment())),
            ("mariadb", lambda: services.start_mariadb(self.processes, self.layout, self._daemon_environment())),
            ("slurmdbd", self.start_accounting),
            ("accounts", lambda: create_accounts(self, self.spec)),
            ("slurmctld", self.start_controller),
            ("nodes", self._start_nodes),
            ("reservations", self._create_reservations),
        ]
        for name, step in steps:
            begun = time.monotonic()
            step()
            self.stage_seconds[name] = time.monotonic() - begun

    def _take_folder(self) -> None:
        """One cluster a folder: the lock goes with the process that holds it, however that ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        lock = (self.folder / "cluster.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise PrivateSlurmError(f"A private Slurm cluster already runs in {self.folder}.") from error
        self._lock = lock

    def _prepare_folder(self) -> None:
        for name in _WIPED:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self._layout = Layout(
            folder=self.folder,
            host=socket.gethostname().split(".")[0],
            user=current_user(),
            controller_port=self._ports.take_any(),
            database_port=self._ports.take_any(),
            node_ports={node: self._ports.take_any() for node in self.spec.daemon_nodes},
        )
        services.check_socket_paths(self.layout)
        for name in ("bin", "etc", "spool", "state", "log"):
            (self.folder / name).mkdir(mode=0o755)
        (self.folder / "state").chmod(0o700)
        self._make_devices()
        for command in COMMANDS:
            (self.bin_dir / command).symlink_to(self.spec.slurm.commands / command)
        self._write_configuration()

    def _write_configuration(self) -> None:
        etc = self.folder / "etc"
        self.slurm_conf.write_text(configuration.slurm_conf(self.spec, self.layout))
        (etc / "gres.conf").write_text(configuration.gres_conf(self.spec, self.layout))
        (etc / "cgroup.conf").write_text(configuration.cgroup_conf(self.spec, self.slurm_release()))
        for name, text in self.spec.files.items():
            (etc / name).write_text(text)
        self.layout.slurmdbd_conf.touch(mode=0o600)
        self.layout.slurmdbd_conf.write_text(configuration.slurmdbd_conf(self.spec, self.layout))

    def slurm_release(self) -> tuple[int, int]:
        """The release of this cluster's Slurm, such as (22, 5)."""
        done = subprocess.run([self.spec.slurm.daemons / "slurmctld", "-V"], capture_output=True, text=True, check=False)
        found = re.search(r"slurm\S*\s+(\d+)\.(\d+)", done.stdout)
        if not found:
            raise PrivateSlurmError(f"slurmctld does not tell its version: {done.stdout}{done.stderr}")
        return int(found[1]), int(found[2])

    def _make_devices(self) -> None:
        """One file a GPU: a character device like /dev/null, or a link to it where devices may not be made.

        Where jobs are confined each is a device of its own: they are kept from those of others by their numbers.
        """
        number = 0
        for group in self.spec.nodes:
            count = sum(gres.count for gres in group.resources if gres.name == "gpu")
            for node in group.names if group.with_slurmd else []:
                for index in range(count):
                    path = self.layout.device(node, index)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    device = os.makedev(control_groups.DEVICE_MAJOR, number) if self.spec.control_groups else os.makedev(1, 3)
                    number += 1
                    try:
                        os.mknod(path, stat.S_IFCHR | 0o666, device)
                        path.chmod(0o666)
                    except PermissionError:
                        path.symlink_to("/dev/null")

    def _daemon_environment(self) -> dict[str, str]:
        environment = {"PATH": services.SYSTEM_PATH, "LC_ALL": "C.UTF-8", "HOME": str(self.folder), **self.command_environment()}
        return {**environment, "MYSQL_UNIX_PORT": str(self.layout.mysql_socket)}

    def _start_daemon(self, name: str, argv: list[str]) -> None:
        self.processes.start(name, [str(self.spec.slurm.daemons / argv[0]), *argv[1:]], self._daemon_environment())

    def _start_slurmd(self, node: str) -> None:
        stepd = [] if self.spec.slurm.plugins is None else ["-d", str(self.spec.slurm.daemons / "slurmstepd")]
        self._start_daemon(f"slurmd-{node}", ["slurmd", "-D", "-N", node, "-f", str(self.slurm_conf), *stepd])

    def _start_nodes(self) -> None:
        nodes = self.spec.daemon_nodes
        for node in nodes:
            self._start_slurmd(node)

        def all_idle() -> bool:
            for node in nodes:
                self._check_alive(f"slurmd-{node}")
            listed = self.run("sinfo", "--noheader", "--Node", "--format=%N %T").stdout.split("\n")
            return {line.split()[0] for line in listed if line.endswith(" idle")} >= set(nodes)

        wait_until(all_idle, "all nodes to be idle", 30, lambda: f"{self.run('sinfo', '-N', '-l', check=False).stdout}\n{self.logs(10)}")

    def _create_reservations(self) -> None:
        for reservation in self.spec.reservations:
            self.create_reservation(reservation.name, reservation.options)

    def _await(self, daemon: str, answers: Callable[[], bool], deadline_s: float) -> None:
        def alive_and_answering() -> bool:
            self._check_alive(daemon)
            return answers()

        wait_until(alive_and_answering, f"{daemon} to answer", deadline_s, lambda: self.processes.log_tail(daemon))

    def _check_alive(self, daemon: str) -> None:
        if self.processes.identity(daemon) is None:
            raise PrivateSlurmError(f"{daemon} ended while starting:\n{self.processes.log_tail(daemon)}")


def stop_cluster(folder: Path, processes: ProcessFolder | None = None) -> None:
    """Stop the cluster in `folder`, whichever process started it and however far it came; return once all is gone."""
    operations = ClusterOperations(folder)
    processes = processes or ProcessFolder(folder)
    processes.send("slurmctld", signal.SIGCONT)
    if processes.identity("slurmctld") and processes.identity("munged"):
        with contextlib.suppress(PrivateSlurmError, subprocess.TimeoutExpired, OSError):
            operations.cancel_all(deadline_s=10)
    daemons = processes.names()
    processes.stop([name for name in daemons if name.startswith("slurmd-")])
    _end_job_processes(operations)
    for name in ("slurmctld", "slurmdbd", "mariadbd", "munged"):
        processes.stop([name], deadline_s=3 if name == "mariadbd" else 10)  # its data is not needed again
    processes.sweep()
    control_groups.clean(_confined_nodes(operations.slurm_conf))


def _confined_nodes(slurm_conf: Path) -> list[str]:
    """The nodes of a cluster that has control groups."""
    with contextlib.suppress(OSError):
        if control_groups.is_used(slurm_conf.with_name("cgroup.conf").read_text()):
            return re.findall(r"(?m)^NodeName=(\S+) NodeHostname=", slurm_conf.read_text())
    return []


def _end_job_processes(operations: ClusterOperations) -> None:
    """End what outlived its job. Both variables together exist in a job's environment only, never in somebody's shell."""
    for pid in marked_pids(f"SLURM_CONF={operations.slurm_conf}"):
        identity = Identity.of(pid)
        if identity and _has_variable(pid, b"SLURM_JOB_ID="):
            end([identity], 2)


def _step_daemons_above(pids: Iterable[int]) -> set[int]:
    """The slurmstepd that are parents of these processes."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            if Path(f"/proc/{parent}/comm").read_text().strip() == "slurmstepd":
                found.add(parent)
    return found


def _has_variable(pid: int, prefix: bytes) -> bool:
    try:
        return any(entry.startswith(prefix) for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return False
