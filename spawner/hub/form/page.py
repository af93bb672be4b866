"""The page that the form stands on, put together: what is filled in, what is said of it, what is free."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ...accounting.qos import forced_qos
from ...advice.service import PATIENCE_SECONDS, Advice, advise
from ...errors import CatalogueError, NoAccount, ResourceFormError, SlurmRefused, SlurmUnavailable
from ...humanize import clock_time, day_and_time
from ...i18n import _
from ...request.choices import Choices
from ...request.form_fields import appearance_fields, form_fields, shown_value
from ...request.model import APPEARANCE_FIELDS, FORM_FIELDS, SessionRequest
from ...request.restore import restore_valid
from ...request.suggestions import PresetOffer, RecentOffer, offered_presets, offers_of
from ...request.validation import judge_request, require_account
from ...worker import run_in_worker
from ..common import page_templates
from ..protocol import HubSpawner
from ..sessions.options import display_name
from .flash import Rejection, take
from .render import render, render_availability, render_decision, render_form

KEPT_UNDER_A_LINK = ("account", "release", "interface")
"""Values of the last session that stay where a link says nothing of them; the numbers of the last session may not go with the link's."""


async def form_page(spawner: HubSpawner) -> str:
    """Return the form as HTML for the spawner's user.

    It is filled with what was just refused, else with what a link says, else with the last values that still hold."""
    values: dict[str, Any] = {
        "has_page": page_templates() in spawner.user.settings.get("template_path", []),
        "hub_url": spawner.hub.base_url,
        "user_name": spawner.user.name,
        "support_text": spawner.support_text,
        "estimates": spawner.cluster.estimates,
    }
    try:
        choices = await spawner.choices(patience=PATIENCE_SECONDS)
        require_account(choices)
    except (NoAccount, CatalogueError, SlurmRefused, SlurmUnavailable) as error:
        spawner.log.warning("The form for %s cannot be filled: %s", spawner.user.name, error.log)
        values["problem"] = error.sentence
    except ResourceFormError as error:
        spawner.log.error("The form for %s cannot be filled: %s", spawner.user.name, error.log)  # noqa: TRY400 - one line is enough
        values["problem"] = error.sentence
    else:
        values |= await _filled(spawner, choices)
    if "notices" not in values:
        values["notices"] = await spawner.announcements()
    values["availability"] = await _availability(spawner, values.get("partition", ""))
    return await run_in_worker(lambda: render_form(values, template_paths=spawner.template_paths))


async def _filled(spawner: HubSpawner, choices: Choices) -> dict[str, Any]:
    options = spawner.orm_spawner.user_options or {}
    remembered, dropped = await run_in_worker(lambda: restore_valid(options, choices))
    shown, errors, notes = remembered, dict[str, str](), list[str]()
    came = take(spawner)
    if came is not None and came.errors:
        shown, errors = {**remembered, **came.values}, dict(came.errors)
    elif came is not None:
        shown, notes = _from_link(came, remembered, choices)
    else:
        notes = _notes_of_last_session(spawner)
        notes += [_("{field}: your last choice cannot be had any more. The default stands here.").format(field=label) for label in dropped]
    if choices.entitlement.accounts_stale and choices.accounts is not None:
        moment = day_and_time(choices.entitlement.accounts_as_of, choices.now)
        notes.append(_("Slurm's accounting does not answer: accounts and their limits are those of {moment}.").format(moment=moment))
    asked = {key: shown[key] for key in (*FORM_FIELDS, "preset") if key in shown}
    advice = await advise(spawner.cluster, choices, asked, await spawner.terms())
    notices, recent = await spawner.announcements(choices), spawner.recent()
    # For a user of hundreds of partitions all this takes a while.
    return await run_in_worker(
        lambda: {
            "fields": form_fields(choices, shown, errors),
            "look": appearance_fields(choices, shown, errors),
            "look_name": display_name(spawner.orm_spawner),
            "notes": notes,
            "notices": notices,
            "presets": [_preset(offer, choices, advice.assessment.request.preset) for offer in offered_presets(choices)],
            "partition": advice.assessment.request.partition,
            "chosen_preset": advice.assessment.request.preset,
            "recent": [_recent(offer, choices) for offer in offers_of(recent, choices)],
            "decision": decision(advice, choices, spawner),
            "holding": usage_panel(advice, spawner),
        }
    )


def _preset(offer: PresetOffer, choices: Choices, chosen: str) -> dict[str, Any]:
    preset = offer.preset
    return {
        "name": preset.name,
        "label": preset.title,
        "description": preset.description,
        "why_not": offer.why_not,
        "chosen": preset.name == chosen,
        "href": "?" + urlencode({"opt-preset": preset.name}),
        "values": _shown(offer.request, choices) if offer.request is not None else {},
    }


def _recent(offer: RecentOffer, choices: Choices) -> dict[str, Any]:
    return {
        "label": offer.label,
        "why_not": offer.why_not,
        "href": "?" + urlencode({f"opt-{name}": value for name, value in offer.options.items() if name in FORM_FIELDS}),
        "values": _shown(judge_request(offer.options, choices)[0], choices) if not offer.why_not else {},
    }


def _shown(request: SessionRequest, choices: Choices) -> dict[str, str]:
    return {name: shown_value(request, name, choices) for name in FORM_FIELDS}


def decision(advice: Advice, choices: Choices, spawner: HubSpawner) -> str:
    """Return the piece of the page that says what becomes of the request."""
    return render_decision(
        advice,
        alternatives=[
            (entry.sentence, {name: shown_value(entry.request, name, choices) for name in entry.change})
            for entry in advice.assessment.alternatives
        ],
        now=time.time(),
        template_paths=spawner.template_paths,
    )


def usage_panel(advice: Advice, spawner: HubSpawner) -> str:
    """Return the piece of the page that says what the user has already."""
    return render("resource_form/holding.html", spawner.template_paths, holdings=advice.holdings, request=advice.assessment.request)


def _from_link(came: Rejection, remembered: Mapping[str, Any], choices: Choices) -> tuple[dict[str, Any], list[str]]:
    """What a link fills in, and a sentence for each of its values that this user cannot have."""
    preset = choices.preset(str(came.values.get("preset", "")))
    own = preset.values if preset is not None else {}
    kept = {key: remembered[key] for key in KEPT_UNDER_A_LINK if key in remembered and key not in own}
    request, errors = judge_request({**kept, **came.values}, choices)
    if any(key in errors for key in kept if key not in came.values):
        request, errors = judge_request(came.values, choices)
    shown = {**_shown(request, choices), **{name: getattr(request, name) for name in ("preset", *APPEARANCE_FIELDS)}}
    return {**shown, **{key: value for key, value in came.values.items() if key in errors}}, [
        _("From the link: {problem}").format(problem=sentence) for sentence in errors.values()
    ]


def _notes_of_last_session(spawner: HubSpawner) -> list[str]:
    end = spawner.last_end
    if end is None or end.category == "stopped":
        return []
    return [_("Your last session ended at {time}. {sentence}").format(time=clock_time(end.at), sentence=_(end.sentence))]


async def _availability(spawner: HubSpawner, partition: str) -> str:
    try:
        snapshot = await spawner.cluster.availability_shown(
            spawner.user.name, partition=partition, job_qos=forced_qos(spawner.sbatch_options), patience=PATIENCE_SECONDS
        )
    except ResourceFormError as error:
        return render_availability(None, sentence=error.sentence, template_paths=spawner.template_paths)
    reported = spawner.cluster.reported(entry.node.name for entry in snapshot.value.nodes)
    return await run_in_worker(lambda: render_availability(snapshot, reported=reported, template_paths=spawner.template_paths))
