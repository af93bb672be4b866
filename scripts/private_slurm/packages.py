"""What has to be installed: Debian packages, Python virtual environments, one Node package.

Every function here first looks whether its work is done, so that calling it again costs next to nothing.
`python3 -m private_slurm.install` offers the same to a shell.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from private_slurm import uv
from private_slurm.errors import PrivateSlurmError

SLURM_PACKAGES = (
    "munge",
    "mariadb-server",
    "slurm-client",
    "slurm-wlm-basic-plugins",
    "slurm-wlm-mysql-plugin",
    "slurmctld",
    "slurmd",
    "slurmdbd",
)
PYTHON_PACKAGES = ("python3", "python3-venv")
MODULE_PACKAGES = ("environment-modules",)
NODE_PACKAGES = {"node": "nodejs", "npm": "npm"}
PROXY_PACKAGE = "configurable-http-proxy"
PROXY_VERSION = "4.6.3"  # the last one that runs on the Node of Debian 12 and Ubuntu 22.04
SYSTEM_PYTHON = "/usr/bin/python3"

_installers: set[subprocess.Popen[str]] = set()
_POLICY_FILE = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = "#!/bin/sh\n# private_slurm: start no service while packages are being installed\nexit 101\n"


def missing_debian_packages(names: Iterable[str]) -> list[str]:
    """The packages of `names` that are not installed on this machine."""
    wanted = list(names)
    if not shutil.which("dpkg-query"):
        raise PrivateSlurmError("This machine has no dpkg: only Debian and Ubuntu are supported.")
    query = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in installed]


def ensure_debian_packages(names: Iterable[str]) -> list[str]:
    """Install those of `names` that are missing and return them. No service is started by it."""
    wanted = list(names)
    if not missing_debian_packages(wanted):
        return []
    with changing_the_system():
        return _install(missing_debian_packages(wanted))


def _install(missing: list[str]) -> list[str]:
    if not missing:
        return []
    prefix = _root_prefix(missing)
    with _no_services(prefix):
        installed = _apt_get(prefix, ["install", *missing])
        if installed.returncode != 0:  # the package lists may be missing or too old
            _apt_get(prefix, ["update"])
            installed = _apt_get(prefix, ["install", *missing])
    if installed.returncode != 0:
        raise PrivateSlurmError(f"apt-get could not install {' '.join(missing)}:\n{_last_lines(installed.stdout + installed.stderr)}")
    return missing


class InstallerKilled(PrivateSlurmError):
    """An installer was ended by a signal, as by :func:`cancel_installations`: nothing is to be tried in its place."""


SLOW = ("rfc3987-syntax",)
"""What jsonschema looks for, and does without: it compiles grammars whenever it is imported, which takes every JupyterHub and every
JupyterLab longer than all of their own modules.
"""


def ensure_venv(path: Path, requirements: Sequence[str], python: str = SYSTEM_PYTHON, without: Sequence[str] = SLOW) -> Path:
    """Make a virtual environment that holds `requirements` unless it is there already, and return its `bin` folder.

    What pip installs of `without` besides is taken out again. A stamp holding a hash of all that is written last, so that an interrupted
    creation is redone.
    """
    path = Path(path).absolute()
    digest = hashlib.sha256("\n".join([python, str(path), *requirements, "without", *without]).encode()).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(path.name + ".lock")) as lock:
        stamp = path / "requirements.sha256"
        if stamp.is_file() and stamp.read_text() == digest:
            return path / "bin"
        shutil.rmtree(path, ignore_errors=True)
        run_installer(
            [python, "-m", "venv", str(path)], f"{python} could not make a virtual environment (is python3-venv installed?)", lock
        )
        path.chmod(0o755)
        _install_into(path / "bin", requirements, without, lock)
        stamp.write_text(digest)
    return path / "bin"


def ensure_checkout(bin_dir: Path, checkout: Path, without: Sequence[str] = SLOW) -> None:
    """Install the project in `checkout` into a virtual environment, again whenever one of its files has changed.

    A copy is what gets built, so that nothing is written into the checkout.
    """
    files = _project_files(checkout)
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(checkout)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    stamp = bin_dir.parent / "checkout.sha256"
    with locked(bin_dir.parent.with_name(bin_dir.parent.name + ".lock")) as lock:
        if stamp.is_file() and stamp.read_text() == digest.hexdigest():
            return
        scratch = bin_dir.parent / "checkout"
        shutil.rmtree(scratch, ignore_errors=True)
        for path in files:
            target = scratch / path.relative_to(checkout)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        _install_into(bin_dir, [str(scratch)], without, lock)
        shutil.rmtree(scratch)
        stamp.write_text(digest.hexdigest())


def install_into(environment: Path, requirements: Sequence[str], without: Sequence[str] = SLOW) -> None:
    """Install into an environment that is there."""
    environment = Path(environment).absolute()
    with locked(environment.with_name(environment.name + ".lock")) as lock:
        _install_into(environment / "bin", requirements, without, lock)


def _install_into(bin_dir: Path, requirements: Sequence[str], without: Sequence[str], lock: int) -> None:
    """Install into an environment, by uv where it can be had and does it, else by pip; what is not wanted is taken out again."""
    python, scratch = bin_dir / "python", bin_dir.parent / "tmp"
    beside = bin_dir.parent.parent
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    with locked(beside / ".uv.lock"):
        command = uv.uv_in(beside / ".uv", SYSTEM_PYTHON)
    if command is not None:
        environment = uv.environment(python, beside / ".uv-cache")
        # Sessions cannot write into it: what is not compiled now is compiled at each of their starts.
        install = [str(command), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *requirements]
        remove = [str(command), "pip", "uninstall", "--quiet", "--python", str(python), *without]
        try:
            run_installer(install, "uv failed", lock, scratch, environment)
            if without:
                run_installer(remove, "uv failed", lock, scratch, environment)
        except InstallerKilled:
            raise
        except PrivateSlurmError:
            pass  # pip says what is wrong
        else:
            return
    run_installer(
        [*pip, "install", "--no-input", "--quiet", *requirements], f"pip could not install {' '.join(requirements)}", lock, scratch
    )
    if without:
        run_installer([*pip, "uninstall", "--yes", "--quiet", *without], f"pip could not take {' '.join(without)} out again", lock)


def _project_files(checkout: Path) -> list[Path]:
    """The files that a build of the project can use: all but hidden folders, caches and what earlier builds left."""
    found = []
    for top, folders, names in os.walk(checkout):
        folders[:] = sorted(name for name in folders if not _is_by_product(name))
        found += [Path(top) / name for name in sorted(names) if not name.endswith(".pyc")]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _is_by_product(name: str) -> bool:
    return name.startswith(".") or name.endswith(".egg-info") or name in ("__pycache__", "build", "dist", "node_modules", "venv", "tests")


def ensure_node_package(name: str = PROXY_PACKAGE, into: Path = Path("node"), version: str = PROXY_VERSION) -> Path:
    """Install a Node package into the folder `into` unless it is there already, and return the path of its command."""
    into = Path(into).absolute()
    into.mkdir(parents=True, exist_ok=True)
    command = into / "node_modules" / ".bin" / name
    with locked(into / ".lock") as lock:
        stamp = into / f"{name}.version"
        if command.exists() and stamp.is_file() and stamp.read_text() == version:
            return command
        ensure_debian_packages(package for tool, package in NODE_PACKAGES.items() if not shutil.which(tool))
        npm = ["npm", "install", "--prefix", str(into), "--no-fund", "--no-audit", "--loglevel=error", f"{name}@{version}"]
        run_installer(npm, f"npm could not install {name}", lock)
        stamp.write_text(version)
    return command


def _root_prefix(missing: Sequence[str]) -> list[str]:
    """What to put before a command that needs root; an error that names the missing packages where there is no way."""
    if not shutil.which("apt-get"):
        raise PrivateSlurmError(f"Please install {', '.join(missing)}: this machine has no apt-get.")
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ["sudo", "-n"]
    raise PrivateSlurmError(f"Missing Debian packages, and neither root nor passwordless sudo to install them: {', '.join(missing)}.")


def _apt_get(prefix: Sequence[str], arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run apt-get without questions; wait for another apt-get that holds the lock."""
    quiet = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300"]
    argv = [*prefix, "env", *quiet, *arguments[:1], "--no-install-recommends", *arguments[1:]]
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


@contextmanager
def _no_services(prefix: Sequence[str]) -> Iterator[None]:
    """Keep the packages' post-install scripts from starting services, unless the machine has a policy of its own."""
    ours = not _POLICY_FILE.exists() or _POLICY_FILE.read_text(errors="replace") == _POLICY_TEXT
    try:
        if ours:
            subprocess.run([*prefix, "tee", str(_POLICY_FILE)], input=_POLICY_TEXT, text=True, stdout=subprocess.DEVNULL, check=True)
            subprocess.run([*prefix, "chmod", "755", str(_POLICY_FILE)], check=True)
        yield
    finally:
        if ours:
            subprocess.run([*prefix, "rm", "-f", str(_POLICY_FILE)], check=False)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """One creator at a time: whoever comes second waits and then finds the work done.

    An installer that is given the descriptor holds the lock too, so that one whose starter was killed is waited for.
    """
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


@contextmanager
def changing_the_system() -> Iterator[None]:
    """One process at a time of those that install packages or make users."""
    folder = os.open(tempfile.gettempdir(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def run_installer(
    argv: Sequence[str], failure: str, lock: int, scratch: Path | None = None, environment: Mapping[str, str] | None = None
) -> None:
    """Run an installer; if it fails, raise an error that begins with `failure` and shows its last lines.

    Its temporary files go to `scratch`, which is removed: an installer that is killed leaves none elsewhere.
    """
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
    done = _run(argv, lock, {**(environment or os.environ), "TMPDIR": str(scratch)} if scratch else environment)
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
    if done.returncode != 0:
        kind = InstallerKilled if done.returncode < 0 else PrivateSlurmError
        raise kind(f"{failure}:\n{_last_lines(done.stdout)}")


def _run(argv: Sequence[str], lock: int, env: Mapping[str, str] | None) -> subprocess.CompletedProcess[str]:
    """Run an installer in a session of its own, whose files everyone can read, so that `cancel_installations` can end it."""
    with subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o022,
        env=env,
        pass_fds=[lock],
        start_new_session=True,
    ) as child:
        _installers.add(child)
        try:
            output, _ = child.communicate()
        except BaseException:
            _end_session(child)
            raise
        finally:
            _installers.discard(child)
    return subprocess.CompletedProcess(list(argv), child.returncode, output)


def cancel_installations() -> None:
    """End every pip and npm that another thread of this process has running; what they made is redone next time."""
    for child in list(_installers):
        _end_session(child)


def _end_session(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _last_lines(text: str, count: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
