"""Reads ``jupyterhub_config.py`` as the Hub does, and what its settings say to whom. No Hub is started."""

from __future__ import annotations

import contextlib
import difflib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from ...cluster.cluster import SlurmCluster
from ...cluster.settings import OLD_SECTION
from ...hub.class_settings import BASE_SECTIONS, ClassSettings, settings_of
from ...hub.settings.bounds import ResourceFormBounds
from ...hub.settings.other_spawners import settings_of_other_spawners
from ...hub.settings.replaced import REPLACED, settings_without_effect
from ...hub.settings.spawner import SpawnerSettings
from .facts import ConfigFacts

NOT_OURS = frozenset({"Configurable", "LoggingConfigurable", "SingletonConfigurable", "Application"})
"""Sections that every class of traitlets reads: what stands there is not for one class."""

NEARLY = 0.8
"""So alike are two names one of which is a slip of the other (difflib's ratio)."""

OURS = "resource-form"


@dataclass(frozen=True, slots=True)
class Configured:
    """What a configuration makes: the Hub that is not started, the settings of its class of spawners, its cluster."""

    path: Path
    config: Config
    hub: JupyterHub
    settings: ClassSettings
    cluster: SlurmCluster

    @property
    def folder(self) -> Path:
        """Where the configuration lies."""
        return self.path.absolute().parent


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is known of a configuration, and what it makes; None where a part of that cannot be made."""

    facts: ConfigFacts
    configured: Configured | None = None


def quiet_log() -> logging.Logger:
    """Return a log that nobody reads: what matters is said by the checks."""
    log = logging.getLogger("resource-form.doctor")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return log


def load(path: Path) -> Loaded:
    """Read the configuration's file and make what it configures."""
    facts = ConfigFacts(str(path))
    try:
        # Whatever it prints would stand in the JSON.
        with contextlib.redirect_stdout(sys.stderr):
            config = PyFileConfigLoader(path.name, path=str(path.absolute().parent)).load_config()
    except ConfigFileNotFound:
        return Loaded(replace(facts, error="there is no such file"))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is a program, and may fail in any way
        return Loaded(replace(facts, error=_where(error, path)))
    wrong: list[str] = []
    log = quiet_log()
    hub = _made(lambda: JupyterHub(config=_only(config, "JupyterHub"), log=log), wrong)
    if hub is not None:
        hub.config = config
    spawner_class = None if hub is None else _made(lambda: hub.spawner_class, wrong)
    is_ours = isinstance(spawner_class, type) and issubclass(spawner_class, SpawnerSettings)
    settings = _made(lambda: settings_of(spawner_class, config), wrong)
    bounds = _made(lambda: ResourceFormBounds(config=config, log=log).bounds(), wrong)
    cluster = None if bounds is None else _made(lambda: SlurmCluster(config=config, log=log, bounds=bounds), wrong)
    sections = settings.sections if settings is not None else BASE_SECTIONS
    facts = replace(
        facts,
        wrong=tuple(wrong),
        unknown=tuple(_unknown(config, spawner_class, sections if is_ours else ())),
        without_effect=tuple(_without_effect(config, sections, is_ours=is_ours)),
        renamed=tuple(f"c.{OLD_SECTION}.{name}" for name in sorted(config.get(OLD_SECTION) or ())),
        spawner_class=getattr(spawner_class, "__name__", str(spawner_class)),
        is_ours=is_ours,
        cleanup_servers=bool(hub is not None and hub.cleanup_servers),
        concurrent_spawn_limit=hub.concurrent_spawn_limit if hub is not None else 0,
    )
    if hub is None or settings is None or cluster is None or wrong:
        return Loaded(facts)
    return Loaded(facts, Configured(path, config, hub, settings, cluster))


def _made(make: Callable[[], Any], wrong: list[str]) -> Any:
    """What ``make`` makes; None, with the reason among ``wrong``, where a setting's value cannot be."""
    try:
        return make()
    except (TraitError, ValueError, TypeError, ImportError) as error:
        sentence = " ".join(str(error).split())
        if sentence not in wrong:
            wrong.append(sentence)
        return None


def _only(config: Config, section: str) -> Config:
    """The configuration of one section. JupyterHub would make its authenticator's and warn of others."""
    return Config({section: config[section]}) if section in config else Config()


def _where(error: BaseException, path: Path) -> str:
    """Where in the file it failed, and how, in a line."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).name == path.name:
            line = frame.lineno
    words = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"line {line or '?'}: {type(error).__name__}: {words}"[:500]


def _names(config: Mapping[str, Any], section: str) -> list[str]:
    return sorted(config.get(section) or ())


def _unknown(config: Config, spawner_class: Any, sections: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Settings that nobody reads, of the Hub's own section and of ours, each with what may be meant."""
    known: dict[str, set[str]] = {
        "JupyterHub": set(JupyterHub.class_trait_names(config=True)),
        OLD_SECTION: set(SlurmCluster.class_trait_names(config=True)),
        "SlurmCluster": set(SlurmCluster.class_trait_names(config=True)),
        "ResourceFormBounds": set(ResourceFormBounds.class_trait_names(config=True)),
    }
    for section in sections:
        if section not in NOT_OURS:
            known[section] = set(spawner_class.class_trait_names(config=True)) | set(REPLACED)
    for section, names in known.items():
        for name in _names(config, section):
            if name not in names:
                yield f"c.{section}.{name}", _nearest(name, names, f"c.{section}.")
    own = ("JupyterHub", "SlurmCluster", "ResourceFormBounds", "ResourceFormSpawner")
    for section in sorted(config):
        if section[:1].isupper() and section not in known and section not in own:
            near = _nearest(section, own, "c.")
            if near:
                yield f"c.{section}", near


def _nearest(name: str, names: Any, prefix: str) -> str:
    found = difflib.get_close_matches(name, sorted(names), 1, NEARLY)
    return prefix + found[0] if found else ""


def _without_effect(config: Config, sections: tuple[str, ...], *, is_ours: bool) -> Iterator[tuple[str, str]]:
    if is_ours:
        yield from settings_without_effect(config, sections)
        yield from settings_of_other_spawners(config, sections)
        return
    for name in _names(config, "ResourceFormSpawner"):
        yield f"c.ResourceFormSpawner.{name}", f'c.JupyterHub.spawner_class = "{OURS}"'
