"""The demo as one object: everything it needs, in order, in one folder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from private_slurm import control_groups, packages
from private_slurm.cluster import PrivateCluster, stop_cluster
from private_slurm.errors import PrivateSlurmError
from private_slurm.hub import PrivateHub, service_config, shared_password_config, stop_hub
from private_slurm.newer_slurm import slurm_of
from private_slurm.ports import PortReservations
from private_slurm.processes import MARKER, Identity, ProcessFolder, signals_held, wait_until
from private_slurm.releases import DEMO_RELEASES, JUPYTERHUB_VERSION, catalogue_text, ensure_release, kernels_in
from private_slurm.services import check_reachable
from private_slurm.showcase import ADMIN, Showcase
from private_slurm.spec import demo_spec
from private_slurm.users import DEMO_USERS, available_users, ensure_system_users

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8000
SERVICE = "demo"
SERVICE_SCOPES = ["admin:servers", "admin:users", "access:servers"]


PluginConfig = Callable[[Path, Path, str], str]


def plugin_config(slurm_conf: Path, catalogue: Path, bin_dir: str = "") -> str:
    """Configuration text that puts this project's spawner on the Hub; without `bin_dir` Slurm's commands come from PATH."""
    return f"""
import spawner

spawner.configure(c)
c.JupyterHub.spawner_class = "resource-form"
c.SlurmCluster.slurm_conf = {str(slurm_conf)!r}
c.SlurmCluster.bin_dir = {bin_dir!r}
c.ResourceFormSpawner.catalogue_file = {str(catalogue)!r}
"""


PRESETS = """
c.ResourceFormSpawner.presets = [
    {
        "name": "notebook", "label": "A notebook", "description": "2 cores, 8 GB, 4 h",
        "values": {"partition": "g100_int", "gpus": 0, "cores": 2, "memory": "8G", "walltime": "4h"},
    },
    {
        "name": "gpu", "label": "One GPU", "description": "1 V100, 8 cores, 64 GB, 4 h",
        "values": {"partition": "g100_int", "gpus": "v100:1", "cores": 8, "memory": "64G", "walltime": "4h"},
    },
    {
        "name": "school", "label": "The school", "description": "1 V100 of the course, 4 cores, 32 GB, 2 h",
        "values": {
            "partition": "g100_int", "reservation": "s_tra_school", "account": "cin_train",
            "gpus": "v100:1", "cores": 4, "memory": "32G", "walltime": "2h",
        },
    },
]
"""


def default_folder() -> Path:
    """One folder a user, so that users do not meet."""
    return Path(tempfile.gettempdir()) / f"resource-form-demo-{os.geteuid()}"


class Demo:
    """The cluster, the Hub and what they run from, in `folder`; `say` is told each stage as it ends.

    With `shows` the Hub has what a site would give it (:mod:`.showcase`), and presets only without it.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        jupyterhub: str = JUPYTERHUB_VERSION,
        slurm: str | None = None,
        plugin: PluginConfig = plugin_config,
        shows: bool = False,
        say: Callable[[str], None] = print,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.installed: list[str] = []
        self.users: list[str] = []
        self.cluster: PrivateCluster | None = None
        self.hub: PrivateHub | None = None
        self.seconds: dict[str, float] = {}
        self._showcase: Showcase | None = None
        self._wanted_port = port
        self._jupyterhub = jupyterhub
        self._slurm = slurm
        self._plugin = plugin
        self._shows = shows
        self._say = say
        self._ports = PortReservations()
        self._lock: TextIOWrapper | None = None
        self._token = secrets.token_hex(32)

    @property
    def _suffix(self) -> str:
        """What the users' names end with: each folder but the usual one has its own users, so that homes of two demos do not meet."""
        return "" if self.folder == default_folder() else f"-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:4]}"

    @property
    def _admin(self) -> str:
        return f"{ADMIN}{self._suffix}"

    @property
    def description_file(self) -> Path:
        """What a program has to know of the running demo."""
        return self.folder / "demo.json"

    def start(self) -> None:
        """Bring everything up. Whatever goes wrong, `stop` has to be called all the same."""
        self._take_folder()
        stop_leftovers(self.folder)
        port = self._take_port()
        with self._stage("packages"):
            self.installed = packages.ensure_debian_packages([*packages.SLURM_PACKAGES, *packages.PYTHON_PACKAGES])
        self.users = available_users([f"{name}{self._suffix}" for name in DEMO_USERS])
        if self._shows and os.geteuid() == 0:
            ensure_system_users([self._admin])
        with self._stage("environments"), self._marked_installers():
            self._make_environments()
        with self._stage("cluster"):
            slurm = slurm_of(self._slurm, self.folder) if self._slurm else None
            members = [*self.users, self._admin] if self._shows and os.geteuid() == 0 else self.users
            spec = demo_spec(members, slurm=slurm, control_groups=not control_groups.why_not())
            self.cluster = PrivateCluster(spec, self.folder / "slurm")
            self.cluster.start()
        with self._stage("Hub"):
            self.hub = self._make_hub(port)
            self.hub.start()
            if self._showcase:
                self._showcase.start_reporters(self.hub)
        self._describe()

    def stop(self) -> None:
        """End the Hub, the jobs and the daemons; the folder keeps the environments for the next start."""
        if self._lock is None:
            return
        with signals_held():
            packages.cancel_installations()
            self.description_file.unlink(missing_ok=True)
            if self.hub:
                self.hub.close()
            if self.cluster:
                self.cluster.stop()
            stop_leftovers(self.folder)
            self._ports.release()
            owner_file(self.folder).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def remains(self) -> str:
        """What the demo leaves on the machine once it has stopped, in a sentence or two."""
        left = [f"the folder {self.folder} (environments for the next start)"]
        if os.geteuid() == 0 and self.users:
            left.append(f"the system users {', '.join([*self.users, *([self._admin] if self._shows else [])])}")
        left.append(
            f"the Debian packages installed by this run: {', '.join(self.installed)}"
            if self.installed
            else "Debian packages that were there before this run"
        )
        return f"Left on this machine: {'; '.join(left)}. Nothing is running."

    def description(self) -> dict[str, object]:
        """The content of demo.json."""
        if self.hub is None or self.cluster is None:
            raise PrivateSlurmError("The demo does not run.")
        return {
            "url": self.hub.url,
            "api_url": self.hub.api_url,
            "api_token": self._token,
            "users": [{"name": name, "password": self._password()} for name in self.users],
            "slurm_conf": str(self.cluster.slurm_conf),
            **({"admin": {"name": self._admin, "password": self._showcase.admin_password}} if self._showcase else {}),
        }

    def _take_folder(self) -> None:
        """Make the folder, refuse a stranger's, and hold it until this process ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.folder.is_symlink() or self.folder.stat().st_uid != os.geteuid():
            raise PrivateSlurmError(f"{self.folder} belongs to somebody else: choose another folder with --dir.")
        self.folder.chmod(0o755)
        check_reachable(self.folder)
        lock = (self.folder / "demo.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise PrivateSlurmError(f"The demo already runs in {self.folder}.") from error
        self._lock = lock
        me = Identity.of(os.getpid())
        if me:
            me.save(owner_file(self.folder))

    def _take_port(self) -> int:
        if self._wanted_port is None:
            return self._ports.take_from(DEFAULT_PORT)
        if not self._ports.take(self._wanted_port):
            raise PrivateSlurmError(f"Port {self._wanted_port} is taken: choose another one with --port.")
        return self._wanted_port

    def _make_environments(self) -> None:
        """The virtual environments and the proxy side by side: most of the time goes into waiting for downloads."""
        tasks: list[Callable[[], object]] = [
            lambda: packages.ensure_node_package(packages.PROXY_PACKAGE, self.folder / "node"),
            self._make_hub_environment,
            *(lambda release=release: ensure_release(release, self.folder / "releases", self._jupyterhub) for release in DEMO_RELEASES),
        ]
        with ThreadPoolExecutor(len(tasks)) as pool:
            futures = [pool.submit(task) for task in tasks]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                packages.cancel_installations()
                raise
        releases, command = self.folder / "releases", self.folder / "hub-environment" / "bin" / "resource-form"
        kernels = {release.tag: kernels_in(releases / release.tag, command) for release in DEMO_RELEASES}
        self._catalogue.write_text(catalogue_text(DEMO_RELEASES, releases, kernels))

    def _make_hub_environment(self) -> None:
        bin_dir = packages.ensure_venv(self.folder / "hub-environment", [f"jupyterhub=={self._jupyterhub}"])
        packages.ensure_checkout(bin_dir, CHECKOUT)

    @property
    def _catalogue(self) -> Path:
        return self.folder / "releases.yaml"

    def _make_hub(self, port: int) -> PrivateHub:
        if self.cluster is None:
            raise PrivateSlurmError("The Hub needs the cluster first.")
        folder = self.folder / "hub"
        shutil.rmtree(folder, ignore_errors=True)  # its database speaks of jobs of an earlier cluster
        config = (
            shared_password_config(self.users, self._password())
            + service_config(SERVICE, self._token, SERVICE_SCOPES)
            + "c.JupyterHub.cleanup_servers = False\n"
            + self._plugin(self.cluster.slurm_conf, self._catalogue, str(self.cluster.bin_dir) if self._slurm else "")
        )
        if self._shows:
            self._showcase = Showcase(self.folder / "site", self.users, self._admin, self._password("admin-password", 32))
            self._showcase.write()
            config += self._showcase.config()
        else:
            config += PRESETS
        environment = self.folder / "hub-environment" / "bin"
        proxy = self.folder / "node" / "node_modules" / ".bin" / packages.PROXY_PACKAGE
        return PrivateHub(folder, bin_dir=environment, proxy=proxy, config=config, port=port)

    def _password(self, name: str = "password", size: int = 12) -> str:
        """A log-in's password of so many random bytes: made once, kept for the folder's life."""
        path = self.folder / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(size) + "\n")
        return path.read_text().strip()

    def _describe(self) -> None:
        write_private(self.description_file, json.dumps(self.description(), indent=2) + "\n")

    @contextmanager
    def _marked_installers(self) -> Iterator[None]:
        """Let pip and npm carry the folder's mark, so that those of a killed demo are found."""
        os.environ[MARKER] = str(self.folder)
        try:
            yield
        finally:
            del os.environ[MARKER]

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begun
        self._say(f"{name + ':':<14}{self.seconds[name]:6.1f} s")


def owner_file(folder: Path) -> Path:
    """Where the process that runs a demo is recorded."""
    return Path(folder) / "demo.pid"


def stop_leftovers(folder: Path) -> None:
    """End what a demo that was killed has left running in `folder`."""
    ProcessFolder(folder).sweep(deadline_s=1)
    site = ProcessFolder(Path(folder) / "site")
    site.stop(site.names(), 5)
    site.sweep(deadline_s=1)
    stop_hub(Path(folder) / "hub")
    stop_cluster(Path(folder) / "slurm")


def stop_demo(folder: Path, deadline_s: float = 90) -> bool:
    """Stop the demo of `folder`, whoever started it, or what is left of it, and wait for its end; False if nothing ran."""
    owner = Identity.load(owner_file(folder))
    running = owner is not None and owner.is_running()
    if owner and running:
        owner.send(signal.SIGTERM)
        wait_until(lambda: not owner.is_running(), f"the demo in {folder} to stop", deadline_s)
    leftovers = [stray for part in (".", "site", "hub", "slurm") for stray in ProcessFolder(Path(folder, part)).strays()]
    stop_leftovers(folder)
    owner_file(folder).unlink(missing_ok=True)
    (Path(folder) / "demo.json").unlink(missing_ok=True)
    return running or bool(leftovers)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)
