"""The folder in which a session opens: whether it may, and what is said of the areas that there are."""

from __future__ import annotations

from ..i18n import _
from ..site.areas import Area, area_of, local_in_words
from .choices import Choices
from .field_values import quoted
from .model import SessionRequest
from .size_validation import Refuse, listed, locked_to, not_among


def areas_offered(choices: Choices) -> tuple[Area, ...]:
    """Return the areas in which this user may start a session; one that is an account's only where there are accounts."""
    return tuple(area for area in choices.areas if choices.accounts or not area.needs_account)


def check_start_folder(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    """Refuse a folder in no area of the site's, or another than the admin leaves. Whether it is there, the job finds out."""
    policy, folder = choices.policy("start_folder"), request.start_folder
    if policy.only_value is not None and folder != policy.only_value:
        refuse("start_folder", locked_to(quoted(folder), str(policy.only_value)))
        return
    if not folder:
        return
    areas = areas_offered(choices)
    if not areas:
        sentence = _("{value} cannot be chosen: this service names no folders to start in. Leave it empty.")
        refuse("start_folder", sentence.format(value=quoted(folder)))
    elif area_of(folder, areas) is None:
        sentence = _("{value} is in none of the areas of this service. Choose one of: {list}; or a folder in one, such as {example}.")
        names = [area.name for area in areas]
        refuse("start_folder", sentence.format(value=quoted(folder), list=listed(names), example=f"{names[0]}/project"))
    elif policy.choices is not None and folder not in policy.choices:
        refuse("start_folder", not_among(quoted(folder), [str(choice) for choice in policy.choices]))


def folder_notes(request: SessionRequest, choices: Choices) -> tuple[str, ...]:
    """Return what a user should know who starts in this folder, a sentence each."""
    area = area_of(request.start_folder, areas_offered(choices))
    return (local_in_words(area.title),) if area is not None and area.local else ()


def areas_in_words(choices: Choices) -> str:
    """Return what there is to choose from, in a sentence."""
    areas = areas_offered(choices)
    if not areas:
        return ""
    names = [area.name if area.title == area.name else f"{area.name} ({area.title})" for area in areas]
    return _("One of: {list}; or a folder in one, such as {example}.").format(list=", ".join(names), example=f"{areas[0].name}/project")
