"""A JupyterHub of its own, with its proxy, in one folder: started, restarted, killed, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from private_slurm.errors import PrivateSlurmError
from private_slurm.ports import PortReservations
from private_slurm.processes import Identity, ProcessFolder, end, signals_held, signals_raise, wait_until
from private_slurm.services import SYSTEM_PATH

_HUB = "jupyterhub"


class PrivateHub:
    """JupyterHub from the virtual environment `bin_dir`, its state in `folder`, its configuration the text `config`.

    What every Hub here needs (ports, database, proxy) is put before `config`, which may change any of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        bin_dir: Path,
        proxy: Path,
        config: str,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        base_url: str = "/",
    ) -> None:
        self.base_url = base_url
        self.folder = Path(folder).absolute()
        self.bin_dir = Path(bin_dir).absolute()
        self.proxy = Path(proxy).absolute()
        self.config = config
        self.owner = ""
        """The system's user that the Hub's files belong to; empty: whoever calls. With it goes a :attr:`wrapper` that becomes this user."""
        self.wrapper: tuple[str, ...] = ()
        """argv in front of the Hub's own."""
        self.processes = ProcessFolder(self.folder)
        self._env = dict(env or {})
        self._ports = PortReservations()
        self.port = port or self._ports.take_any()
        self._hub_port = self._ports.take_any()
        self._proxy_api_port = self._ports.take_any()
        self._proxy_token = secrets.token_hex(32)

    def __enter__(self) -> PrivateHub:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where a browser goes."""
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    @property
    def api_url(self) -> str:
        """Where the REST API is."""
        return f"{self.url}hub/api"

    @property
    def config_file(self) -> Path:
        """The configuration as the Hub reads it."""
        return self.folder / "jupyterhub_config.py"

    def start(self, deadline_s: float = 60) -> None:
        """Start the Hub and return once its API answers through the proxy; whatever goes wrong stops what was started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with signals_raise():
            try:
                if not self.is_running():
                    self._start_process()
                wait_until(self._answers, "the Hub to answer", deadline_s, self.log_tail)
            except BaseException:
                with signals_held():
                    self.stop()
                raise

    def stop(self, deadline_s: float = 20) -> None:
        """End the Hub and its proxy. Whether sessions end with it is `c.JupyterHub.cleanup_servers`."""
        stop_hub(self.folder, self.processes, deadline_s)

    def close(self) -> None:
        """Give the ports back as well; the Hub cannot be started again."""
        self.stop()
        self._ports.release()

    def terminate(self, deadline_s: float = 20) -> None:
        """End the Hub's own process with SIGTERM; the proxy's fate is `c.JupyterHub.cleanup_proxy`."""
        self.processes.stop([_HUB], deadline_s)

    def kill(self) -> None:
        """Take the Hub's own process away without warning; proxy and sessions stay."""
        self.processes.stop([_HUB], 5, signal.SIGKILL)

    def kill_proxy(self) -> None:
        """Take the proxy away without warning, and return once it is gone; the Hub has to notice."""
        identity = Identity.of(int((self.folder / "proxy.pid").read_text()))
        if identity is None:
            raise PrivateSlurmError("The proxy does not run.")
        end([identity], 5, signal.SIGKILL)

    def restart(self, *, kill: bool = False, config: str | None = None) -> None:
        """End the Hub (or kill it) and start it again, with another configuration if one is given."""
        if kill:
            self.kill()
        else:
            self.terminate()
        self.config = self.config if config is None else config
        self.start()

    def is_running(self) -> bool:
        """Whether the Hub's own process runs."""
        return self.processes.identity(_HUB) is not None

    @property
    def pid(self) -> int:
        """The pid of the Hub's own process."""
        identity = self.processes.identity(_HUB)
        if identity is None:
            raise PrivateSlurmError("The Hub does not run.")
        return identity.pid

    def log(self) -> str:
        """Everything that the Hub and its proxy printed."""
        path = self.processes.log_path(_HUB)
        return path.read_text(errors="replace") if path.exists() else ""

    def log_tail(self, lines: int = 40) -> str:
        """The last lines that the Hub and its proxy printed."""
        return self.processes.log_tail(_HUB, lines)

    def api(self, method: str, path: str, token: str = "", body: object = None, timeout_s: float = 30) -> tuple[int, Any]:
        """Call the REST API (`path` begins with a slash) and return the status and the decoded answer."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"token {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api_url}{path}", data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout_s) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text.decode(errors="replace")

    def _answers(self) -> bool:
        if not self.is_running():
            raise PrivateSlurmError(f"The Hub ended while starting:\n{self.log_tail()}")
        with contextlib.suppress(OSError):
            return self.api("GET", "/", timeout_s=5)[0] == 200
        return False

    def _start_process(self) -> None:
        self.config_file.touch(mode=0o600)
        self.config_file.chmod(0o600)
        self.config_file.write_text(self._base_config() + self.config)
        if self.owner:
            for path in (self.folder, self.config_file):
                shutil.chown(path, self.owner)
        env = {
            "PATH": f"{self.bin_dir}:{SYSTEM_PATH}",
            "HOME": os.path.expanduser("~"),
            "LANG": "C.UTF-8",
            "CONFIGPROXY_AUTH_TOKEN": self._proxy_token,
            **self._env,
        }
        self.processes.start(_HUB, [*self.wrapper, str(self.bin_dir / "jupyterhub"), "-f", str(self.config_file)], env)

    def _base_config(self) -> str:
        files = {name: str(self.folder / name) for name in ("jupyterhub.sqlite", "cookie_secret", "proxy.pid")}
        return f"""# Written by private_slurm.hub; changes are lost at the next start.
c = get_config()  # noqa: F821
c.JupyterHub.bind_url = "{self.url}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{self._hub_port}"
c.JupyterHub.db_url = {"sqlite:///" + files["jupyterhub.sqlite"]!r}
c.JupyterHub.cookie_secret_file = {files["cookie_secret"]!r}
c.ConfigurableHTTPProxy.command = [{str(self.proxy)!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{self._proxy_api_port}"
c.ConfigurableHTTPProxy.pid_file = {files["proxy.pid"]!r}
"""


def service_config(name: str, token: str, scopes: list[str]) -> str:
    """Configuration text for a service that has a token and a role with these scopes."""
    return f"""
c.JupyterHub.services = [{{"name": {name!r}, "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": {("service-" + name)!r}, "services": [{name!r}], "scopes": {scopes!r}}}]
"""


def shared_password_config(users: list[str], password: str) -> str:
    """Configuration text for a log-in in which these users share one password."""
    return f"""
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.Authenticator.allowed_users = {set(users)!r}
"""


def stop_hub(folder: Path, processes: ProcessFolder | None = None, deadline_s: float = 20) -> None:
    """Stop the Hub of `folder` and its proxy, whichever process started them."""
    processes = processes or ProcessFolder(folder)
    processes.stop([_HUB], deadline_s)
    processes.sweep()
    (Path(folder) / "proxy.pid").unlink(missing_ok=True)
