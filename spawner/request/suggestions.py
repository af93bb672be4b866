"""What fills the form with one press, and whether it can be had now: the admin's presets, the user's last requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import RequestRejected
from .choices import Choices
from .model import SessionRequest, parse_request
from .presets import Preset
from .recent import Recent
from .validation import judge_request, resolve_request


@dataclass(frozen=True, slots=True)
class PresetOffer:
    """A preset that this user may see: the whole request that it makes, or None and ``why_not``, the sentence that it is refused with."""

    preset: Preset
    request: SessionRequest | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class RecentOffer:
    """A request that the user had: in words, as options, submitted at ``at`` (seconds since the epoch); ``why_not`` if it cannot be had."""

    label: str
    options: Mapping[str, Any]
    at: float
    why_not: str = ""


def offered_presets(choices: Choices) -> tuple[PresetOffer, ...]:
    """Return the presets that this user may see, in the admin's order.

    Raises
    ------
    NoAccount
        The user has no account in Slurm.
    """
    return tuple(_offer(preset, choices) for preset in choices.presets)


def _offer(preset: Preset, choices: Choices) -> PresetOffer:
    try:
        return PresetOffer(preset, resolve_request({"preset": preset.name}, choices))
    except RequestRejected as error:
        return PresetOffer(preset, None, error.sentence)


def offers_of(recent: Iterable[Recent], choices: Choices) -> tuple[RecentOffer, ...]:
    """Return the user's last requests with what is to be said of each now; what cannot be read any more is left out.

    Raises
    ------
    NoAccount
        The user has no account in Slurm.
    """
    known = {preset.name for preset in choices.presets}
    offers = []
    for entry in recent:
        options = {name: value for name, value in entry.options.items() if name != "preset" or value in known}
        try:
            parse_request(options)
        except RequestRejected:
            continue
        request, errors = judge_request(options, choices)
        offers.append(RecentOffer(request.in_words, options, entry.at, " ".join(errors.values())))
    return tuple(offers)
