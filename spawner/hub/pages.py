"""The HTML of the form and of the availability beside it."""

from __future__ import annotations

import datetime
import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from ..availability import Availability
from ..resources import folder
from ..snapshot import Snapshot
from ..words import clock_time, limit_of_memory

STATIC = folder("share") / "resource_form" / "static"


@functools.cache
def static_version(name: str) -> str:
    """A short hash of a static file's content: its address changes when it does."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def iso_time(moment: float) -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.datetime.fromtimestamp(int(moment), tz=datetime.timezone.utc).isoformat().replace("+00:00", "Z")


@functools.lru_cache(maxsize=8)
def _environment(template_paths: tuple[str, ...]) -> jinja2.Environment:
    ours = jinja2.FileSystemLoader(str(folder("templates")))
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [*(jinja2.FileSystemLoader(path) for path in template_paths), ours, jinja2.PrefixLoader({"ours": ours})]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(memory=limit_of_memory, clock_time=clock_time, iso_time=iso_time)
    return environment


def render(name: str, template_paths: Sequence[str | Path] = (), **values: Any) -> str:
    """One of our templates as HTML; the admin's folders are looked through first, ours is ``ours/NAME`` from there."""
    return _environment(tuple(str(path) for path in template_paths)).get_template(name).render(**values)


def render_availability(snapshot: Snapshot[Availability] | None, *, template_paths: Sequence[str | Path] = (), sentence: str = "") -> str:
    """The GPU table and the nodes. Without a snapshot: the sentence why there is none."""
    return render("resource_form/availability.html", template_paths, snapshot=snapshot, sentence=sentence)


def render_form(values: Mapping[str, Any], *, template_paths: Sequence[str | Path] = ()) -> str:
    """The whole form; ``values`` are the template's variables."""
    return render("resource_form/form.html", template_paths, static_version=static_version, **values)
