"""The page that the form stands on, put together: what is filled in, what is said of it, what is free."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set
from typing import Any
from urllib.parse import urlencode

from ...advice.service import PATIENCE_SECONDS, Advice, advise
from ...cache import countdown
from ...errors import CatalogueError, NoAccount, ResourceFormError, SlurmRefused, SlurmUnavailable
from ...humanize import dated, day_and_time
from ...i18n import _
from ...request.appearance import appearance_fields
from ...request.choices import Choices
from ...request.defaults import has_to_choose_account
from ...request.folder_field import start_folder_field
from ...request.form_fields import FormField, environment_field, form_fields, labels_on_page, shown_value
from ...request.model import APPEARANCE_FIELDS, FORM_FIELDS, SessionRequest
from ...request.restore import restore_valid
from ...request.shared_memory_field import shared_memory_field
from ...request.start_folder import use_of_areas
from ...request.suggestions import PresetOffer, RecentOffer, offered_presets, offers_of
from ...request.validation import judge_request, require_account
from ...worker import run_in_worker
from ..known import name_of
from ..logged_in import PRESS_AGAIN
from ..metrics.definitions import FORM_SECONDS
from ..pages import Pages
from ..protocol import FormSpawner, HubSpawner
from ..releases import broken_in_words
from ..sessions.options import given_name
from ..sessions.past import reaches_others
from ..sessions.tell import sends_messages
from ..state import HubState
from ..variables import from_link, shown_text, told_variables, with_known_variables
from .flash import Rejection, take, waiting
from .free import free_gpus
from .render import render, render_decision, render_form, render_release

BESIDE_THE_FIELDS = ("preset", "environment", "shared_memory", *APPEARANCE_FIELDS)
"""What is shown as the request has it, and not as a field of the form's own."""

KEPT_UNDER_A_LINK = ("account", "release", "interface", "environment")
"""Values of the last session that stay where a link says nothing of them; the numbers of the last session may not go with the link's."""


async def form_page(spawner: FormSpawner) -> str:
    """Return the form as HTML for the spawner's user.

    It is filled with what was just refused, else with what a link says, else with the last values that still hold."""
    with FORM_SECONDS.time():
        return await _form_page(spawner)


async def _form_page(spawner: FormSpawner) -> str:
    values: dict[str, Any] = {
        "has_page": HubState.of(spawner).part(Pages).form_is_ours,
        "hub_url": spawner.hub.base_url,
        "user_name": name_of(spawner.user),
        "server_name": spawner.name,
        "support_text": spawner.support_text,
        "estimates": spawner.cluster.estimates,
        "messages_url": _messages_url(spawner),
    }
    left = countdown(PATIENCE_SECONDS)
    came = waiting(spawner)
    asked = {**(spawner.orm_spawner.user_options or {}), **(came.values if came is not None else {})}
    try:
        choices = await spawner.choices(options=asked, beside=[entry.options for entry in spawner.recent()], patience=left())
        require_account(choices)
    except (NoAccount, CatalogueError, SlurmRefused, SlurmUnavailable) as error:
        spawner.log.warning("The form for %s cannot be filled: %s", name_of(spawner.user), error.log)
        values["problem"] = error.sentence
    except ResourceFormError as error:
        spawner.log.error("The form for %s cannot be filled: %s", name_of(spawner.user), error.log)  # noqa: TRY400 - one line is enough
        values["problem"] = error.sentence
    else:
        values |= await _filled(spawner, choices, left)
    if "notices" not in values:
        values["notices"] = await spawner.announcements()
    chosen = {name: values.get(name, "") for name in ("partition", "reservation")}
    values["availability"] = await free_gpus(spawner, **chosen, patience=left())
    return await run_in_worker(lambda: render_form(values, template_paths=spawner.template_paths))


async def _filled(spawner: FormSpawner, choices: Choices, left: Callable[[], float | None]) -> dict[str, Any]:
    options = spawner.orm_spawner.user_options or {}
    remembered, dropped = await run_in_worker(lambda: restore_valid(options, choices))
    shown, errors, notes = remembered, dict[str, str](), list[str]()
    came = take(spawner)
    if came is not None and came.is_link:
        shown, notes = _from_link(spawner, came, remembered, choices)
        notes += [_(PRESS_AGAIN)] if came.was_pressed else []
    elif came is not None and came.errors:
        shown, errors = {**remembered, **came.values}, dict(came.errors)
    elif came is not None:
        typed, errors = _filled_in(with_known_variables(spawner, came.values), came.values, choices)
        shown = {**remembered, **typed}
    else:
        notes = _notes_of_last_session(spawner)
        notes += [_("{field}: your last choice cannot be had any more. The default stands here.").format(field=label) for label in dropped]
    if choices.entitlement.accounts_stale and choices.accounts is not None:
        moment = day_and_time(choices.entitlement.accounts_as_of, choices.now)
        notes.append(dated(_("Slurm's accounting does not answer: accounts and their limits are those of {moment}."), moment=moment))
    if choices.entitlement.accounts_hidden:
        notes.append(_("Slurm does not tell this service which accounts you have: the session is charged to your default account."))
    notes += _notes_for_admins(spawner)
    variables = environment_field(choices, shown_text(shown.get("environment")), errors)
    if variables is None and (names := ", ".join(told_variables(options.get("environment")))):
        notes.append(
            _("Variables that were set in another way are left out where a session is started from here: {list}.").format(list=names)
        )
    asked = {key: shown[key] for key in (*FORM_FIELDS, "preset") if key in shown}
    if choices.only_presets:
        asked, notes = _preset_to_begin_with(str(shown.get("preset", "")), choices), _notes_of_last_session(spawner)
    advice = await advise(spawner.cluster, choices, asked, await spawner.terms(), patience=left())
    notices, recent = await spawner.announcements(choices), spawner.recent()
    # For a user of hundreds of partitions all this takes a while.
    return await run_in_worker(
        lambda: {
            **_fields(
                form_fields(choices, shown, {**advice.assessment.errors, **errors}),
                to_decide={"account"} if "account" not in options and has_to_choose_account(choices) else set(),
            ),
            "storage": start_folder_field(choices, shown, {**advice.assessment.errors, **errors}),
            "storage_use": storage_panel(choices, spawner),
            "look": appearance_fields(choices, shown, errors),
            "variables": variables,
            "variables_came": came is not None and came.is_link and bool(came.values.get("environment")),
            "shared_memory": shared_memory_field(advice.assessment.request, choices, shown, {**advice.assessment.errors, **errors}),
            "look_name": given_name(spawner.orm_spawner),
            "notes": notes,
            "notices": notices,
            "presets": [_preset(offer, choices, advice.assessment.request.preset) for offer in offered_presets(choices)],
            "partition": advice.assessment.request.partition,
            "reservation": advice.assessment.request.reservation,
            "own_line": advice.assessment.request.in_words,
            "teaches": _may_see_others(spawner),
            "chosen_preset": advice.assessment.request.preset,
            "recent": [] if choices.only_presets else [_recent(offer, choices) for offer in offers_of(recent, choices)],
            "release": release_panel(advice, choices, spawner),
            "decision": decision(advice, choices, spawner),
            "holding": usage_panel(advice, spawner),
        }
    )


def _fields(fields: tuple[FormField, ...], to_decide: Set[str]) -> dict[str, Any]:
    """The fields that stand on the page, and those behind one line, which is opened where something in it is wrong, or ``to_decide``."""
    folded = [field for field in fields if field.folded]
    return {
        "fields": [field for field in fields if not field.folded],
        "folded": folded,
        "folded_line": " · ".join(filter(None, (field.shown for field in folded))),
        "folded_open": any(field.error or field.key in to_decide for field in folded),
    }


def _messages_url(spawner: FormSpawner) -> str:
    """Where the user chooses what they are told of their sessions; empty for somebody else, and where nobody is told anything."""
    visitor = getattr(spawner.handler, "current_user", None)
    is_theirs = visitor is not None and name_of(visitor) == name_of(spawner.user)
    return f"{spawner.hub.base_url}resource-form/messages" if is_theirs and sends_messages(spawner) else ""


def _may_see_others(spawner: HubSpawner) -> bool:
    """Whether whoever looks at the page may see other people's sessions, as who teaches a class."""
    handler = spawner.handler
    visitor = getattr(handler, "current_user", None)
    return handler is not None and visitor is not None and reaches_others(handler.parsed_scopes.get("read:servers"), name_of(visitor))


def _preset_to_begin_with(name: str, choices: Choices) -> dict[str, str]:
    """The preset that the user had, else the first that can be had now, where there is nothing else to choose from."""
    names = [offer.preset.name for offer in offered_presets(choices) if not offer.why_not] or [choices.presets[0].name]
    return {"preset": name if name in names else names[0]}


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
            (entry, {name: shown_value(entry.request, name, choices) for name in entry.change}) for entry in advice.assessment.alternatives
        ],
        labels=labels_on_page(choices),
        now=time.time(),
        template_paths=spawner.template_paths,
    )


def release_panel(advice: Advice, choices: Choices, spawner: HubSpawner) -> str:
    """Return the piece of the page that says what is in the chosen release."""
    release = choices.release(advice.assessment.request.release)
    return render_release(release, choices, hub_url=spawner.hub.base_url, template_paths=spawner.template_paths)


def storage_panel(choices: Choices, spawner: HubSpawner) -> str:
    """Return the piece of the page that says what is used of the areas; nothing where that is not known."""
    return render("resource_form/storage.html", spawner.template_paths, areas=use_of_areas(choices))


def usage_panel(advice: Advice, spawner: HubSpawner) -> str:
    """Return the piece of the page that says what the user has already: nothing where that is nothing, and no limit bounds it."""
    says_something = any(entry.here.used or entry.overall.used or entry.source for entry in advice.holdings)
    holdings = advice.holdings if says_something else ()
    return render("resource_form/holding.html", spawner.template_paths, holdings=holdings, request=advice.assessment.request)


def _from_link(spawner: FormSpawner, came: Rejection, remembered: Mapping[str, Any], choices: Choices) -> tuple[dict[str, Any], list[str]]:
    """What a link fills in, and a sentence for each of its values that this user cannot have."""
    asked, notes = dict(came.values), list[str]()
    if "environment" in asked:
        asked["environment"], notes = from_link(spawner, str(asked["environment"]))
    asked = with_known_variables(spawner, asked)
    preset = choices.preset(str(asked.get("preset", "")))
    own = preset.values if preset is not None else {}
    kept = {key: remembered[key] for key in KEPT_UNDER_A_LINK if key in remembered and key not in own}
    shown, errors = _filled_in({**kept, **asked}, asked, choices)
    if any(key in errors for key in kept if key not in asked):
        shown, errors = _filled_in(asked, asked, choices)
    return shown, [*notes, *(_("What was asked for cannot be had. {problem}").format(problem=sentence) for sentence in errors.values())]


def _filled_in(values: Mapping[str, Any], asked: Mapping[str, Any], choices: Choices) -> tuple[dict[str, Any], dict[str, str]]:
    """The values as the form shows them, as they were ``asked`` for where they cannot be had, and a sentence for each of these."""
    request, errors = judge_request(values, choices)
    shown = {
        **_shown(request, choices),
        **{name: getattr(request, name) for name in ("preset", "environment", "shared_memory", *APPEARANCE_FIELDS)},
    }
    return {**shown, **{key: value for key, value in asked.items() if key in errors}}, dict(errors)


def _notes_for_admins(spawner: FormSpawner) -> list[str]:
    """What is wrong with the admin's files, for an administrator who looks at the form: others go on with the last good ones."""
    if not getattr(getattr(spawner.handler, "current_user", None), "admin", False):
        return []
    notes = []
    if broken := broken_in_words(HubState.of(spawner)):
        notes.append(_("The file of the releases is broken; the last good one counts. {problem}").format(problem=broken))
    told = spawner.told_form_file()
    if told is not None and told.file.error is not None:
        sentence = _("The file of fields and presets is broken; the last good one counts. {problem}")
        notes.append(sentence.format(problem=told.file.error.log))
    return notes


def _notes_of_last_session(spawner: HubSpawner) -> list[str]:
    end = spawner.last_end
    if end is None or end.category == "stopped":
        return []
    words = (
        _("Your last session could not start at {time}. {sentence}")
        if end.category == "never_started"
        else _("Your last session ended at {time}. {sentence}")
    )
    return [dated(words, time=day_and_time(end.at, spawner.cluster.clock()), sentence=_(end.sentence))]
