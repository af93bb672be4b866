"""The HTML of the form and of the availability beside it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from ..._data import folder
from ...advice.alternatives import Alternative
from ...advice.assessment import warnings
from ...advice.price import price_in_words, total_in_words, units
from ...advice.service import Advice
from ...availability.strip import strip
from ...availability.table import Excerpt
from ...cache import Snapshot
from ...gpu.describe import device_memory
from ...gpu.device_matching import NO_REPORTS, Reported
from ...humanize import day_and_time, gpu_type_in_words, iso_time, limit_of_memory, moment_texts, share_of_gpu
from ...i18n import _, in_use
from ...request.choices import Choices
from ...request.release_words import change_in_words, releases_on_page
from ...request.variables import HIDDEN_NAMES, HIDDEN_VALUES
from ...site.release import Release, day_of
from ..locale import speak
from ..static import script, stylesheet


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
    speak(environment)
    environment.filters.update(memory=limit_of_memory, iso_time=iso_time, units=units)
    environment.globals.update(share_of_gpu=share_of_gpu, strip=strip, moment_texts=functools.partial(moment_texts, _))
    environment.globals["secret_patterns"] = {"name": HIDDEN_NAMES, "value": HIDDEN_VALUES}
    environment.filters.update(change_in_words=change_in_words)
    environment.filters.update(device_memory=device_memory, gpu_type=gpu_type_in_words)
    return environment


def render(name: str, template_paths: Sequence[str | Path] = (), **values: Any) -> str:
    """Render one of our templates as HTML. The admin's folders are looked through first; ours is ``ours/NAME`` from there."""
    return _environment(tuple(str(path) for path in template_paths)).get_template(name).render(**values)


MAX_DEVICES = 200
"""More GPUs than these are put into the page only once somebody opens the list of nodes: each is a line of it."""


def render_availability(
    snapshot: Snapshot[Excerpt] | None,
    *,
    reported: Reported = NO_REPORTS,
    all_devices: bool = False,
    template_paths: Sequence[str | Path] = (),
    sentence: str = "",
    now: float | None = None,
) -> str:
    """The GPU table and the nodes, with what their devices have ``reported``. Without a snapshot: the sentence why there is none.

    Of more than :data:`MAX_DEVICES` nothing is shown without ``all_devices``; the page's script asks for it. ``now``, in seconds since the
    epoch, says whether the snapshot is of another day; without it, it is today's.
    """
    left_out = not all_devices and reported.devices > MAX_DEVICES
    return render(
        "resource_form/availability.html",
        template_paths,
        snapshot=snapshot,
        as_of=str(day_and_time(snapshot.as_of, snapshot.as_of if now is None else now, seconds=True)) if snapshot is not None else "",
        reported=NO_REPORTS if left_out else reported,
        devices_left_out=left_out,
        sentence=sentence,
    )


def render_decision(
    advice: Advice,
    *,
    alternatives: Sequence[tuple[Alternative, Mapping[str, str]]],
    labels: Mapping[str, str],
    now: float,
    template_paths: Sequence[str | Path] = (),
) -> str:
    """What becomes of the request: the verdict, until when, its price, what would start now instead.

    ``alternatives`` have the values that their buttons fill in; ``labels`` name the fields on the page, so that what is wrong with one of
    them is said there.
    """
    assessment = advice.assessment
    return render(
        "resource_form/decision.html",
        template_paths,
        verdict=assessment.verdict,
        wrong={key: label for key, label in labels.items() if key in assessment.errors},
        errors=assessment.errors,
        price=price_in_words(assessment.cost),
        unit=advice.unit,
        budgets=advice.budgets,
        warnings=[*warnings(assessment), *([advice.over.sentence] if advice.over.sentence and not advice.over.refuse else [])],
        charged=advice.charged,
        alternatives=[(entry.words, total_in_words(entry.cost), values) for entry, values in alternatives],
        ends=now + assessment.request.walltime * 60,
    )


def render_release(release: Release | None, choices: Choices, *, hub_url: str, template_paths: Sequence[str | Path] = ()) -> str:
    """What is in the chosen release; nothing where none is chosen."""
    if release is None:
        return ""
    today = day_of(choices.now)
    all_of_them = releases_on_page(choices.catalogue, choices.releases, today)
    shown = next(entry for entry in all_of_them if entry.release is release)
    values = {"shown": shown, "state": shown.state_in_words(today), "several": len(all_of_them) > 1, "hub_url": hub_url}
    return render("resource_form/release.html", template_paths, **values)


EMPTY_FORM: Mapping[str, Any] = {
    "fields": (),
    "folded": (),
    "folded_line": "",
    "folded_open": False,
    "look": (),
    "storage": None,
    "storage_use": "",
    "look_name": "",
    "server_name": "",
    "variables": None,
    "variables_came": False,
    "shared_memory": None,
    "problem": "",
    "notes": (),
    "notices": (),
    "presets": (),
    "chosen_preset": "",
    "teaches": False,
    "own_line": "",
    "recent": (),
    "release": "",
    "decision": "",
    "holding": "",
    "availability": "",
    "has_page": False,
    "hub_url": "/hub/",
    "user_name": "",
    "support_text": "",
    "estimates": False,
    "messages_url": "",
}
"""The variables of the form's template, as they are where there is nothing to show."""


def render_form(values: Mapping[str, Any], *, template_paths: Sequence[str | Path] = ()) -> str:
    """Render the whole form; ``values`` are those of the template's variables (:data:`EMPTY_FORM`) that have one."""
    values = {**EMPTY_FORM, **values}
    return render("resource_form/form.html", template_paths, stylesheet=stylesheet, script=script, language=in_use(), **values)
