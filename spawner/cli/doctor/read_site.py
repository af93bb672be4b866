"""Reads what the admin has written besides the configuration, and looks whether what the package brings is in front."""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import jinja2

from ..._data import folder
from ...cluster.cluster import SlurmCluster
from ...errors import CatalogueError, ResourceFormError
from ...hub.class_settings import ClassSettings
from ...hub.common import page_templates
from ...hub.pages import loader_of
from ...hub.site_pages import names_taken_twice, what_is_taken_away
from ...i18n import ENGLISH, languages
from ...job.sbatch import job_script, launcher_source
from ...request.form_file import read_form_file
from ...site.catalogue import PLAIN_CATALOGUE, Catalogue, parse_catalogue, read_catalogue
from ...site.notice_board import TIMEOUT_SECONDS
from ...site.notices import parse_notices, read_notices
from ...slurm.runner import last_line
from .facts import SiteFacts
from .read_config import Configured

COMMANDS = ("budget_command", "storage_command", "notices_command", "message_command")
ASSETS = ("launcher.py", "session_setup.py", "session_log.py", "submit.py", "sudoers", "request_fields.json", "static")
PAGES = ("home.html", "page.html", "spawn.html", "spawn_pending.html")


def catalogue_of(settings: ClassSettings) -> Catalogue:
    """Return the releases as the admin lists them now.

    Raises
    ------
    CatalogueError
        The list is broken.
    """
    if settings.catalogue_file:
        return read_catalogue(settings.catalogue_file)
    return parse_catalogue(settings.catalogue or PLAIN_CATALOGUE, source="ResourceFormSpawner.catalogue")


async def read_site(configured: Configured) -> SiteFacts:
    """Read all of it; files off the loop, for they may lie on a disk that hangs."""
    facts = await asyncio.to_thread(_read_files, configured)
    return replace(facts, notices=await _notices(configured.settings, configured.cluster))


def _read_files(configured: Configured) -> SiteFacts:
    settings, hub = configured.settings, configured.hub
    catalogue, broken = None, ""
    try:
        catalogue = catalogue_of(settings)
    except CatalogueError as error:
        broken = error.log
    today = datetime.datetime.now().astimezone().date()
    releases = catalogue.releases if catalogue is not None else ()
    return SiteFacts(
        pages=_pages([str(path) for path in hub.template_paths], Path(hub.data_files_path) / "templates", hub.template_vars),
        folders=tuple(_folders(configured)),
        job_script=_job_script(settings, catalogue),
        assets=_assets(),
        catalogue=broken,
        has_catalogue=bool(settings.catalogue_file or settings.catalogue),
        releases=None if catalogue is None else (len(releases), sum(entry.standing(today) == "tested" for entry in releases)),
        form_file=_form_file(settings.form_file) if settings.form_file else "",
        commands=tuple(_commands(settings)),
    )


def _pages(template_paths: list[str], stock: Path, names: Iterable[str]) -> tuple[tuple[bool, str], ...]:
    own = jinja2.FileSystemLoader(str(stock))
    before = jinja2.ChoiceLoader([jinja2.PrefixLoader({"templates": own}), jinja2.FileSystemLoader(template_paths), own])
    # Templates are parsed here, never rendered.
    environment = jinja2.Environment(loader=loader_of(template_paths, str(stock.parent), before=before), autoescape=True)
    found = (*what_is_taken_away(environment), *names_taken_twice(environment, names, stock))
    return tuple((level >= logging.ERROR, sentence) for level, sentence in found)


def _folders(configured: Configured) -> Iterator[tuple[str, str]]:
    """Each folder that a setting names and that is none, with the setting."""
    named = [("c.JupyterHub.template_paths", str(path)) for path in configured.hub.template_paths]
    named += [("c.ResourceFormSpawner.template_paths", str(path)) for path in configured.settings.template_paths]
    named += [("c.SlurmCluster.bin_dir", configured.cluster.bin_dir)] if configured.cluster.bin_dir else []
    for setting, path in named:
        if not Path(path).is_dir() or not os.access(path, os.R_OK | os.X_OK):
            yield setting, path


def _job_script(settings: ClassSettings, catalogue: Catalogue | None) -> str:
    """What is wrong with the job's script of any release, a site's own template among it."""
    for release in (catalogue or parse_catalogue(PLAIN_CATALOGUE)).releases:
        try:
            job_script(release, template_folders=settings.template_paths, lab_extension=settings.lab_extension)
        except (jinja2.TemplateError, OSError, ValueError) as error:
            where = getattr(error, "filename", None) or getattr(error, "name", None) or "resource_form/job_script.sh"
            return f"{where}: {error}"
    return ""


def _assets() -> str:
    """What the installation lacks."""
    try:
        places = [folder("share") / "resource_form" / name for name in ASSETS] + [Path(page_templates()) / name for name in PAGES]
        missing = [str(path) for path in places if not path.exists()]
        launcher_source()
    except (OSError, ValueError) as error:
        return str(error)
    if not missing and languages() == (ENGLISH,):
        missing.append(str(folder("share") / "locale"))
    return ", ".join(missing)


async def _notices(settings: ClassSettings, cluster: SlurmCluster) -> str:
    """What is wrong with the notices, of the file and of the command."""
    wrong = await asyncio.to_thread(_notices_file, settings.notices_file) if settings.notices_file else ""
    if wrong:
        return wrong
    if not settings.notices_command:
        return ""
    try:
        said = await cluster.runner.run(settings.notices_command, timeout=TIMEOUT_SECONDS)
        if not said.ok:
            return f"notices_command exited with {said.returncode}: {last_line(said.stderr)}"
        parse_notices(said.stdout, source="the answer of notices_command")
    except ResourceFormError as error:
        return error.log
    return ""


def _notices_file(path: str) -> str:
    # One that was taken away says nothing any more.
    if not Path(path).exists():
        return ""
    try:
        read_notices(path)
    except ResourceFormError as error:
        return error.log
    return ""


def _form_file(path: str) -> str:
    try:
        read_form_file(Path(path))
    except ResourceFormError as error:
        return error.log
    return ""


def _commands(settings: ClassSettings) -> Iterator[tuple[str, str]]:
    for name in COMMANDS:
        command = getattr(settings, name)
        if command and not Path(command[0]).is_file():
            yield f"c.ResourceFormSpawner.{name}", f"{command[0]}: there is no such file"
        elif command and not os.access(command[0], os.X_OK):
            yield f"c.ResourceFormSpawner.{name}", f"{command[0]}: it cannot be run"
