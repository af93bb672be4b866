"""The folder in which a session opens: whether it may, and what is said of the areas that there are."""

from __future__ import annotations

from dataclasses import dataclass

from ..i18n import _, decimal
from ..site.areas import Area, area_of, local_in_words
from ..site.storage_command import NEARLY_FULL, AreaUsage
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
    local = (local_in_words(area.title),) if area is not None and area.local else ()
    return (*local, *(use.warning for use in use_of_areas(choices) if use.warning))


@dataclass(frozen=True, slots=True)
class AreaInWords:
    """What is used of an area: in words, as a percentage of its limit (None where it has none), and what to say where it is nearly full."""

    title: str
    words: str
    percent: int | None
    warning: str


def use_of_areas(choices: Choices) -> tuple[AreaInWords, ...]:
    """Return what is used of each area of which that is known."""
    known = [(area, choices.usage[area.name]) for area in areas_offered(choices) if area.name in choices.usage]
    return tuple(_in_words(area.title, usage) for area, usage in known if usage.used_bytes is not None or usage.used_files is not None)


def _in_words(title: str, usage: AreaUsage) -> AreaInWords:
    space = _space(usage.used_bytes, usage.limit_bytes) if usage.used_bytes is not None else ""
    files = _files(usage.used_files, usage.limit_files) if usage.used_files is not None else ""
    shares = [(share, words) for share, words in ((usage.bytes_share, space), (usage.files_share, files)) if share is not None]
    share, what = max(shares, default=(0.0, ""))
    warning = ""
    if share >= 1:
        warning = _("{area} is full: {what}. Free some space: nothing can be saved there.").format(area=title, what=what)
    elif share >= NEARLY_FULL:
        warning = _("{area} is nearly full: {what}. Free some space: what cannot be saved is lost.").format(area=title, what=what)
    percent = min(100, int(100 * share)) if shares else None
    return AreaInWords(title, " · ".join(part for part in (space, files) if part), percent, warning)


UNITS = (("TB", 1024**4), ("GB", 1024**3), ("MB", 1024**2))


def _space(used: int, limit: int | None) -> str:
    unit, size = next((entry for entry in UNITS if max(used, limit or 0) >= entry[1]), UNITS[-1])
    amounts = [decimal(amount / size, 1 if amount < 10 * size else 0) for amount in (used, limit or 0)]
    if not limit:
        return _("{used} {unit} used").format(used=amounts[0], unit=unit)
    return _("{used} of {limit} {unit} used").format(used=amounts[0], limit=amounts[1], unit=unit)


def _files(used: int, limit: int | None) -> str:
    if not limit:
        return _("{used} files").format(used=decimal(used, 0))
    return _("{used} of {limit} files").format(used=decimal(used, 0), limit=decimal(limit, 0))


def areas_in_words(choices: Choices) -> str:
    """Return what there is to choose from, in a sentence."""
    areas = areas_offered(choices)
    if not areas:
        return ""
    names = [area.name if area.title == area.name else f"{area.name} ({area.title})" for area in areas]
    return _("One of: {list}; or a folder in one, such as {example}.").format(list=", ".join(names), example=f"{areas[0].name}/project")
