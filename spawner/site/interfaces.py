"""Interfaces and apps as data: pages of the server in the job, where a user lands or which a user opens while the session runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..i18n import N_

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
"""A tag or an interface's name: one token, safe in a URL, a file name and an environment variable."""

BUILT_IN_INTERFACES: Mapping[str, Mapping[str, Any]] = {
    "lab": {"label": "JupyterLab", "url": "/lab", "icon": "jupyter", "packages": ["jupyterlab"]},
    "notebook": {"label": "Jupyter Notebook", "url": "/tree", "icon": "jupyter", "packages": ["notebook"]},
    "terminal": {"label": N_("Terminal"), "url": "/terminals/1", "icon": "terminal", "packages": ["jupyter-server-terminals"]},
    "vscode": {
        "label": "Visual Studio Code",
        "url": "/vscode/",
        "icon": "code",
        "command": [
            "code-server",
            "--auth=none",
            # Whoever reaches it may run programs as its user: at a port, anybody on the node could.
            "--socket={unix_socket}",
            "--socket-mode=600",
            "--disable-telemetry",
            "--disable-update-check",
            "--user-data-dir={private}/user-data",
        ],
        "commands": ["code-server"],
    },
    "rstudio": {"label": "RStudio", "url": "/rstudio/", "icon": "r", "packages": ["jupyter-rsession-proxy"], "commands": ["rserver"]},
    "tensorboard": {
        "label": "TensorBoard",
        "url": "/tensorboard/",
        "icon": "chart",
        "command": ["tensorboard", "--logdir={home}", "--host=127.0.0.1", "--port={port}", "--path_prefix={base_url}tensorboard"],
        "absolute_url": True,
        "commands": ["tensorboard"],
    },
    "mlflow": {
        "label": "MLflow",
        "url": "/mlflow/",
        "icon": "chart",
        "command": ["mlflow", "ui", "--host=127.0.0.1", "--port={port}", "--backend-store-uri={home}/mlruns"],
        "commands": ["mlflow"],
    },
    "dask": {"label": N_("Dask dashboard"), "port": 8787, "page": "status", "icon": "chart", "packages": ["distributed"]},
    "ray": {"label": N_("Ray dashboard"), "port": 8265, "icon": "chart", "packages": ["ray"]},
    "desktop": {"label": N_("Desktop"), "url": "/desktop/", "icon": "desktop", "packages": ["jupyter-remote-desktop-proxy"]},
}
"""What an admin need not describe: a release names it, and any part of it can be changed in the catalogue's ``interfaces``."""

OF_THE_SERVER_ITSELF = frozenset({"lab", "notebook", "terminal"})
"""They are the server's own pages; all others are reached through jupyter-server-proxy."""

ICONS = ("app", "chart", "code", "desktop", "jupyter", "r", "terminal")

PROXY = "jupyter-server-proxy"


class Interface(BaseModel):
    """A page of the server in the job.

    ``url`` is a path below the server's own. With ``command`` jupyter-server-proxy starts the program when the page is opened first: in
    its words ``{port}`` is the port to listen on, or ``{unix_socket}`` a socket that only this user can reach, ``{base_url}`` the
    server's own path, ``{home}`` the user's home and ``{private}`` a folder of the session's that only this user can read. With ``port``
    it is what a program of the user's shows there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="The name by which releases and requests know it.")
    label: str = Field(min_length=1, max_length=100, description="What people see.")
    url: str = Field(
        default="",
        pattern=r"^(/([A-Za-z0-9._~%=&?-][A-Za-z0-9/._~%=&?-]*)?)?$",
        description="The path below the user's server, as /vscode/. Made of port where that is given.",
    )
    port: int | None = Field(default=None, ge=1, le=65535, description="The port of the node at which a program of the user's listens.")
    page: str = Field(default="", pattern=r"^[A-Za-z0-9][A-Za-z0-9/._~-]*$|^$", description="The page of port that opens first.")
    command: tuple[str, ...] = Field(default=(), description="The program that jupyter-server-proxy starts when the page is opened.")
    absolute_url: bool = Field(default=False, description="Whether the program is told of its whole path, and not of what follows it.")
    description: str = Field(default="", max_length=200, description="One line more for people.")
    icon: str = Field(default="app", description=f"One of {', '.join(ICONS)}.")
    packages: tuple[str, ...] = Field(default=(), description="Python distributions that a release has to have for it.")
    commands: tuple[str, ...] = Field(default=(), description="Programs that have to be on the PATH of a release for it.")

    @model_validator(mode="before")
    @classmethod
    def _page_of_a_port(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("port") and not data.get("url"):
            return {**data, "url": f"/proxy/{data['port']}/{data.get('page') or ''}"}
        return data

    @model_validator(mode="after")
    def _has_a_place(self) -> Interface:
        if not self.url:
            raise ValueError("url or port is needed")
        if self.icon not in ICONS:
            raise ValueError(f"icon: there is no {self.icon}; there are {', '.join(ICONS)}")
        if self.command and self.port is not None:
            raise ValueError("port is for what a user starts, command for what the session starts: one of them")
        if self.command and not self.proxy_name:
            raise ValueError("command needs a url of one word, as /vscode/")
        return self

    @property
    def proxy_name(self) -> str:
        """Its name for jupyter-server-proxy: the first word of its address."""
        path = self.url.strip("/").partition("?")[0]
        return "" if "/" in path else path

    @property
    def is_the_servers(self) -> bool:
        """Whether it is a page of the server itself, with no program behind it."""
        return self.name in OF_THE_SERVER_ITSELF and not self.command and self.port is None

    @property
    def distributions(self) -> tuple[str, ...]:
        """The Python distributions that a release has to have for it, the proxy's too."""
        return self.packages if self.is_the_servers else tuple(dict.fromkeys((*self.packages, PROXY)))


def all_interfaces(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the built-in interfaces, changed and added to by what an admin declares, each as what :class:`Interface` is made of.

    Raises
    ------
    ValueError
        One of them is no mapping.
    """
    interfaces: dict[str, Any] = {name: {"name": name, **fields} for name, fields in BUILT_IN_INTERFACES.items()}
    for name, fields in declared.items():
        if not isinstance(fields, Mapping):
            raise ValueError(f"interfaces.{name} must be a mapping, such as {{label: My page, url: /my-page/}}")
        own = dict(fields)
        known = interfaces.get(str(name), {})
        if {"url", "port"} & own.keys():
            # Another place is another program, unless the admin says so.
            known = {
                key: value
                for key, value in known.items()
                if key not in ("url", "port", "page", "command", "absolute_url", "commands", "packages")
            }
        interfaces[str(name)] = {**known, **own, "name": str(name)}
    return interfaces
