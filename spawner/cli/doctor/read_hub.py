"""Reads what is around the Hub's own process: its address, its database, its proxy's program, and who else uses its name."""

from __future__ import annotations

import asyncio
import binascii
import os
import pwd
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jupyterhub
import sqlalchemy as sa
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from jupyterhub.proxy import ConfigurableHTTPProxy
from sqlalchemy.exc import SQLAlchemyError

from ...cluster.cluster import SlurmCluster
from ...cluster.hub_user import HubUser
from ...errors import ResourceFormError
from ...i18n import _
from ...job.sbatch import Tag, is_signed, signing_key
from ...slurm.states import ENDED
from .addresses import place_of, version_at
from .facts import HubFacts
from .read_config import Configured, quiet_log

CONNECT_SECONDS = 10
IN_MEMORY = ("sqlite://", "sqlite:///:memory:")


async def read_hub(configured: Configured, *, has_slurm: bool) -> HubFacts:
    """Read all of it."""
    hub, cluster, folder = configured.hub, configured.cluster, configured.folder
    hub.init_hub()
    known = await read_addresses(configured)
    broken, is_new = await asyncio.to_thread(_database, hub.db_url, dict(hub.db_kwargs), folder)
    strangers: tuple[tuple[int, str], ...] | None = None
    why = _("Slurm does not answer.")
    if has_slurm:
        strangers, why = await _strangers(cluster, hub, folder)
    return replace(
        known,
        owner=_owner(hub, folder),
        answers=await version_at(known.api_url),
        database=broken,
        database_is_new=is_new,
        proxy=_proxy(configured),
        hub_name=cluster.hub_name,
        strangers=strangers,
        why_strangers_unknown=why,
    )


async def read_addresses(configured: Configured) -> HubFacts:
    """Read where the Hub listens, and where sessions call it; nothing else. JupyterHub must have worked that out (``init_hub``)."""
    hub, api_url = configured.hub, _api_url(configured)
    return HubFacts(
        api_url=api_url,
        place=await place_of(urlsplit(api_url).hostname or ""),
        listens=await place_of(urlsplit(hub.hub.bind_url).hostname or ""),
        runs_as=HubUser().name,
    )


def _api_url(configured: Configured) -> str:
    """Where sessions call the Hub, as JupyterHub works it out; a spawner's own setting wins."""
    hub = configured.hub
    own = ""
    for section in configured.settings.sections:
        own = str((configured.config.get(section) or {}).get("hub_connect_url") or own)
    return f"{own.rstrip('/')}/api" if own else str(hub.hub.api_url).rstrip("/")


def _found(name: str, folder: Path) -> Path:
    """A file of the Hub's, by the folder that it is started in: that is not known, so it is ours, or its configuration's."""
    path = Path(name).expanduser()
    return path if path.is_absolute() or path.exists() else folder / path


def _sqlite_file(url: str, folder: Path) -> Path | None:
    if not url.startswith("sqlite:///") or url in IN_MEMORY:
        return None
    return _found(url.removeprefix("sqlite:///").partition("?")[0], folder)


def _database(url: str, arguments: dict[str, Any], folder: Path) -> tuple[str, bool]:
    """What is wrong with the database, and whether there is none yet. It is opened for reading only."""
    if url in IN_MEMORY:
        return "", False
    path = _sqlite_file(url, folder)
    if path is not None:
        if not path.exists():
            above = path.parent
            return ("", True) if os.access(above, os.W_OK | os.X_OK) else (f"{above}: the Hub cannot write there", True)
        if not os.access(path, os.R_OK | os.W_OK):
            return f"{path}: {pwd.getpwuid(os.geteuid()).pw_name} cannot read and write it", False
        url, arguments = f"sqlite:///file:{path.absolute()}?mode=ro&uri=true", {}
    elif "connect_args" not in arguments:
        arguments = {**arguments, "connect_args": {"connect_timeout": CONNECT_SECONDS}}
    try:
        engine = sa.create_engine(url, **arguments)
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("users"):
                return "", True
            has_version = sa.inspect(connection).has_table("alembic_version")
            version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() if has_version else None
        engine.dispose()
    except (SQLAlchemyError, ImportError, OSError, TypeError) as error:
        return " ".join(str(getattr(error, "orig", None) or error).split())[:300], False
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(jupyterhub.__file__).parent / "alembic"))
    head = ScriptDirectory.from_config(settings).get_current_head()
    return ("" if version == head else f"jupyterhub upgrade-db: {version} -> {head}"), False


def _owner(hub: Any, folder: Path) -> str:
    """Whose the Hub's files are, if they are somebody else's than the user's who asks."""
    for path in (_sqlite_file(hub.db_url, folder), _found(hub.cookie_secret_file, folder)):
        if path is not None and path.exists() and path.stat().st_uid != os.geteuid():
            try:
                return pwd.getpwuid(path.stat().st_uid).pw_name
            except KeyError:
                return str(path.stat().st_uid)
    return ""


def _proxy(configured: Configured) -> str:
    """The program of the proxy, where the Hub starts it and it is not there."""
    hub = configured.hub
    if not issubclass(hub.proxy_class, ConfigurableHTTPProxy):
        return ""
    # Where the proxy is a service, its secret is in the environment of the Hub's unit, and not in ours: JupyterHub would refuse to go on.
    proxy = hub.proxy_class(config=configured.config, log=quiet_log(), auth_token="none")  # noqa: S106 # nosec B106 - no secret
    if not proxy.should_start or not proxy.command:
        return ""
    program = str(proxy.command[0])
    beside = Path(sys.executable).parent / program
    return "" if shutil.which(program) or os.access(beside, os.X_OK) else program


async def _strangers(cluster: SlurmCluster, hub: Any, folder: Path) -> tuple[tuple[tuple[int, str], ...] | None, str]:
    """The jobs, with their users, that carry this Hub's name and not its signature; None, and why, where nobody can tell."""
    try:
        if not await cluster.sees_all_jobs():
            return None, _("Slurm hides others’ jobs from this user (private-data).")
        jobs = await cluster.tagged_jobs()
    except ResourceFormError as error:
        return None, error.log
    tagged = [(job, tag) for job in jobs if job.state not in ENDED and (tag := Tag.parse(job.comment)) is not None]
    own = [(job, tag) for job, tag in tagged if tag.hub == cluster.hub_name]
    try:
        secret = _secret(hub, folder)
    except (OSError, ValueError) as error:
        return None, str(error)
    # A Hub that has no secret yet has submitted nothing.
    key = signing_key(secret) if secret else None
    return tuple((job.job_id, job.user) for job, tag in own if key is None or not is_signed(tag, key)), ""


def _secret(hub: Any, folder: Path) -> bytes:
    """The secret of the Hub's cookies, which signs its jobs (JupyterHub.init_secrets); empty where it has none yet."""
    if hub.cookie_secret:
        return bytes(hub.cookie_secret)
    text = os.environ.get("JPY_COOKIE_SECRET", "")
    path = _found(hub.cookie_secret_file, folder)
    if not text and path.exists():
        text = path.read_text().strip()
    return binascii.a2b_hex(text)
