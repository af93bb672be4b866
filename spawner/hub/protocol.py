"""What the Hub's side uses of JupyterHub's objects and of the spawner, for the type checker: a name that is misspelt is found there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ..advice.service import PricingSettings
from ..cluster.cluster import SlurmCluster
from ..cluster.users import Member
from ..errors import ResourceFormError
from ..job.sbatch import PreparedJob, TagOfScript
from ..request.choices import Choices
from ..request.form_file import FormRules
from ..request.model import SessionRequest
from ..request.recent import Recent
from ..session.record import End, Record
from ..session.session import Session
from ..site.catalogue import Catalogue
from ..site.notices import Announcement
from ..site.watched_file import ToldFile

Log: TypeAlias = "logging.Logger | logging.LoggerAdapter[logging.Logger]"  # as text: Python 3.10's adapter takes no brackets


class HubAddress(Protocol):
    """Where the Hub is: ``base_url`` is its path, such as ``/hub/``; ``public_host`` its host, where sessions have another one;
    ``cookie_name`` is its log-in cookie's.
    """

    base_url: str
    public_host: str
    cookie_name: str


class Proxy(Protocol):
    """JupyterHub's proxy."""

    async def add_user(self, user: Any, server_name: str = "") -> None:
        """Lead the server's address to it."""

    async def delete_user(self, user: Any, server_name: str = "") -> None:
        """Take the server's address away."""


class OrmSpawner(Protocol):
    """A server as the Hub's database has it. JupyterHub's own ``orm.Spawner``, and a site's, may lack ``display_name``."""

    name: str
    state: Any
    user_options: Any


class OrmUser(Protocol):
    """A user as the Hub's database has them."""

    name: str
    orm_spawners: Mapping[str, OrmSpawner]
    api_tokens: Any


class HubUser(Protocol):
    """A user of the Hub, as JupyterHub's ``User``."""

    name: str
    admin: bool
    escaped_name: str
    base_url: str
    settings: MutableMapping[str, Any]
    orm_user: OrmUser
    spawners: Mapping[str, HubSpawner]
    db: Any

    @property
    def spawner(self) -> HubSpawner:
        """The default server's."""

    def get_spawner(self, server_name: str) -> HubSpawner:
        """Return the spawner of a server."""

    def server_url(self, server_name: str = "") -> str:
        """Return the address of a server."""

    def progress_url(self, server_name: str = "") -> str:
        """Return the address of the messages of a start."""

    async def spawn(self, server_name: str = "") -> Any:
        """Start a server."""

    async def stop(self, server_name: str = "") -> Any:
        """Stop a server."""


class OfUser(Protocol):
    """What belongs to a user of the Hub, as a spawner does."""

    @property
    def user(self) -> HubUser:
        """The user."""


class HubApplication(Protocol):
    """The running ``JupyterHub``."""

    tornado_settings: MutableMapping[str, Any]
    tornado_application: Any
    data_files_path: str
    logo_file: str
    template_paths: Sequence[str | Path]
    template_vars: Mapping[str, Any]
    hub: HubAddress
    config: Any
    log: Log
    db: Any
    users: Any
    proxy: Proxy
    cookie_secret: bytes
    allow_named_servers: bool
    base_url: str
    spawner_class: type


class HubHandler(Protocol):
    """One of JupyterHub's handlers, with the request that it answers."""

    settings: MutableMapping[str, Any]
    config: Any
    log: Log
    db: Any
    hub: HubAddress
    users: Mapping[Any, HubUser]
    request: Any
    current_user: Any
    parsed_scopes: Mapping[str, Any]

    def get_argument(self, name: str, default: str = ...) -> str:
        """Return an argument of the request."""

    def get_scope_filter(self, scope: str) -> Callable[[Any, str], bool]:
        """Return what tells whether the caller's scope reaches a user or a server."""

    def find_user(self, name: str) -> HubUser | None:
        """Return the user of that name."""


class HubSpawner(Protocol):
    """As much of :class:`.ResourceFormSpawner` as the Hub's side uses: JupyterHub's part, our settings, our own methods."""

    # --- JupyterHub's -------------------------------------------------------------------------------------------------------

    user: HubUser
    user_options: dict[str, Any]
    orm_spawner: OrmSpawner
    hub: HubAddress
    handler: HubHandler | None
    log: Log
    db: Any
    http_timeout: float
    _spawn_pending: bool
    _spawn_future: Any
    _proxy_pending: bool
    _stop_pending: bool
    _stop_future: asyncio.Future[None] | None

    @property
    def name(self) -> str:
        """The server's name; empty for the default server."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """What the admin gives every server."""

    @property
    def active(self) -> bool:
        """Whether the server runs, starts or stops."""

    @property
    def ready(self) -> bool:
        """Whether the server runs, and neither starts nor stops."""

    @property
    def pending(self) -> str | None:
        """What goes on: ``spawn``, ``stop``, ``check``; None where nothing does."""

    async def poll_and_notify(self) -> int | None:
        """Look whether the server lives; have JupyterHub tidy up if not."""

    def add_poll_callback(self, callback: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Have this called when the server is found to be over."""

    # --- settings -----------------------------------------------------------------------------------------------------------

    @property
    def language(self) -> str: ...
    @property
    def support_text(self) -> str: ...
    @property
    def template_paths(self) -> Sequence[str | Path]: ...
    @property
    def sbatch_options(self) -> Sequence[str]: ...
    @property
    def warn_minutes(self) -> Sequence[int]: ...
    @property
    def history_length(self) -> int: ...
    @property
    def history_days(self) -> int: ...
    @property
    def start_timeout(self) -> int: ...
    @property
    def port_range(self) -> str: ...
    @property
    def idle_gpu_minutes(self) -> float: ...
    @property
    def idle_gpu_stop_minutes(self) -> float: ...

    # --- ours ---------------------------------------------------------------------------------------------------------------

    session: Session | None
    last_end: End | None
    stop_reason: str
    pre_spawn_hook: Any
    accepted_options: dict[str, Any]

    @property
    def log_name(self) -> str:
        """User and server, as the Hub's log names them."""

    @property
    def cluster(self) -> SlurmCluster:
        """The Hub's one SlurmCluster."""

    async def choices(
        self, *, options: Mapping[str, Any] | None = None, beside: Iterable[Mapping[str, Any]] = (), patience: float | None = None
    ) -> Choices:
        """Return what the user may choose now, for a request, and for others that are judged beside it."""

    async def terms(self) -> PricingSettings:
        """Return what advice about a request depends on."""

    async def announcements(self, choices: Choices | None = None) -> tuple[Announcement, ...]:
        """Return what the user is to be told now."""

    def recent(self) -> tuple[Recent, ...]:
        """Return the last requests of the user."""

    async def prepare(self, request: SessionRequest, tagged: TagOfScript, home: str) -> PreparedJob:
        """Return what is handed to sbatch for a request."""

    def adopt(self, record: Record) -> None:
        """Let the next start take up a job that there is."""

    def owns_token(self, token: str) -> bool:
        """Tell whether it is the token of this session's job."""

    async def server_listens(self, port: int, token: str) -> bool:
        """Take the launcher's report in."""


class FormSpawner(HubSpawner, Protocol):
    """What pages use of a spawner of ours besides."""

    def told_form_file(self) -> ToldFile[FormRules] | None:
        """Return the admin's file of fields and presets; None where there is none."""

    @property
    def message_kinds(self) -> Sequence[str]: ...
    @property
    def message_end_minutes(self) -> float: ...
    @property
    def message_hourly(self) -> int: ...
    @property
    def message_command(self) -> Sequence[str]: ...
    @property
    def message_webhook(self) -> str: ...
    @property
    def message_mail_server(self) -> str: ...
    @property
    def message_mail_from(self) -> str: ...
    @property
    def message_mail_to(self) -> str: ...
    @property
    def login_host(self) -> str: ...
    @property
    def start_folders(self) -> Mapping[str, Any]: ...

    def current_catalogue(self) -> Catalogue:
        """Return the releases as the admin lists them now, with what administrators have marked."""

    async def open_to_user(self, *, patience: float | None = None) -> tuple[frozenset[str], frozenset[str]]:
        """Return the names of the partitions and reservations in which the user can start a session now."""

    def again_url(self, url: str) -> str:
        """Return the form at an address, with what makes sense to change after the last end."""

    def refusal(self, error: ResourceFormError) -> Exception:
        """Return an error for the Hub, and keep what was typed."""


class StartingSpawner(HubSpawner, Protocol):
    """What a start, and taking a session up after a restart of the Hub, use of their spawner besides."""

    api_token: str
    ip: str
    port: int
    server: Any
    internal_ssl: bool
    cmd: Sequence[str]
    _check_pending: bool
    kept_options: dict[str, Any] | None
    member: Member | None
    is_stopped: asyncio.Event

    @property
    def job_umask(self) -> str: ...
    @property
    def start_folders(self) -> Mapping[str, Any]: ...
    @property
    def home_links(self) -> Mapping[str, str]: ...
    @property
    def lab_extension(self) -> bool: ...

    def get_args(self) -> list[str]:
        """Return the server's arguments."""

    def get_env(self) -> dict[str, str]:
        """Return the server's environment."""

    def current_catalogue(self) -> Catalogue:
        """Return the releases as the admin lists them now."""

    def remember_request(self, request: SessionRequest) -> None:
        """Note what was asked for last, of which Slurm has taken the job."""

    def get_state(self) -> dict[str, Any]:
        """Return what is kept of the server between runs of the Hub."""
